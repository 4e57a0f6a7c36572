package api_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/api"
	"runlease/shared/job"
)

func syncBody(slots int, done, active string) string {
	return fmt.Sprintf(`{"slots":%d,"inline":true,"leaseSeconds":60,"done":%s,"active":%s}`, slots, done, active)
}

// doneItem is a result for problem 7: all cases AC except for the last.
func doneItem(id, token, last string) string {
	return fmt.Sprintf(`{"submissionId":%q,`, id) + result7(token, last)[1:]
}

func activeItem(id, token string) string {
	return fmt.Sprintf(`{"submissionId":%q,"token":%q}`, id, token)
}

// items reads a list of a reply.
func items(t *testing.T, got answer, list string) []map[string]any {
	t.Helper()
	raw, isList := got.data[list].([]any)
	if !isList {
		t.Fatalf("no list %s: %d %s", list, got.status, got.raw)
	}
	read := make([]map[string]any, len(raw))
	for i := range raw {
		read[i] = raw[i].(map[string]any)
	}
	return read
}

// TestSync takes results, keeps leases and claims in one call.
func TestSync(t *testing.T) {
	w := newWorld(t)
	same(t, w.must(200, post("/runner/sync", `{"slots":0}`)), `{"data":{"done":[],"active":[],"jobs":[],"pollSeconds":1,"heartbeatSeconds":60},"message":"ok","status":"ok"}`)
	w.problems()
	w.queued("j1", "bare1", "j2")
	first := w.must(200, post("/runner/sync", `{"slots":2,"leaseSeconds":60,"done":null,"active":null,"inline":true}`))
	claim := func(id string, problem, attempt int, tasks, testdata string) string {
		return fmt.Sprintf(`{"submissionId":%q,"problemId":%d,"language":2,"token":"*","meta":{"language":2,"tasks":%s},"attempt":%d,"generation":0,"leaseSeconds":60,"heartbeatSeconds":20,`+
			`"code":{"inline":%q,"size":%d,"sha256":%q},"testdata":%s}`, id, problem, tasks, attempt, base64.StdEncoding.EncodeToString(zip), len(zip), sum(zip), testdata)
	}
	download := fmt.Sprintf(`{"url":"*","size":%d,"sha256":%q,"expiresIn":300}`, len(testdata), sum(testdata))
	same(t, first, `{"data":{"done":[],"active":[],"jobs":[`+claim("j1", 7, 1, tasks7, download)+`,`+claim("bare1", 8, 1, tasks8, "null")+`],"pollSeconds":0,"heartbeatSeconds":20},"message":"ok","status":"ok"}`)
	if got := first.header.Get("Retry-After"); got != "0" {
		t.Errorf("Retry-After %q", got)
	}
	jobs := items(t, first, "jobs")
	w.pass(20 * time.Second)
	w.must(200, post("/jobs/bare1/cancel", ""))
	second := w.must(200, post("/runner/sync", syncBody(2,
		"["+doneItem("j1", jobs[0]["token"].(string), "WA")+"]",
		"["+activeItem("bare1", jobs[1]["token"].(string))+"]")))
	same(t, second, `{"data":{"done":[{"submissionId":"j1","code":"ok","message":"submission [j1] result received."}],"active":[{"submissionId":"bare1","action":"cancel"}],`+
		`"jobs":[`+claim("j2", 7, 1, tasks7, download)+`],"pollSeconds":1,"heartbeatSeconds":20},"message":"ok","status":"ok"}`)
	if got := second.header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	if got := w.must(200, get("/jobs/j1")).data; got["state"] != "finished" || got["score"] != 40.0 {
		t.Errorf("job %v", got)
	}
	if got := w.must(200, get("/jobs/bare1")).data["holder"].(map[string]any); got["leaseExpiresAt"].(float64)-got["heartbeatAt"].(float64) != 60 || got["leaseExpiresAt"].(float64) < float64(w.clock().Unix()+59) {
		t.Errorf("the lease was not extended: %v", got)
	}
	// Without inline, code comes by a URL or by get-code.
	w.queued("long", "j3")
	third := items(t, w.must(200, post("/runner/sync", `{"slots":2}`)), "jobs")
	if third[1]["code"] != nil {
		t.Errorf("j3 has the code %v", third[1]["code"])
	}
	resp, err := w.client.Get(third[0]["code"].(map[string]any)["url"].(string))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("code: %v %v", resp, err)
	}
	resp.Body.Close()
}

