package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"runlease/shared/console"
	"runlease/shared/testkit/contract"
)

// cannot lists what a target cannot do, each with its reason. Nothing else is
// left out.
var cannot = map[string]map[string]string{
	"embedded": {
		"sweep":        "its queue is in its memory and cannot be purged; shared/dispatch tests the sweep with a clock that it moves",
		"kill":         "one process serves everything; a kill ends it with all its data",
		"dead-letters": "its queues are in its memory and take only its messages; shared/sqsqueue tests dead letters",
		"webhook":      "ctl works on a folder of its, and this one has none; infra/local has a receiver called",
	},
	"localstack": {
		"doorbell": "has no WebSocket API",
		"pools":    "this deployment has the default pool alone; MiniStack's has two",
	},
	"ministack": {
		"escaped": "decodes %2F before it routes, so that such a path is one of two segments",
	},
}

// unseen lists the kinds of reply that no target can be brought to give from
// outside, by code. shared/api sees each of them.
var unseen = map[string]string{
	"internal_error":       "needs a broken dependency",
	"too_many_requests":    "needs a flood",
	"runner_name_mismatch": "needs a bound token; the target's is a fleet token",
	"missing_scope":        "needs a token of fewer scopes; the target's has all",
	"code_not_found":       "a job without code cannot be claimed",
	"too_many_pauses":      "needs a hundred pauses, which would stay if the test failed",
	"upload_mismatch":      "the bucket refuses bytes that are not what was announced",
}

// allSeen reports whether the suite saw every route succeed, and every code that
// can be had from outside at some route.
func allSeen() error {
	cases, err := contract.Unseen()
	if err != nil {
		return err
	}
	all, err := contract.Cases()
	if err != nil {
		return err
	}
	missed := map[contract.Case]bool{}
	for _, c := range cases {
		missed[c] = true
	}
	codes := map[string]bool{} // code -> seen somewhere
	var faults []string
	for _, c := range all {
		codes[c.Code] = codes[c.Code] || !missed[c]
		if c.Code == "" && missed[c] {
			faults = append(faults, fmt.Sprintf("%s answer %d", c.Operation, c.Status))
		}
	}
	for code, seen := range codes {
		if _, excused := unseen[code]; !seen && !excused {
			faults = append(faults, "the code "+code)
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("no test has seen %s", strings.Join(faults, ", "))
	}
	return nil
}

// TestConsole: the operator's page and its files come through the gateway as they are.
func TestConsole(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, path := range []string{"/console", "/console/app.js", "/console/style.css"} {
		want := httptest.NewRecorder()
		console.Plain(http.NotFoundHandler()).ServeHTTP(want, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "*/*")
		got, err := (&http.Client{Timeout: patience}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if err != nil || got.StatusCode != http.StatusOK || string(text) != want.Body.String() {
			t.Errorf("%s: %d, %d bytes, %v", path, got.StatusCode, len(text), err)
		}
		for _, name := range []string{"Content-Type", "Content-Security-Policy", "X-Content-Type-Options"} {
			if got.Header.Get(name) != want.Header().Get(name) {
				t.Errorf("%s: %s is %q", path, name, got.Header.Get(name))
			}
		}
	}
	c.http.Transport = nil // openapi.yaml does not know the page
	c.want(404, "unknown_route", request{"GET", "/console/nothing.js", nil, as("one")})
	c.want(405, "method_not_allowed", request{"POST", "/console", "", as("one")})
}

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.http.Transport = nil // openapi.yaml knows only what there is
	for _, path := range []string{"/nowhere", "/runner", "/runner/jobs/x/unknown", "/jobs/x/y/z"} {
		c.want(404, "unknown_route", request{"GET", path, nil, as("one")})
	}
	for path, allow := range map[string]string{"/runner/jobs": "GET", "/jobs": "POST", "/runner/jobs/x/complete": "PUT", "/problems/1": "GET, PUT"} {
		got := c.want(405, "method_not_allowed", request{"DELETE", path, nil, as("one")})
		if got.Header.Get("Allow") != allow {
			t.Errorf("DELETE %s: Allow %q, want %q", path, got.Header.Get("Allow"), allow)
		}
	}
}

// TestTrailingSlash is ignored: answered at once, or by a redirect that keeps
// the method.
func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.http.Transport = nil
	c.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), at.URL) {
			return fmt.Errorf("redirected to %s", r.URL)
		}
		return nil
	}
	c.want(200, "", request{"GET", "/runner/jobs/", nil, as("one")})
	c.want(404, "not_found", request{"POST", "/runner/jobs/nobody/claim/", nil, as("one")})
}

func TestEveryReplyHasARequestID(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	ids := map[string]bool{}
	for range 2 {
		got := c.want(200, "", request{"GET", "/runner/jobs", nil, as("one", "X-Request-Id", "mine")})
		ids[got.Header.Get("X-Request-Id")] = true
	}
	if len(ids) != 2 || ids["mine"] || ids[""] {
		t.Errorf("ids %v", ids)
	}
}

// TestLargeBodies: a result just below its cap passes the gateway, one above is
// refused, by the function or by a gateway whose own limit comes first.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	id := c.queued(c.published())
	token := c.claimed(id, "one")
	body := result(token, "AC")
	first := body["tasks"].([][]map[string]any)[0][0]
	first["stdout"] = strings.Repeat("x", 3_000_001)
	c.want(413, "body_too_large", request{"PUT", "/runner/jobs/" + id + "/complete", body, as("one")})
	first["stdout"] = strings.Repeat("x", 2_900_000)
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", body, as("one")})
}

// TestEscapedIDs: a slash that is escaped is a part of an id, not a separator.
func TestEscapedIDs(t *testing.T) {
	t.Parallel()
	able(t, "escaped")
	c := newClient(t)
	c.http.Transport = nil
	c.want(400, "malformed_id", request{"GET", "/jobs/a%2Fb", nil, producer()})
	c.want(400, "malformed_id", request{"POST", "/runner/jobs/a%2Fb/claim", nil, as("one")})
}
