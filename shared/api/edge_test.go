package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/memory"
	"runlease/shared/version"
)

// legal is, for every route, a request that is granted once the job j1, claimed
// by runner-a, and the problem 7 exist.
func legal(token string) map[string]ask {
	return map[string]ask{
		"list-jobs":       get("/runner/jobs"),
		"claim-job":       post("/runner/jobs/j2/claim", `{"leaseSeconds":60}`),
		"get-code":        get("/runner/jobs/j1/code"),
		"get-testdata":    get("/runner/jobs/j1/testdata"),
		"heartbeat":       post("/runner/heartbeat", `{"submissionId":"j1"}`),
		"complete-job":    put("/runner/jobs/j1/complete", result7(token, "AC")),
		"upload-outputs":  post("/runner/jobs/j1/outputs", `{"token":"`+token+`","size":1,"sha256":"`+sum(zip)+`"}`),
		"release-job":     post("/runner/jobs/j1/release", `{"token":"`+token+`","reason":"drain"}`),
		"sync":            post("/runner/sync", syncBody(1, "["+doneItem("j1", token, "AC")+"]", "["+activeItem("j1", token)+"]")),
		"put-problem":     put("/problems/7", `{"tasks":`+tasks7+`}`),
		"publish-problem": post("/problems/7/publish", "{}"),
		"get-problem":     get("/problems/7"),
		"list-problems":   get("/problems"),
		"list-versions":   get("/problems/7/versions"),
		"create-job":      post("/jobs", newJob("j3", 7, 2)),
		"submit-job":      post("/jobs/j1/submit", "{}"),
		"get-job":         get("/jobs/j1"),
		"query-jobs":      post("/jobs/query", `{"ids":["j1"]}`),
		"list-verdicts":   get("/verdicts"),
		"get-outputs":     get("/jobs/j1/outputs"),
		"list-runners":    get("/ops/runners"),
		"list-pools":      get("/ops/pools"),
		"get-demand":      get("/ops/demand"),
		"find-jobs":       get("/ops/jobs"),
		"list-audit":      get("/ops/audit"),
		"pause-jobs":      post("/ops/pause", `{"problemId":7,"why":"a test"}`),
		"resume-jobs":     post("/ops/resume", `{"problemId":7,"why":"a test"}`),
		"retire-runner":   post("/runner/retire", "{}"),
		"list-rejudges":   get("/ops/rejudges"),
		"get-rejudge":     get("/ops/rejudges/r1"),
		"begin-rejudge":   post("/ops/rejudges", `{"problemId":7,"why":"a test"}`),
		"stop-rejudge":    post("/ops/rejudges/r1/stop", `{"why":"a test"}`),
		"steer-runner":    post("/ops/runners/runner-a", `{"act":"pause","why":"a test"}`),
		"list-disputes":   get("/ops/disputes"),
		"explain-job":     get("/jobs/j1/explain"),
		"job-timeline":    get("/jobs/j1/timeline"),
		"rejudge-job":     post("/jobs/j1/rejudge", `{"generation":0}`),
		"cancel-job":      post("/jobs/j1/cancel", "{}"),
		"delete-job":      {method: http.MethodDelete, path: "/jobs/j1"},
	}
}

// each runs a test for every route with its legal request.
func each(t *testing.T, w *world, test func(w *world, route api.Route, a ask)) {
	t.Helper()
	w.problems()
	requests := legal(w.claimed("j1"))
	w.queued("j2")
	for _, route := range api.Routes() {
		t.Run(route.Name, func(t *testing.T) {
			a, known := requests[route.Name]
			if !known {
				t.Fatal("no request for this route")
			}
			test(w.at(t), route, a)
		})
	}
}

// expect sends a request that must be refused with a code.
func (w *world) expect(what string, a ask, status int, code string) answer {
	w.t.Helper()
	got := w.do(a)
	if got.status != status || got.code != code {
		w.t.Errorf("%s: got %d %s, want %d %s", what, got.status, got.code, status, code)
	}
	return got
}