// TestSyncRefused is about calls that fail as a whole, and then do nothing.
func TestSyncRefused(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	good := doneItem("j1", token, "AC")
	sync := func(body string) ask { return post("/runner/sync", body) }
	many := func(n int, item string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	slots := func(s string) ask { return sync(`{"slots":` + s + `,"done":[` + good + `]}`) }
	const bounds = "invalid body: slots: want an integer, 0 to 10"
	w.check([]row{
		{"no body", sync(""), 400, "missing_body", "missing JSON body"},
		{"null", sync("null"), 400, "missing_body", "missing JSON body"},
		{"no slots", sync(`{"done":[` + good + `]}`), 400, "invalid_body", "invalid body: slots: missing"},
		{"slots below", slots("-1"), 400, "invalid_body", bounds},
		{"slots above", slots("11"), 400, "invalid_body", bounds},
		{"half a slot", slots("0.5"), 400, "invalid_body", bounds},
		{"slots as text", slots(`"1"`), 400, "invalid_body", bounds},
		{"done no list", sync(`{"slots":1,"done":{}}`), 400, "invalid_body", "invalid body: done: want a list"},
		{"active no list", sync(`{"slots":1,"done":[` + good + `],"active":"j1"}`), 400, "invalid_body", "invalid body: active: want a list"},
		{"too many results", sync(`{"slots":1,"done":` + many(11, good) + `}`), 400, "invalid_body", "invalid body: done: want a list of at most 10"},
		{"far too many results", sync(`{"slots":1,"done":` + many(200_000, "0") + `}`), 400, "invalid_body", "invalid body: done: want a list of at most 10"},
		{"too many leases", sync(`{"slots":1,"done":[` + good + `],"active":` + many(11, "{}") + `}`), 400, "invalid_body", "invalid body: active: want a list of at most 10"},
		{"lease too short", sync(`{"slots":1,"leaseSeconds":29,"done":[` + good + `]}`), 400, "invalid_lease", "invalid leaseSeconds: want 30 to 900"},
		{"lease of nothing", sync(`{"slots":1,"leaseSeconds":0,"done":[` + good + `]}`), 400, "invalid_lease", "invalid leaseSeconds: want 30 to 900"},
		{"lease too long", sync(`{"slots":1,"leaseSeconds":901,"done":[` + good + `]}`), 400, "invalid_lease", "invalid leaseSeconds: want 30 to 900"},
		{"lease as text", sync(`{"slots":1,"leaseSeconds":"60"}`), 400, "invalid_body", "invalid body: leaseSeconds: want an integer"},
	})
	if state := w.must(200, get("/jobs/j1")).data["state"]; state != "claimed" {
		t.Errorf("a call that was refused took a result: %v", state)
	}
	got := w.must(200, sync(`{"slots":0,"done":`+many(10, "{}")+`,"active":`+many(10, "{}")+`}`))
	if done, active := items(t, got, "done"), items(t, got, "active"); len(done) != 10 || len(active) != 10 {
		t.Errorf("%d results and %d leases answered", len(done), len(active))
	}
}

// TestSyncItemsAreAnsweredAsByTheirRoutes sends every item to its own route, in
// one world, and by sync, in another that is the same.
func TestSyncItemsAreAnsweredAsByTheirRoutes(t *testing.T) {
	type world2 struct {
		*world
		tokens map[string]string
	}
	build := func(t *testing.T) world2 {
		w := world2{newWorld(t), map[string]string{}}
		w.problems()
		for _, id := range []string{"j1", "other", "stop", "again", "late", "outs"} {
			w.tokens[id] = w.claimed(id)
		}
		w.must(200, put("/runner/jobs/again/complete", result7(w.tokens["again"], "WA")))
		w.must(200, post("/jobs/stop/cancel", ""))
		outputs := w.must(200, post("/runner/jobs/outs/outputs", fmt.Sprintf(`{"token":%q,"size":%d,"sha256":%q}`, w.tokens["outs"], len(zip), sum(zip))))
		w.upload(outputs.data["upload"], zip)
		w.pass(601 * time.Second)
		w.claim("late", "runner-b")
		w.queued("waiting")
		return w
	}
	legal := func(w world2, id, last string) string { return result7(w.tokens[id], last) }
	with := func(id, extra string) func(world2) string {
		return func(w world2) string { return extra + legal(w, id, "AC")[1:] }
	}
	results := []struct {
		name, id string
		body     func(world2) string
		code     string
	}{
		{"long id", strings.Repeat("x", 65), with("j1", "{"), "malformed_id"},
		{"malformed id before a missing token", "a.b", func(world2) string { return `{}` }, "malformed_id"},
		{"no token", "j1", func(world2) string { return `{"tasks":[]}` }, "missing_tasks_or_token"},
		{"empty token", "j1", func(world2) string { return `{"token":"","tasks":[]}` }, "invalid_submission_token"},
		{"token that is a number", "j1", func(world2) string { return `{"token":1,"tasks":[]}` }, "invalid_body"},
		{"outputs without a size", "j1", with("j1", `{"outputs":{"sha256":"`+sum(zip)+`"},`), "invalid_body"},
		{"outputs that are a list", "j1", with("j1", `{"outputs":[],`), "invalid_body"},
		{"unknown job", "none", with("j1", "{"), "not_found"},
		{"not claimed", "waiting", with("j1", "{"), "not_claimed_by_runner"},
		{"claimed by another by now", "late", with("late", "{"), "not_claimed_by_runner"},
		{"another claim's token", "j1", with("other", "{"), "invalid_submission_token"},
		{"malformed id", "a b", with("j1", "{"), "malformed_id"},
		{"wrong token before bad tasks", "j1", func(world2) string { return `{"token":"x","tasks":1}` }, "invalid_submission_token"},
		{"bad tasks", "j1", func(w world2) string { return fmt.Sprintf(`{"token":%q,"tasks":[]}`, w.tokens["j1"]) }, "invalid_result"},
		{"a bad case", "j1", func(w world2) string { return strings.Replace(legal(w, "j1", "AC"), `"stdout":"3"`, `"stdout":3`, 1) }, "invalid_result"},
		{"other outputs than uploaded", "outs", with("outs", `{"outputs":{"size":1,"sha256":"`+sum(zip)+`"},`), "outputs_mismatch"},
		{"uploaded outputs", "outs", with("outs", `{"outputs":`+artifact(zip)+`,`), "ok"},
		{"null for a token", "j1", func(world2) string { return `{"token":null,"tasks":[]}` }, "missing_tasks_or_token"},
		{"cancel was asked", "stop", with("stop", "{"), "job_cancelled"},
		{"accepted", "j1", with("j1", "{"), "ok"},
		{"no tasks", "j1", func(world2) string { return `{"token":"x"}` }, "missing_tasks_or_token"},
		{"repeated", "j1", with("j1", "{"), "ok"},
		{"repeated otherwise", "again", with("again", "{"), "result_conflict"},
		{"the same again", "again", func(w world2) string { return legal(w, "again", "WA") }, "ok"},
	}
	single, synced := build(t), build(t)
	var bodies []string
	want := make([]answer, len(results))
	for i, r := range results {
		path := "/runner/jobs/" + strings.ReplaceAll(r.id, " ", "%20") + "/complete"
		want[i] = single.do(put(path, r.body(single)))
		if want[i].code == "" {
			want[i].code = "ok"
		}
		if want[i].code != r.code {
			t.Fatalf("%s: its own route answers %s, want %s", r.name, want[i].code, r.code)
		}
		body := r.body(synced)
		bodies = append(bodies, strings.TrimSuffix(fmt.Sprintf(`{"submissionId":%q,`, r.id)+body[1:], ",}")+map[bool]string{true: "}"}[body == "{}"])
	}
	for from := 0; from < len(results); from += 10 {
		to := min(from+10, len(results))
		got := items(t, synced.must(200, post("/runner/sync", syncBody(0, "["+strings.Join(bodies[from:to], ",")+"]", "[]"))), "done")
		for i, item := range got {
			r, w := results[from+i], want[from+i]
			id := any(r.id)
			if len(r.id) > 64 {
				id = nil
			}
			if item["code"] != w.code || item["message"] != w.message || item["submissionId"] != id {
				t.Errorf("%s: sync answers %v, its own route %s %q", r.name, item, w.code, w.message)
			}
		}
	}
	jobs := `{"ids":["j1","other","stop","again","late","outs","waiting"]}`
	a, b := single.must(200, post("/jobs/query", jobs)).data, synced.must(200, post("/jobs/query", jobs)).data
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the jobs differ (-by their routes +by sync):\n%s", diff)
	}
	odd := items(t, synced.must(200, post("/runner/sync", syncBody(0, `[1,"x",[],null,{},{"submissionId":5}]`, "[]"))), "done")
	var codes []any
	for _, item := range odd {
		codes = append(codes, item["code"])
		if item["submissionId"] != nil {
			t.Errorf("%v", item)
		}
	}
	if diff := cmp.Diff([]any{"invalid_body", "invalid_body", "invalid_body", "invalid_body", "malformed_id", "malformed_id"}, codes); diff != "" {
		t.Error(diff)
	}
}

