package api

import (
	"context"
	"net/http"
	"time"

	"runlease/shared/auth"
	"runlease/shared/doorbell"
)

// DoorbellPath is where the embedded server takes WebSockets of runners. It is not in
// the route table: on AWS a separate API takes them.
const DoorbellPath = "/doorbell"

// fullWait is how long a runner waits before it tries again to listen.
const fullWait = time.Minute

// Doorway takes the WebSockets that were let in.
type Doorway interface {
	// Room reports whether one more connection fits in; one of the same runner is replaced.
	Room(ctx context.Context, runner string) (bool, error)
	// Enter answers the handshake. It may last as long as the connection.
	Enter(w http.ResponseWriter, r *http.Request, l doorbell.Listener)
}

// Doorbell returns the handler of a WebSocket's handshake. It refuses a runner as
// the routes do, with too_many_requests if there is no room.
func (a *API) Doorbell(way Doorway) http.Handler {
	routes := []Route{{Name: "doorbell", Method: http.MethodGet, Path: DoorbellPath, Caller: Runner, Body: smallBody, serve: func(_ *API, c *call) (reply, error) {
		switch room, err := way.Room(c.Context(), c.runner); {
		case err != nil:
			return reply{}, err
		case !room:
			return busy(fullWait), nil
		}
		return reply{status: http.StatusSwitchingProtocols}, nil
	}}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		r = identified(r)
		c := &call{Request: r, entry: &entry{}}
		answer, err := a.answer(c, routes)
		if err != nil {
			answer = refuse(internalError)
		}
		status := answer.status
		if status != http.StatusSwitchingProtocols {
			status, _ = answer.write(w, r)
		}
		a.record(c, status, answer.outcome, time.Since(started), err)
		if status == http.StatusSwitchingProtocols {
			way.Enter(w, r, doorbell.Listener{Runner: c.runner, Credential: auth.IDOf(c.key.credential)})
		}
	})
}