// TestOrderOfChecks gives every route a request with every fault at once and
// mends one after the other.
func TestOrderOfChecks(t *testing.T) {
	each(t, newWorld(t), func(w *world, route api.Route, a ask) {
		id := strings.Contains(route.Path, "{id}")
		bad := a
		bad.body = strings.Repeat(" ", route.Body+1)
		if id {
			bad.path = strings.Replace(route.Path, "{id}", "a%20b", 1)
		}
		bad = bad.with("Content-Type", "text/plain")

		nowhere := bad
		nowhere.path = "/nowhere" + a.path
		w.expect("no route", nowhere.by("nobody"), 404, "unknown_route")
		if route.Caller == api.Runner {
			w.expect("no credential", bad.by("nobody"), 403, "invalid_runner_token")
			w.expect("no name", bad.by("fleet"), 400, "missing_runner_name")
			w.expect("another name", bad.with("X-Runner-Name", "other"), 403, "runner_name_mismatch")
		} else {
			w.expect("no credential", bad.by("nobody"), 401, "invalid_producer_token")
			without := map[string]string{api.ScopeJobsRead: "writer"}[route.Scope]
			if without == "" {
				without = "reader"
			}
			w.expect("no scope", bad.by(without), 403, "missing_scope")
		}
		if id {
			w.expect("malformed id", bad, 400, "malformed_id")
			bad.path = a.path
		}
		w.expect("too large", bad, 413, "body_too_large")
		bad.chunked = true
		w.expect("too large, length not said", bad, 413, "body_too_large")
		if route.Method == http.MethodGet {
			return
		}
		bad.body = "{"
		w.expect("wrong type", bad, 415, "unsupported_media_type")
		bad = bad.with("Content-Type", "application/json")
		w.expect("malformed", bad, 400, "malformed_json")
		bad.body = "[]"
		w.expect("no object", bad, 400, "invalid_body")
	})
}

func TestBodies(t *testing.T) {
	w := newWorld(t)
	beat := func(body string) ask { return post("/runner/heartbeat", body) }
	typed := func(contentType string) ask { return beat("{}").with("Content-Type", contentType) }
	fill := func(n int) string { return `{"x":"` + strings.Repeat("x", n-8) + `"}` }
	chunked := beat(fill(4096))
	chunked.chunked = true
	w.check([]row{
		{"at the cap", beat(fill(4096)), 200, "", "ok"},
		{"at the cap, length not said", chunked, 200, "", "ok"},
		{"over the cap", beat(fill(4097)), 413, "body_too_large", "body too large: want at most 4096 bytes"},
		{"a list with a body", ask{method: "GET", path: "/runner/jobs", body: fill(4096)}, 200, "", "ok"},
		{"a list with something else", ask{method: "GET", path: "/runner/jobs", body: "-"}, 200, "", "ok"},
		{"json in utf-8", typed("application/json; charset=utf-8"), 200, "", "ok"},
		{"json in capitals", typed("Application/JSON;charset=UTF-8"), 200, "", "ok"},
		{"json in utf8", typed("application/json; charset=utf8"), 200, "", "ok"},
		{"json behind a byte-order mark", beat("\ufeff{}"), 200, "", "ok"},
		{"json in utf-16", typed("application/json; charset=utf-16"), 415, "unsupported_media_type", `unsupported media type: want application/json: its charset is "utf-16", want utf-8`},
		{"a form", typed("application/x-www-form-urlencoded"), 415, "unsupported_media_type", `unsupported media type: want application/json: its Content-Type is "application/x-www-form-urlencoded"`},
		{"no type at all", typed("/"), 415, "unsupported_media_type", `unsupported media type: want application/json: its Content-Type is "/"`},
		{"compressed", beat("{}").with("Content-Encoding", "gzip"), 415, "unsupported_media_type", `unsupported media type: want application/json: its Content-Encoding is "gzip", send it as it is`},
		{"wrong type without a body", beat("").with("Content-Type", "text/plain"), 200, "", "ok"},
		{"trailing garbage", beat(`{} x`), 400, "malformed_json", "malformed JSON"},
		{"two values", beat(`{}{}`), 400, "malformed_json", "malformed JSON"},
		{"cut off", beat(`{"submissionId":"j`), 400, "malformed_json", "malformed JSON"},
		{"single quotes", beat(`{'submissionId':1}`), 400, "malformed_json", "malformed JSON"},
		{"a string", beat(`"x"`), 400, "invalid_body", "invalid body: body: want an object"},
		{"a number", beat(`0`), 400, "invalid_body", "invalid body: body: want an object"},
		{"white space around", beat(" {} \n"), 200, "", "ok"},
		{"other fields", beat(`{"SubmissionId":"a b","x":{"submissionId":1}}`), 200, "", "ok"},
		{"deep", put("/problems/7", `{"x":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}`), 400, "malformed_json", "malformed JSON"},
	})
}