// TestSyncKeepsLeasesAsHeartbeatDoes does the same for heartbeats: what the
// route refuses is lost.
func TestSyncKeepsLeasesAsHeartbeatDoes(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token, stop := w.claimed("j1"), w.claimed("stop")
	w.must(200, post("/jobs/stop/cancel", ""))
	late := w.claimed("late")
	w.pass(601 * time.Second)
	w.claim("late", "runner-b")
	w.finished("ended")
	for _, r := range []struct {
		name, id, token, action string
	}{
		{"held", "j1", token, "continue"},
		{"held, its cancel was asked", "stop", stop, "cancel"},
		{"another claim's token", "j1", stop, "lost"},
		{"unknown", "none", token, "lost"},
		{"claimed by another by now", "late", late, "lost"},
		{"finished", "ended", token, "lost"},
		{"malformed id", "a b", token, "lost"},
	} {
		t.Run(r.name, func(t *testing.T) {
			w := w.at(t)
			route := w.do(post("/runner/heartbeat", fmt.Sprintf(`{"submissionId":%q}`, r.id)).with("X-Claim-Token", r.token))
			want, _ := route.data["action"].(string)
			if route.status >= 400 {
				want = "lost"
			}
			got := items(t, w.must(200, post("/runner/sync", syncBody(0, "[]", "["+activeItem(r.id, r.token)+","+activeItem("none", "x")+"]"))), "active")
			if want != r.action || got[0]["action"] != r.action || got[0]["submissionId"] != r.id || got[1]["action"] != "lost" {
				t.Errorf("its own route answers %s, sync %v; want %s", want, got, r.action)
			}
		})
	}
	got := items(t, w.must(200, post("/runner/sync", syncBody(0, "[]", `[1,null,{},{"submissionId":"j1"},{"submissionId":"j1","token":""},{"submissionId":"j1","token":7},`+activeItem("j1", token)+`]`))), "active")
	for i, item := range got {
		if want := map[bool]string{true: "continue", false: "lost"}[i == len(got)-1]; item["action"] != want {
			t.Errorf("item %d: %v, want %s", i, item, want)
		}
	}
}

