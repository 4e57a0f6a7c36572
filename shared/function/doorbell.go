package function

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"runlease/shared/api"
	"runlease/shared/apigw"
	"runlease/shared/auth"
	"runlease/shared/connections"
	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
)

// Doorbell names the table of the doorbell, and the stage of its WebSocket API:
// DoorbellURL for runners (wss), DoorbellPosts for posts to them (https). A
// deployment without a doorbell sets none of them.
type Doorbell struct {
	DoorbellTable string `env:"RUNLEASE_DOORBELL_TABLE"`
	DoorbellPosts string `env:"RUNLEASE_DOORBELL_POSTS"`
	DoorbellURL   string `env:"RUNLEASE_DOORBELL_URL"`
}

// Hang gives a Dispatcher the doorbell of a deployment, if that has one.
func (c Doorbell) Hang(d *dispatch.Dispatcher, benches dispatch.Benches, cfg aws.Config) error {
	if c.DoorbellTable == "" || c.DoorbellPosts == "" {
		return nil
	}
	posts, err := connections.New(cfg, c.DoorbellPosts)
	if err != nil {
		return err
	}
	d.Benches, d.Posts = benches, posts
	return nil
}

// errNoDoorbell ends the start of a function that only a doorbell needs.
var errNoDoorbell = errors.New("RUNLEASE_DOORBELL_TABLE and RUNLEASE_DOORBELL_POSTS must be set")

// DoorbellConnect returns the handler of $connect.
func DoorbellConnect(d *dispatch.Dispatcher, credentials auth.Store) (lambda.Handler, error) {
	if d.Benches == nil {
		return nil, errNoDoorbell
	}
	a := api.New(api.Config{Dispatch: d, Auth: auth.NewVerifier(credentials)})
	return apigw.Connect{HTTP: a.Doorbell(gate{d}), Path: api.DoorbellPath}, nil
}

// DoorbellDisconnect returns the handler of $disconnect.
func DoorbellDisconnect(d *dispatch.Dispatcher) (lambda.Handler, error) {
	if d.Benches == nil {
		return nil, errNoDoorbell
	}
	return apigw.Disconnect(d.Disconnected), nil
}

// gate lets runners in; API Gateway holds their connections.
type gate struct{ dispatch *dispatch.Dispatcher }

// Room reports that there is always room: how many wait for a ring is bounded by
// the benches.
func (gate) Room(string) bool { return true }

// Enter notes the connection. A failure refuses it, and the runner tries again.
func (g gate) Enter(w http.ResponseWriter, r *http.Request, l doorbell.Listener) {
	l.Connection = apigw.ConnectionID(r)
	if err := g.dispatch.Connected(context.WithoutCancel(r.Context()), l); err != nil {
		g.dispatch.Log.ErrorContext(r.Context(), "connection not noted", "runner", l.Runner, "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}
