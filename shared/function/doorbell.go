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

// Lines counts the connections of a deployment.
type Lines interface {
	// Admit counts one more connection. It returns false if there are most already and
	// the runner has none to replace.
	Admit(ctx context.Context, runner string, most int) (bool, error)
}

// DoorbellConnect returns the handler of $connect.
func DoorbellConnect(d *dispatch.Dispatcher, credentials auth.Store, lines Lines) (lambda.Handler, error) {
	if d.Benches == nil {
		return nil, errNoDoorbell
	}
	m := newMeter()
	d.Meter = m.measure
	a := api.New(api.Config{Dispatch: d, Auth: auth.NewVerifier(credentials), Line: m.line})
	return metered{apigw.Connect{HTTP: a.Doorbell(gate{d, lines}), Path: api.DoorbellPath}, m}, nil
}

// DoorbellDisconnect returns the handler of $disconnect.
func DoorbellDisconnect(d *dispatch.Dispatcher) (lambda.Handler, error) {
	if d.Benches == nil {
		return nil, errNoDoorbell
	}
	return apigw.Disconnect(d.Disconnected), nil
}

// gate lets runners in; API Gateway holds their connections.
type gate struct {
	dispatch *dispatch.Dispatcher
	lines    Lines
}

// Room counts one more connection, if there is room for it.
func (g gate) Room(ctx context.Context, runner string) (bool, error) {
	return g.lines.Admit(ctx, runner, doorbell.MaxListeners)
}

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
