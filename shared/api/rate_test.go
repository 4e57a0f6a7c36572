package api_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/memory"
)

// limit puts rates on a world.
func (w *world) limit(rate api.Rate) {
	w.t.Helper()
	w.rebuild(api.Config{RunnerRate: rate, ProducerRate: rate})
}

// rebuild gives a world an API with other rates, and credentials and tokens of
// their own; what is stored stays.
func (w *world) rebuild(c api.Config) *auth.Verifier {
	w.t.Helper()
	credentials := memory.NewCredentials()
	for name, grant := range grants {
		token, _, err := auth.Issue(w.t.Context(), credentials, grant, w.clock(), rand.Reader)
		if err != nil {
			w.t.Fatal(err)
		}
		w.tokens[name] = token
	}
	verifier := auth.NewVerifier(credentials)
	verifier.Now = w.clock
	if c.Dispatch == nil {
		c.Dispatch = dispatch.New(w.store, flakyQueue{w.queue, w.store}, w.blobs)
	}
	c.Dispatch.Now, c.Dispatch.Log = w.clock, slog.New(slog.NewJSONHandler(logbook{}, nil))
	c.Auth, c.Log, c.Now = verifier, slog.New(slog.NewJSONHandler(w.log, nil)), w.clock
	w.api = api.New(c)
	return verifier
}

var everyScope = []string{api.ScopeJobsRead, api.ScopeJobsWrite, api.ScopeProblemsWrite, api.ScopeOpsRead, api.ScopeOpsWrite}

var grants = map[string]auth.Grant{
	"runner-a": {Kind: auth.Runner, Name: "runner-a"},
	"runner-b": {Kind: auth.Runner, Name: "runner-b"},
	"fleet":    {Kind: auth.Runner, Name: "fleet", Fleet: true},
	"producer": {Kind: auth.Producer, Name: "producer", Scopes: everyScope},
	"reader":   {Kind: auth.Producer, Name: "reader", Scopes: everyScope[:1]},
}

// busy insists on a 429 and returns when to ask again.
func (w *world) busy(what string, a ask) (seconds int) {
	w.t.Helper()
	got := w.expect(what, a, http.StatusTooManyRequests, "too_many_requests")
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		w.t.Errorf("%s: Retry-After %q", what, got.header.Get("Retry-After"))
	}
	return seconds
}

// direct is the status of a request that does not go over the network.
func (w *world) direct(a ask) int {
	r := httptest.NewRequestWithContext(context.Background(), a.method, a.path, strings.NewReader(a.body))
	for name, values := range a.header {
		r.Header[name] = values
	}
	r.Header.Set("X-Runner-Token", w.tokens[a.as])
	r.Header.Set("Authorization", "Bearer "+w.tokens[a.as])
	recorded := httptest.NewRecorder()
	w.api.Handler().ServeHTTP(recorded, r)
	return recorded.Code
}

// TestRates asks every route one time too often. Whatever the request is, the
// refusal comes before it is read.
func TestRates(t *testing.T) {
	all := newWorld(t)
	each(t, all, func(w *world, _ api.Route, a ask) {
		all.limit(api.Rate{PerSecond: 0.25, Burst: 2})
		for range 2 {
			if got := w.do(a); got.status == http.StatusTooManyRequests {
				w.t.Fatalf("refused within the burst: %s", got.raw)
			}
		}
		if seconds := w.busy("one too many", a); seconds != 4 {
			w.t.Errorf("ask again in %d s, want 4", seconds)
		}
		unread := a.with("Content-Type", "text/plain")
		unread.body = "{"
		w.busy("a body that would be refused", unread)
		all.pass(3900 * time.Millisecond)
		if seconds := w.busy("too early", a); seconds != 1 {
			w.t.Errorf("ask again in %d s, want 1", seconds)
		}
		all.pass(100 * time.Millisecond)
		if got := w.do(a); got.status == http.StatusTooManyRequests {
			w.t.Errorf("refused in time: %s", got.raw)
		}
		w.busy("only one was saved", a)
	})
}

