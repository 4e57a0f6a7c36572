package memory_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/testkit/artifacttest"
)

func TestArtifacts(t *testing.T) {
	artifacttest.Run(t, func(t *testing.T) artifacttest.Harness {
		c := newClock()
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		artifacts := memory.NewArtifacts(server.URL, []byte("secret"), c.now)
		mux.Handle(memory.BlobPath, artifacts)
		return artifacttest.Harness{
			Artifacts: artifacts,
			Client:    server.Client(),
			Aged:      func(age time.Duration) dispatch.Artifacts { return aged{artifacts, c, age} },
		}
	})
}

// aged makes its URLs in the past.
type aged struct {
	dispatch.Artifacts
	clock *clock
	age   time.Duration
}

func (a aged) GetURL(ctx context.Context, key, filename string) (string, error) {
	a.clock.pass(-a.age)
	defer a.clock.pass(a.age)
	return a.Artifacts.GetURL(ctx, key, filename)
}

func (a aged) PutURL(ctx context.Context, key string, want job.Artifact) (dispatch.Upload, error) {
	a.clock.pass(-a.age)
	defer a.clock.pass(a.age)
	return a.Artifacts.PutURL(ctx, key, want)
}
