// Package given makes the state that a saved event meets: a problem that is
// published, a job that is claimed. It does so through the API itself, with the
// calls that a backend and a runner make, on whatever adapters that API has.
package given

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/testkit/wire"
)

// Messages does to a queue what no caller of the API can.
type Messages interface {
	// Lose makes the queue forget every message.
	Lose(ctx context.Context) error
	// Garble sends a message that cannot be parsed.
	Garble(ctx context.Context) error
}

// World is a deployment: the API on some adapters, and what is around it.
type World struct {
	Dispatch *dispatch.Dispatcher // its Now is moved, so it serves one world only
	API      http.Handler         // every route, on Dispatch
	Messages Messages
	Uploads  *http.Client // sends what presigned URLs allow; nil: http.DefaultClient

	// Values of an event's placeholders. Tokens are issued once per world by
	// IssueTokens; those of claims come with the claims.
	Values map[string]string
}

// putter is where credentials go.
type putter interface {
	Put(ctx context.Context, c auth.Credential) (stored bool, err error)
}

// IssueTokens issues the tokens that events are filled with:
//
//	runnerToken    of a fleet: the caller says its own name
//	boundToken     of the runner judge-1 alone
//	producerToken  of a producer with all scopes
//	readerToken    of a producer with jobs:read only
//	unknownToken   well-formed, but never issued
func (w *World) IssueTokens(ctx context.Context, credentials putter) error {
	w.Values = map[string]string{}
	for name, grant := range map[string]auth.Grant{
		"runnerToken":   {Kind: auth.Runner, Name: "events", Fleet: true},
		"boundToken":    {Kind: auth.Runner, Name: "judge-1"},
		"producerToken": {Kind: auth.Producer, Name: "events", Scopes: []string{api.ScopeJobsWrite, api.ScopeJobsRead, api.ScopeProblemsWrite, api.ScopeOpsRead, api.ScopeOpsWrite}},
		"readerToken":   {Kind: auth.Producer, Name: "events-reader", Scopes: []string{api.ScopeJobsRead}},
	} {
		token, _, err := auth.Issue(ctx, credentials, grant, time.Now(), rand.Reader)
		if err != nil {
			return err
		}
		w.Values[name] = token
	}
	unknown, err := auth.New(auth.Runner, rand.Reader)
	w.Values["unknownToken"] = unknown
	return err
}

// Prepare takes steps in order, on a deployment without jobs and problems. A
// step may end in a time, as in "job claimed by judge-1, 1h ago".
func (w *World) Prepare(ctx context.Context, steps []string) error {
	delete(w.Values, claimToken)
	delete(w.Values, lostClaimToken)
	defer func() { w.Dispatch.Now = time.Now }()
	for _, step := range steps {
		what, ago, err := parse(step)
		if err != nil {
			return err
		}
		w.Dispatch.Now = func() time.Time { return time.Now().Add(-ago) }
		if err := w.take(ctx, what); err != nil {
			return fmt.Errorf("given %q: %w", step, err)
		}
	}
	return nil
}

func parse(step string) (what string, ago time.Duration, err error) {
	what, when, hasTime := strings.Cut(step, ", ")
	if !hasTime {
		return what, 0, nil
	}
	ago, err = time.ParseDuration(strings.TrimSuffix(when, " ago"))
	if err != nil || ago <= 0 || !strings.HasSuffix(when, " ago") {
		return "", 0, fmt.Errorf("given %q: the time is no duration like 1h or 90s", step)
	}
	return what, ago, nil
}

// ask is a call of the API.
type ask struct {
	method, path string
	runner       string // the caller; empty: the producer
	body         string
}

// do makes a call that must be granted, and returns its data.
func (w *World) do(ctx context.Context, a ask) (map[string]any, error) {
	r := httptest.NewRequestWithContext(ctx, a.method, a.path, strings.NewReader(a.body))
	if a.runner == "" {
		r.Header.Set("Authorization", "Bearer "+w.Values["producerToken"])
	} else {
		r.Header.Set("X-Runner-Token", w.Values["runnerToken"])
		r.Header.Set("X-Runner-Name", a.runner)
	}
	recorded := httptest.NewRecorder()
	w.API.ServeHTTP(recorded, r)
	var reply struct {
		Data    map[string]any
		Message string
	}
	if err := json.Unmarshal(recorded.Body.Bytes(), &reply); err != nil {
		return nil, fmt.Errorf("%s %s: %d: %w", a.method, a.path, recorded.Code, err)
	}
	if recorded.Code >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %d %s", a.method, a.path, recorded.Code, reply.Message)
	}
	return reply.Data, nil
}

// upload puts bytes where data.upload of a reply says.
func (w *World) upload(ctx context.Context, data map[string]any, body []byte) error {
	status, err := wire.Upload(ctx, w.Uploads, data["upload"], body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return nil
}