// TestSyncFailures breaks what is behind one item: the others are answered, and
// the caller learns no cause.
func TestSyncFailures(t *testing.T) {
	w := newWorld(t)
	w.problems()
	token := w.claimed("j1")
	body := syncBody(1, "["+doneItem("j1", token, "AC")+`,{"submissionId":"bad","token":""},{"submissionId":"rlc_not an id"}]`, "["+activeItem("j1", token)+"]")
	w.store.breakdown(func() error { return errors.New("ProvisionedThroughputExceededException") })
	w.expect("all is broken", post("/runner/sync", body), 500, "internal_error")
	calls := 0
	w.store.breakdown(func() error { // reads of the items fail, the queue does not
		if calls++; calls <= 2 {
			return errors.New("ProvisionedThroughputExceededException")
		}
		return nil
	})
	w.log.take()
	got := w.must(200, post("/runner/sync", body))
	w.store.breakdown(nil)
	same(t, got, `{"data":{"done":[{"submissionId":"j1","code":"internal_error","message":"internal error"},{"submissionId":"bad","code":"missing_tasks_or_token","message":"missing tasks or token"},{"submissionId":"rlc_not an id","code":"malformed_id","message":"malformed id: want 1 to 64 letters, digits, hyphens or underscores"}],`+
		`"active":[{"submissionId":"j1","action":"continue"}],"jobs":[],"pollSeconds":1,"heartbeatSeconds":20},"message":"ok","status":"ok"}`)
	if logged := w.log.take(); len(logged) != 1 || !strings.Contains(logged[0], `"sync":{"done":[{"job_id":"j1","code":"internal_error"},{"job_id":"bad","code":"missing_tasks_or_token"}],"kept":1}`) {
		t.Errorf("logged %q", logged)
	}
	again := items(t, w.must(200, post("/runner/sync", body)), "done")
	if again[0]["code"] != "ok" {
		t.Errorf("repeated: %v", again)
	}
}

