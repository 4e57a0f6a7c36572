package api_test

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/roster"
)

// castle is a world in which the job j1 is in the second attempt of runner-a,
// who holds the job j9 too; j2 is queued. Every call is counted.
type castle struct {
	*world
	calls  *calls
	claims map[string]string // tokens: current, stale (of j1's first attempt), other (of j9)
}

func newCastle(t *testing.T) *castle {
	t.Helper()
	c := &castle{world: newWorld(t), calls: &calls{}}
	c.problems()
	c.claims = map[string]string{"stale": c.claimed("j1")}
	c.pass(601 * time.Second)
	c.claims["current"] = c.claim("j1", "runner-a")
	c.claims["other"] = c.claimed("j9")
	c.queued("j2")

	credentials := memory.NewCredentials()
	issue := func(name string, g auth.Grant, at time.Time) {
		token, credential, err := auth.Issue(t.Context(), credentials, g, at, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c.tokens[name] = token
		if strings.HasPrefix(name, "revoked") {
			if _, found, err := credentials.Revoke(t.Context(), credential.ID, at); !found || err != nil {
				t.Fatal(found, err)
			}
		}
	}
	for name, g := range grants {
		issue(name, g, begin)
	}
	for _, caller := range []api.Caller{api.Runner, api.Producer} {
		g := auth.Grant{Kind: auth.Runner, Name: "runner-a"}
		if caller == api.Producer {
			g = grants["producer"]
		}
		issue("revoked "+string(caller), g, begin)
		g.Life = time.Hour
		issue("expired "+string(caller), g, begin.Add(-time.Hour))
	}
	for i, scope := range everyScope {
		g := grants["producer"]
		g.Scopes = slices.Delete(slices.Clone(everyScope), i, i+1)
		issue("without "+scope, g, begin)
	}
	verifier := auth.NewVerifier(watchedCredentials{credentials, c.calls})
	verifier.Now = c.clock
	d := dispatch.New(watchedStore{c.store, c.calls}, watchedQueue{c.queue, c.calls}, watchedArtifacts{c.blobs, c.calls})
	records := memory.NewStore()
	if _, saved, err := records.SaveRunner(t.Context(), roster.Runner{}, roster.Runner{Name: "runner-a", State: roster.Serving, LastHeard: job.At(begin), Revision: 1}); err != nil || !saved {
		t.Fatal(saved, err)
	}
	d.Roster = watchedRoster{records, c.calls}
	d.Now = c.clock
	d.Log = slog.New(slog.NewJSONHandler(logbook{}, nil))
	c.api = api.New(api.Config{Dispatch: d, Auth: verifier, Log: slog.New(slog.NewJSONHandler(c.log, nil)), RunnerRate: api.Unlimited, ProducerRate: api.Unlimited})
	return c
}

// state is everything that is kept, as far as it can be read.
func (c *castle) state() any {
	c.t.Helper()
	type kept struct {
		Jobs     map[string]job.Job
		Problem  any
		Open     [][]dispatch.OpenJob
		Messages dispatch.Depth
		Versions []any
	}
	k := kept{}
	var err error
	ctx := c.t.Context()
	if k.Jobs, err = c.store.Store.GetMany(ctx, []string{"j1", "j2", "j3", "j9"}); err != nil {
		c.t.Fatal(err)
	}
	for shard := range dispatch.Shards {
		page, _, err := c.store.Open(ctx, shard, "", 100)
		if err != nil {
			c.t.Fatal(err)
		}
		k.Open = append(k.Open, page)
	}
	if k.Problem, _, err = c.store.Store.Problem(ctx, 7); err != nil {
		c.t.Fatal(err)
	}
	if k.Messages, err = c.queue.Depth(ctx); err != nil {
		c.t.Fatal(err)
	}
	return k
}

// openRoutes are the runner routes that ask for no job held by the caller. A
// route that is not here is for holders only.
var openRoutes = map[string]string{
	"list-jobs":     "gives out no more than ids",
	"claim-job":     "makes a holder",
	"retire-runner": "is about the runner itself",
	"sync":          "asks for it item by item: TestSyncMatrix",
}

func isRunner(r api.Route) bool   { return r.Caller == api.Runner }
func isProducer(r api.Route) bool { return r.Caller == api.Producer }
func any1(api.Route) bool         { return true }

func asksForHolder(r api.Route) bool { return isRunner(r) && openRoutes[r.Name] == "" }

// present puts a token where the route wants it.
func present(r api.Route, a ask, token string) ask {
	a = a.by("nobody")
	if isRunner(r) {
		return a.with("X-Runner-Token", token)
	}
	return a.with("Authorization", "Bearer "+token)
}

// good is the right token for a route.
func (c *castle) good(r api.Route) string {
	if isRunner(r) {
		return c.tokens["runner-a"]
	}
	return c.tokens["producer"]
}

// claimToken puts another claim token where the request has one, else into the
// header.
func (c *castle) claimToken(r api.Route, a ask, token string) ask {
	a = present(r, a, c.good(r))
	if strings.Contains(a.body, c.claims["current"]) {
		a.body = strings.ReplaceAll(a.body, c.claims["current"], token)
		return a
	}
	return a.with("X-Claim-Token", token)
}

// refusedToken is the answer to every fault of a token itself.
func refusedToken(r api.Route) (int, string) {
	if isRunner(r) {
		return http.StatusForbidden, "invalid_runner_token"
	}
	return http.StatusUnauthorized, "invalid_producer_token"
}

func always(status int, code string) func(api.Route) (int, string) {
	return func(api.Route) (int, string) { return status, code }
}

// credential is one kind of bad credential.
type credential struct {
	name    string
	applies func(api.Route) bool
	present func(*castle, api.Route, ask) ask
	answer  func(api.Route) (status int, code string)
	lookups int  // the most look-ups of a credential
	behind  bool // the token is good: the job must be looked at
}

// bad replaces the token by another made from the good one.
func bad(name string, lookups int, of func(c *castle, r api.Route, good string) string) credential {
	return credential{name, any1, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, of(c, r, c.good(r)))
	}, refusedToken, lookups, false}
}