func TestRoutesThatAreNot(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/runner", "/runner/jobs//", "//runner/jobs", "/runner/jobs//claim", "/Runner/jobs", "/runner/jobs/j1", "/runner/%6Aobs", "/jobs/j1/x", "/openapi.yaml"} {
		same(t, w.expect(path, get(path), 404, "unknown_route"), `{"data":null,"message":"no such route","status":"err","code":"unknown_route"}`)
	}
	allowed := map[string]string{"/jobs/query": "DELETE, GET, POST", "/jobs/1": "DELETE, GET", "/problems/1": "GET, PUT", "/ops/rejudges": "GET, POST"}
	for _, route := range api.Routes() {
		path := strings.Replace(route.Path, "{id}", "1", 1)
		want := allowed[path]
		if want == "" {
			want = route.Method
		}
		for _, method := range []string{"HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			if strings.Contains(want, method) {
				continue
			}
			for _, slash := range []string{"", "/"} {
				got := w.do(ask{method: method, path: path + slash, as: "nobody"})
				if got.status != 405 || got.header.Get("Allow") != want || (got.code != "method_not_allowed" && method != "HEAD") {
					t.Errorf("%s %s: %d, Allow %q, want %q", method, path+slash, got.status, got.header.Get("Allow"), want)
				}
			}
		}
	}
}

// TestHealth: whether the API answers, and in which version, is told without a
// token, by the function for what no route takes too.
func TestHealth(t *testing.T) {
	w := newWorld(t)
	want := `{"data":{"version":"` + version.Version + `"},"message":"ok","status":"ok"}`
	same(t, w.must(200, get("/healthz").by("nobody")), want)
	if got := w.must(200, ask{method: http.MethodHead, path: "/healthz", as: "nobody"}); got.raw != "" {
		t.Errorf("HEAD: %q", got.raw)
	}
	recorded := httptest.NewRecorder()
	api.New(api.Config{}).NotFound().ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if got := strings.TrimSpace(recorded.Body.String()); recorded.Code != 200 || got != want {
		t.Errorf("not-found: %d %s", recorded.Code, got)
	}
	if got := w.expect("POST", post("/healthz", "{}"), 405, "method_not_allowed"); got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow %q", got.header.Get("Allow"))
	}
}

