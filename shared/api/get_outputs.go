package api

import (
	"time"

	"runlease/shared/dispatch"
)

type outputsData struct {
	URL       string `json:"url"`
	ExpiresIn int    `json:"expiresIn"` // seconds
}

// getOutputs is GET /jobs/{id}/outputs.
func getOutputs(a *API, c *call) (reply, error) {
	download, answer, err := a.dispatch.Outputs(c.Context(), c.id)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", outputsData{download.URL, int(dispatch.URLLife / time.Second)}), nil
}