// flipped changes a character of a token to another one.
func flipped(token string, at int) string {
	other := byte('0')
	if token[at] == other {
		other = '1'
	}
	return token[:at] + string(other) + token[at+1:]
}

func elsewhere(name string, put func(a ask, token string) ask) credential {
	return credential{"the good token " + name, any1, func(c *castle, r api.Route, a ask) ask {
		return put(a.by("nobody"), c.good(r))
	}, refusedToken, 0, false}
}

var badCredentials = []credential{
	{"no token", any1, func(_ *castle, _ api.Route, a ask) ask { return a.by("nobody") }, refusedToken, 0, false},
	bad("an empty token", 0, func(*castle, api.Route, string) string { return "" }),
	bad("malformed: a word", 0, func(*castle, api.Route, string) string { return "secret" }),
	bad("malformed: cut off", 0, func(_ *castle, _ api.Route, good string) string { return good[:len(good)-1] }),
	bad("malformed: one more character", 0, func(_ *castle, _ api.Route, good string) string { return good + "0" }),
	bad("malformed: quoted", 0, func(_ *castle, _ api.Route, good string) string { return `"` + good + `"` }),
	bad("malformed: its hash", 0, func(_ *castle, _ api.Route, good string) string { return auth.Hash(good) }),
	bad("wrong checksum: its last character", 0, func(_ *castle, _ api.Route, good string) string { return flipped(good, len(good)-1) }),
	bad("wrong checksum: a random character", 0, func(_ *castle, _ api.Route, good string) string { return flipped(good, 20) }),
	bad("wrong checksum: another prefix", 0, func(_ *castle, r api.Route, good string) string {
		return map[api.Caller]string{api.Runner: "rlp_", api.Producer: "rlr_"}[r.Caller] + good[4:]
	}),
	bad("a claim token", 0, func(c *castle, _ api.Route, _ string) string { return c.claims["current"] }),
	bad("of the other kind of caller", 0, func(c *castle, r api.Route, _ string) string {
		return c.tokens[map[api.Caller]string{api.Runner: "producer", api.Producer: "runner-a"}[r.Caller]]
	}),
	bad("unknown", 1, func(c *castle, r api.Route, _ string) string {
		token, err := auth.New(map[api.Caller]auth.Kind{api.Runner: auth.Runner, api.Producer: auth.Producer}[r.Caller], rand.Reader)
		if err != nil {
			c.t.Fatal(err)
		}
		return token
	}),
	bad("expired", 1, func(c *castle, r api.Route, _ string) string { return c.tokens["expired "+string(r.Caller)] }),
	bad("revoked", 1, func(c *castle, r api.Route, _ string) string { return c.tokens["revoked "+string(r.Caller)] }),

	elsewhere("in the query", func(a ask, token string) ask {
		query := url.Values{}
		for _, name := range []string{"X-Runner-Token", "x-runner-token", "token", "access_token", "authorization", "Authorization"} {
			query.Set(name, token)
		}
		a.path += "?" + query.Encode()
		return a
	}),
	elsewhere("in a cookie", func(a ask, token string) ask { return a.with("Cookie", "X-Runner-Token="+token+"; token="+token) }),
	elsewhere("as a password", func(a ask, token string) ask { return a.with("Authorization", "Basic "+token) }),
	{"the good token in the header of the other kind of caller", any1, func(c *castle, r api.Route, a ask) ask {
		a = a.by("nobody")
		if isRunner(r) {
			return a.with("Authorization", "Bearer "+c.good(r))
		}
		return a.with("X-Runner-Token", c.good(r))
	}, refusedToken, 0, false},
	{"the other kind of caller, all in order", any1, func(c *castle, r api.Route, a ask) ask {
		a = a.by("nobody")
		if isRunner(r) {
			return a.with("Authorization", "Bearer "+c.tokens["producer"])
		}
		return a.with("X-Runner-Token", c.tokens["runner-a"])
	}, refusedToken, 0, false},

	{"another runner's token, with this one's name", isRunner, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, c.tokens["runner-b"]).with("X-Runner-Name", "runner-a")
	}, always(403, "runner_name_mismatch"), 1, false},
	{"a bound token with another name", isRunner, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, c.good(r)).with("X-Runner-Name", "runner-b")
	}, always(403, "runner_name_mismatch"), 1, false},
	{"a fleet token without a name", isRunner, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, c.tokens["fleet"])
	}, always(400, "missing_runner_name"), 1, false},
	{"a fleet token with an ill-formed name", isRunner, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, c.tokens["fleet"]).with("X-Runner-Name", "runner-a,runner-b")
	}, always(400, "missing_runner_name"), 1, false},

	{"another runner's bound token", asksForHolder, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, c.tokens["runner-b"])
	}, always(403, "not_claimed_by_runner"), 1, true},
	{"a fleet token with another name", asksForHolder, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, c.tokens["fleet"]).with("X-Runner-Name", "runner-f")
	}, always(403, "not_claimed_by_runner"), 1, true},
	claimed("another claim's token", func(c *castle) string { return c.claims["other"] }),
	claimed("a stale attempt's token", func(c *castle) string { return c.claims["stale"] }),
	claimed("a claim token with a wrong checksum", func(c *castle) string { return flipped(c.claims["current"], 52) }),
	claimed("a claim token that is none", func(*castle) string { return "x" }),
	claimed("a runner's token as claim token", func(c *castle) string { return c.tokens["runner-a"] }),

	{"a scope too few", isProducer, func(c *castle, r api.Route, a ask) ask {
		return present(r, a, c.tokens["without "+r.Scope])
	}, always(403, "missing_scope"), 1, false},
}