// TestFailures breaks the store and the credentials: only the log learns why.
func TestFailures(t *testing.T) {
	const internal = `{"data":null,"message":"internal error","status":"err","code":"internal_error"}`
	w := newWorld(t)
	each(t, w, func(w *world, _ api.Route, a ask) {
		for cause, fault := range map[string]func() error{
			"ProvisionedThroughputExceededException": func() error { return errors.New("ProvisionedThroughputExceededException") },
			"index out of range":                     func() error { panic("index out of range") },
		} {
			w.store.breakdown(fault)
			w.log.take()
			got := w.do(a)
			w.store.breakdown(nil)
			if got.status != 500 || strings.TrimSpace(got.raw) != internal {
				w.t.Errorf("%s: %d %s", cause, got.status, got.raw)
			}
			logged := w.log.take()
			if len(logged) != 1 || !strings.Contains(logged[0], cause) || !strings.Contains(logged[0], got.header.Get("X-Request-Id")) || !strings.Contains(logged[0], `"level":"ERROR"`) {
				w.t.Errorf("%s: logged %q", cause, logged)
			}
		}
	})
	broken := auth.NewVerifier(brokenCredentials{memory.NewCredentials()})
	handler := api.New(api.Config{Dispatch: dispatch.New(nil, nil, nil), Auth: broken, Log: slog.New(slog.DiscardHandler)}).Handler()
	req := httptest.NewRequest(http.MethodGet, "/runner/jobs", nil)
	req.Header.Set("X-Runner-Token", w.tokens["runner-a"])
	recorded := httptest.NewRecorder()
	handler.ServeHTTP(recorded, req)
	if recorded.Code != 500 || strings.TrimSpace(recorded.Body.String()) != internal {
		t.Errorf("broken credentials: %d %s", recorded.Code, recorded.Body)
	}
}

func TestEndpoint(t *testing.T) {
	w := newWorld(t)
	each(t, w, func(w *world, route api.Route, a ask) {
		endpoint, found := w.api.Endpoint(route.Function)
		if !found {
			w.t.Fatal("no endpoint")
		}
		serve := func(h http.Handler, method, path string) *httptest.ResponseRecorder {
			req := httptest.NewRequest(method, path, nil)
			recorded := httptest.NewRecorder()
			h.ServeHTTP(recorded, req)
			return recorded
		}
		refused := map[api.Caller]int{api.Runner: 403, api.Producer: 401}[route.Caller]
		if got := serve(endpoint, a.method, a.path); got.Code != refused {
			w.t.Errorf("its own route: %d", got.Code)
		}
		if got := serve(endpoint, http.MethodPatch, a.path); got.Code != 405 || !slices.Contains(strings.Split(got.Header().Get("Allow"), ", "), route.Method) {
			w.t.Errorf("another method: %d, Allow %q", got.Code, got.Header().Get("Allow"))
		}
		for _, other := range api.Routes() {
			path := strings.Replace(other.Path, "{id}", "7", 1)
			if got := serve(endpoint, other.Method, path); other.Function != route.Function && got.Code != 404 {
				w.t.Errorf("%s of %s: %d", path, other.Name, got.Code)
			}
		}
		if got := serve(w.api.NotFound(), a.method, a.path); got.Code != 404 {
			w.t.Errorf("not-found granted it: %d", got.Code)
		}
		if got := serve(w.api.NotFound(), http.MethodPatch, a.path); got.Code != 405 {
			w.t.Errorf("not-found, another method: %d", got.Code)
		}
	})
	if _, found := w.api.Endpoint("sweep"); found {
		t.Error("an endpoint that is no route")
	}
}

func TestRequestID(t *testing.T) {
	w := newWorld(t)
	given := get("/runner/jobs").with("X-Request-Id", "forged")
	first, second := w.do(given).header.Get("X-Request-Id"), w.do(given).header.Get("X-Request-Id")
	if first == second || first == "forged" {
		t.Errorf("request ids %q and %q", first, second)
	}
	req := httptest.NewRequest(http.MethodGet, "/nowhere", nil)
	recorded := httptest.NewRecorder()
	w.api.Handler().ServeHTTP(recorded, req.WithContext(api.WithRequestID(req.Context(), "of-the-gateway")))
	if got := recorded.Header().Get("X-Request-Id"); got != "of-the-gateway" {
		t.Errorf("request id %q", got)
	}
}

