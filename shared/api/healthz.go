package api

import (
	"net/http"

	"runlease/shared/version"
)

// HealthPath answers GET and HEAD without a credential, on every target: it is
// no route of the table, so that behind an API Gateway the function for what no
// route takes answers it, and it looks at nothing but this process.
const HealthPath = "/healthz"

type healthData struct {
	Version string `json:"version"` // of the server, a semantic version
}

func healthz() reply { return granted("ok", healthData{version.Version}) }

var healthMethods = []string{http.MethodGet, http.MethodHead}