func claimed(name string, token func(*castle) string) credential {
	return credential{name, asksForHolder, func(c *castle, r api.Route, a ask) ask {
		return c.claimToken(r, a, token(c))
	}, always(403, "invalid_submission_token"), 1, true}
}

// isEvidence reports whether a refusal may be noted: the result of an attempt that
// has ended, with its token, is kept with that attempt.
func isEvidence(r api.Route, b credential) bool {
	return r.Name == "complete-job" && b.name == "a stale attempt's token"
}

// withoutEvidence is a state without what a late result may change.
func withoutEvidence(p cmp.Path) bool {
	switch p.Last().String() {
	case ".Late", ".Revision", ".WriteID":
		return true
	}
	return false
}

// TestMatrix tries every kind of bad credential on every route of the table. All
// are refused with the right status and code; nothing changes, no URL is signed,
// no port is asked for a caller who is not let in, and no credential is looked
// up for a token that cannot be one.
func TestMatrix(t *testing.T) {
	tried := 0
	for _, route := range api.Routes() {
		t.Run(route.Name, func(t *testing.T) {
			c := newCastle(t)
			legal, known := legal(c.claims["current"])[route.Name]
			if !known {
				t.Fatal("no request for this route")
			}
			before := c.state()
			applied := 0
			for _, b := range badCredentials {
				if !b.applies(route) {
					continue
				}
				applied++
				c.calls.take()
				status, code := b.answer(route)
				c.expect(b.name, b.present(c, route, legal), status, code)
				ports, lookups := c.calls.take()
				if lookups > b.lookups {
					t.Errorf("%s: %d credentials were looked up, want %d", b.name, lookups, b.lookups)
				}
				if b.behind != (len(ports) > 0) {
					t.Errorf("%s: calls %v", b.name, ports)
				}
				var ignored cmp.Options
				if isEvidence(route, b) {
					ignored = cmp.Options{cmp.FilterPath(withoutEvidence, cmp.Ignore())}
					ports = slices.DeleteFunc(ports, func(name string) bool { return name == "Save" })
				}
				if found := harm(ports); len(found) > 0 {
					t.Errorf("%s: calls that change something or give something away: %v", b.name, found)
				}
				now := c.state()
				if diff := cmp.Diff(before, now, ignored); diff != "" {
					t.Errorf("%s: changed (-before +after):\n%s", b.name, diff)
				}
				before = now
			}
			if least := map[api.Caller]int{api.Runner: 24, api.Producer: 21}[route.Caller]; applied < least {
				t.Errorf("only %d kinds of bad credentials were tried", applied)
			}
			tried += applied
			// The same request with the right ones passes the door.
			if got := c.do(present(route, legal, c.good(route))); got.status == 401 || got.status == 403 {
				t.Errorf("the good credential: %d %s", got.status, got.code)
			}
			if ports, _ := c.calls.take(); len(ports) == 0 {
				t.Error("the good credential: no port was asked, so this shows nothing")
			}
		})
	}
	t.Logf("%d routes, %d refusals", len(api.Routes()), tried)
}

// TestOpenRoutesAreRoutes keeps the exceptions of the matrix from outliving
// their routes.
func TestOpenRoutesAreRoutes(t *testing.T) {
	for name := range openRoutes {
		if !slices.ContainsFunc(api.Routes(), func(r api.Route) bool { return r.Name == name && isRunner(r) }) {
			t.Errorf("%s is no runner route", name)
		}
	}
}