// TestRatesAreOfOneCaller: what one has used up is no loss of another's.
func TestRatesAreOfOneCaller(t *testing.T) {
	w := newWorld(t)
	w.limit(api.Rate{PerSecond: 1, Burst: 1})
	list, query := get("/runner/jobs"), post("/jobs/query", `{"ids":[]}`)
	w.must(200, list)
	w.busy("again", list)
	w.must(200, list.by("runner-b"))
	named := func(name string) ask { return list.by("fleet").with("X-Runner-Name", name) }
	w.must(200, named("f1"))
	w.busy("the same runner of a fleet", named("f1"))
	w.must(200, named("f2"))
	w.must(200, named("runner-a"))
	w.must(200, query)
	w.busy("the same producer", query)
	w.must(200, query.by("reader"))

	// A bad credential spends nothing of the runner that it names.
	w.pass(time.Second)
	w.expect("no token", list.by("nobody").with("X-Runner-Name", "runner-a"), 403, "invalid_runner_token")
	w.expect("another's name", list.by("runner-b").with("X-Runner-Name", "runner-a"), 403, "runner_name_mismatch")
	w.must(200, list)
	w.must(200, list.by("runner-b"))

	// A clock that is set back by an hour costs no caller an hour, and gives no gift.
	w.pass(-time.Hour)
	w.busy("the clock was set back", list)
	w.pass(time.Second)
	w.must(200, list)
}

// TestRatesAreBounded: callers without end push out those who were silent
// longest, and nothing else.
func TestRatesAreBounded(t *testing.T) {
	w := newWorld(t)
	w.rebuild(api.Config{RunnerRate: api.Rate{PerSecond: 1, Burst: 1}})
	ask := func(name string) int {
		return w.direct(get("/runner/jobs").by("fleet").with("X-Runner-Name", name))
	}
	ask("first")
	ask("second")
	for i := range 4_200 {
		if got := ask("f" + strconv.Itoa(i)); got != 200 {
			t.Fatalf("caller %d: %d", i, got)
		}
		if got := ask("second"); got != 429 {
			t.Fatalf("%d callers pushed out one that asks all the time: %d", i+1, got)
		}
	}
	if got := api.Callers(w.api); got != 4096 {
		t.Errorf("%d callers are remembered, want 4096", got)
	}
	if got := ask("first"); got != 200 {
		t.Errorf("the one who was silent: %d", got)
	}
}

// TestDefaultRates holds the rates of an API that was told none.
func TestDefaultRates(t *testing.T) {
	w := newWorld(t)
	w.rebuild(api.Config{})
	for _, c := range []struct {
		ask   ask
		burst int
	}{{get("/runner/jobs").by("runner-a"), 40}, {post("/jobs/query", `{"ids":[]}`).by("producer"), 400}} {
		for i := range c.burst {
			if got := w.direct(c.ask); got != 200 {
				t.Fatalf("%s: number %d: %d", c.ask.path, i, got)
			}
		}
		w.busy(c.ask.path, c.ask)
		w.pass(time.Second)
		for i := range c.burst / 2 {
			if got := w.direct(c.ask); got != 200 {
				t.Fatalf("%s: number %d of the next second: %d", c.ask.path, i, got)
			}
		}
		w.busy(c.ask.path, c.ask)
	}
}

// TestCostOfASync: so does a runner that names many jobs in one call.
func TestCostOfASync(t *testing.T) {
	w := newWorld(t)
	w.limit(api.Rate{PerSecond: 1, Burst: 2})
	sync := func(n int) ask {
		items := `[{"submissionId":"j","token":"t"}` + strings.Repeat(`,{"submissionId":"j","token":"t"}`, n-1) + `]`
		return post("/runner/sync", `{"slots":0,"done":`+items+`,"active":`+items+`}`).by("runner-a")
	}
	w.must(200, sync(10)) // twenty items
	w.busy("the rate is used up", sync(1))
	w.pass(time.Second)
	w.must(200, sync(5))
}

// TestCostOfAQuery: a caller that asks for many jobs at once may ask as often.
func TestCostOfAQuery(t *testing.T) {
	w := newWorld(t)
	w.limit(api.Rate{PerSecond: 1, Burst: 10})
	query := func(n int) ask {
		return post("/jobs/query", `{"ids":["j"`+strings.Repeat(`,"j"`, n-1)+`]}`)
	}
	w.must(200, query(100))
	w.busy("the rate is used up", query(1))
	w.pass(2 * time.Second)
	w.must(200, query(11))
	w.busy("two were saved", query(1))
	w.pass(time.Second)
	w.busy("one was saved", query(11))
}

// TestFloodOfUnknownTokens: two thousand unknown tokens a second cost their
// look-ups, and keep no caller out whose token was never seen before.
func TestFloodOfUnknownTokens(t *testing.T) {
	w := newWorld(t)
	for range 2000 {
		token, err := auth.New(auth.Runner, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		w.tokens["unknown"] = token
		if got := w.direct(get("/runner/jobs").by("unknown")); got != http.StatusForbidden {
			t.Fatalf("an unknown token: %d", got)
		}
	}
	for _, ask := range []ask{get("/runner/jobs").by("runner-b"), post("/jobs/query", `{"ids":[]}`).by("reader")} {
		if got := w.direct(ask); got != http.StatusOK {
			t.Errorf("%s: %d for a good token that is new to the process", ask.as, got)
		}
	}
}