// TestTrace: the log names the trace that a request belongs to, in each line, and nothing
// that a caller has made up otherwise.
func TestTrace(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	w := newWorld(t)
	for value, want := range map[string]any{"00-" + trace + "-" + span + "-01": trace, "00-x\"," + trace: nil, "": nil} {
		w.log.take()
		w.do(get("/runner/jobs").with("Traceparent", value))
		var line map[string]any
		if logged := w.log.take(); len(logged) != 1 || json.Unmarshal([]byte(logged[0]), &line) != nil || line["trace_id"] != want || (line["parent_id"] == span) != (want == trace) {
			t.Errorf("%q: logged %q", value, logged)
		}
	}
	var out strings.Builder
	log := slog.New(api.Lines(api.Lines(slog.NewJSONHandler(&out, nil)))).With("runner", "a")
	request := httptest.NewRequest(http.MethodGet, "/runner/jobs", nil)
	request.Header["Traceparent"] = []string{"00-" + trace + "-" + span + "-01", "00-" + trace + "-" + span + "-01"}
	request = request.WithContext(api.WithRequestID(request.Context(), "of-the-gateway"))
	w.log.take()
	w.api.Handler().ServeHTTP(httptest.NewRecorder(), request)
	if logged := w.log.take(); len(logged) != 1 || strings.Contains(logged[0], trace) {
		t.Errorf("two traces: logged %q", logged)
	}
	log.WarnContext(request.Context(), "not deleted")
	if strings.Count(out.String(), `"request_id":"of-the-gateway"`) != 1 || !strings.Contains(out.String(), `"runner":"a"`) {
		t.Errorf("another line of the request: %s", &out)
	}
}

// TestLog holds the log to one line per request, with what can be known and
// nothing that is secret.
func TestLog(t *testing.T) {
	w := newWorld(t)
	each(t, w, func(w *world, route api.Route, a ask) {
		w.log.take()
		a.path += "?secret=in-the-query"
		got := w.do(a)
		logged := w.log.take()
		if len(logged) != 1 {
			w.t.Fatalf("%d lines: %q", len(logged), logged)
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(logged[0]), &line); err != nil {
			w.t.Fatal(err)
		}
		for name, want := range map[string]any{
			"msg": "request", "route": route.Name, "status": float64(got.status), "caller": string(route.Caller),
			"request_id": got.header.Get("X-Request-Id"), "method": route.Method,
		} {
			if line[name] != want {
				w.t.Errorf("%s is %v, want %v", name, line[name], want)
			}
		}
		if _, timed := line["duration_ms"].(float64); !timed {
			w.t.Errorf("no duration: %s", logged[0])
		}
		named := fmt.Sprint(line["job_id"], line["problem_id"])
		if strings.Contains(route.Path, "{id}") && !strings.ContainsAny(named, "127") && line["target"] != "runner:runner-a" && line["target"] != "rejudge:r1" {
			w.t.Errorf("no id: %s", logged[0])
		}
		if route.Caller == api.Runner && line["runner"] != "runner-a" {
			w.t.Errorf("runner %v", line["runner"])
		}
		if route.Name == "claim-job" && line["attempt"] != 1.0 {
			w.t.Errorf("attempt %v", line["attempt"])
		}
		for _, secret := range []string{"rlr_", "rlp_", "rlc_", "secret", "signature", sum(zip), "stdout"} {
			if strings.Contains(logged[0], secret) {
				w.t.Errorf("the log holds %q: %s", secret, logged[0])
			}
		}
	})
	w.log.take()
	w.do(get("/runner/jobs").with("X-Runner-Token", w.tokens["runner-a"]+"x"))
	if logged := w.log.take(); len(logged) != 1 || strings.Contains(logged[0], "rlr_") || !strings.Contains(logged[0], "token refused: malformed") {
		t.Errorf("a refused credential: %q", logged)
	}
}

type brokenCredentials struct{ *memory.Credentials }

func (brokenCredentials) Lookup(context.Context, string) (auth.Credential, bool, error) {
	return auth.Credential{}, false, io.ErrUnexpectedEOF
}