// TestSyncPace: an idle fleet is told to wait as many seconds as it has runners.
func TestSyncPace(t *testing.T) {
	w := newWorld(t)
	for i := range 70 {
		got := w.must(200, post("/runner/sync", `{"slots":1}`).by("fleet").with("X-Runner-Name", fmt.Sprintf("r%d", i)))
		if want := min(i+1, 60); got.data["pollSeconds"] != float64(want) || got.header.Get("Retry-After") != strconv.Itoa(want) {
			t.Errorf("%v s, Retry-After %s with %d runners", got.data["pollSeconds"], got.header.Get("Retry-After"), i+1)
		}
	}
	if got := w.must(200, get("/runner/jobs")).data["pollSeconds"]; got != 5.0 {
		t.Errorf("list: %v s; existing clients poll every 5", got)
	}
}

// TestSyncMatrix is TestMatrix for the items of a sync: a caller that is let in but
// does not hold a claim can neither end nor keep it.
func TestSyncMatrix(t *testing.T) {
	c := newCastle(t)
	tried := 0
	for _, b := range badCredentials {
		if !b.behind {
			continue
		}
		tried++
		t.Run(b.name, func(t *testing.T) {
			route := api.Route{Name: "complete-job", Caller: api.Runner}
			status, code := b.answer(route)
			if status != 403 {
				t.Fatalf("%d %s", status, code)
			}
			legal := post("/runner/sync", syncBody(0, "["+doneItem("j1", c.claims["current"], "AC")+"]", "["+activeItem("j1", c.claims["current"])+"]"))
			before := c.state()
			c.calls.take()
			got := c.must(200, b.present(c, route, legal))
			if done := items(t, got, "done"); len(done) != 1 || done[0]["code"] != code {
				t.Errorf("done %v, want %s", done, code)
			}
			if active := items(t, got, "active"); len(active) != 1 || active[0]["action"] != "lost" {
				t.Errorf("active %v", active)
			}
			ports, _ := c.calls.take()
			var ignored cmp.Options
			if isEvidence(route, b) {
				ignored = cmp.Options{cmp.FilterPath(withoutEvidence, cmp.Ignore())}
			} else if found := harm(ports); len(found) > 0 {
				t.Errorf("calls %v", found)
			}
			if diff := cmp.Diff(before, c.state(), ignored); diff != "" {
				t.Errorf("changed (-before +after):\n%s", diff)
			}
		})
	}
	// An item without a token is refused before its job is read.
	c.calls.take()
	without := strings.ReplaceAll(`{"slots":0,"done":[X],"active":[X,Y]}`, "X", `{"submissionId":"j1","tasks":[]}`)
	c.must(200, post("/runner/sync", strings.ReplaceAll(without, "Y", `{"submissionId":"j1","token":"","tasks":[]}`)))
	if ports, _ := c.calls.take(); len(ports) > 0 {
		t.Errorf("items without a token: calls %v", ports)
	}
	if tried < 7 {
		t.Errorf("only %d kinds of bad claims were tried", tried)
	}
	if found, _, err := c.store.Store.Get(t.Context(), "j1"); err != nil || found.State != job.Claimed {
		t.Errorf("the job is %s, %v", found.State, err)
	}
}
