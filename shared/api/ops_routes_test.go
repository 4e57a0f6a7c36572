package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/roster"
)

// TestABarredRunner hears why it gets no job, by every route, and a person reads it
// in the explanation of the job.
func TestABarredRunner(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1")
	w.must(200, get("/runner/jobs").with("User-Agent", "runlease-runner/7"))
	before, _, _ := w.store.Runner(t.Context(), "runner-a")
	if before.Version != "runlease-runner/7" {
		t.Errorf("version %q", before.Version)
	}
	after := before
	after.State, after.Revision, after.WriteID = roster.Paused, before.Revision+1, "w"
	if _, saved, err := w.store.SaveRunner(t.Context(), before, after); err != nil || !saved {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	w.check([]row{{"claim", post("/runner/jobs/j1/claim", ""), 409, "runner_barred", "this runner gets no jobs: it is paused until an operator resumes it"}})
	if got := w.must(200, get("/runner/jobs")); len(got.data["jobs"].([]any)) != 0 {
		t.Errorf("listed %s", got.raw)
	}
	if got := w.must(200, post("/runner/sync", `{"slots":1}`)); len(got.data["jobs"].([]any)) != 0 || got.data["barred"] != "runner_paused" {
		t.Errorf("synced %s", got.raw)
	}
	w.must(200, get("/runner/jobs?languages=1,5").by("runner-b"))
	if got := w.must(200, get("/ops/runners?limit=1")); !strings.Contains(got.raw, `{"name":"runner-a","state":"paused","since":null,"by":null,"why":null,"present":true,`) || got.data["next"] != "runner-a" {
		t.Errorf("listed %s", got.raw)
	}
	if got := w.must(200, get("/ops/runners?after=runner-a")); !strings.Contains(got.raw, `"name":"runner-b","state":"ok"`) || !strings.Contains(got.raw, `"languages":[1,5],"checkers":false,"pools":["default"]`) || got.data["next"] != nil {
		t.Errorf("listed %s", got.raw)
	}
	w.check([]row{
		{"a limit", get("/ops/runners?limit=101"), 400, "invalid_limit", "invalid limit: want 1 to 100"},
		{"a cursor", get("/ops/runners?after=a/b"), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the first"},
	})
	if got := w.must(200, get("/jobs/j1/explain")); !strings.Contains(got.raw, `"code":"runners_barred","reason":"these runners get no jobs (runner_paused): runner-a"`) {
		t.Errorf("explained %s", got.raw)
	}
}

// TestHealthOfARunner is shown with its record.
func TestHealthOfARunner(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1", "j2")
	w.must(200, get("/runner/jobs"))
	w.must(200, post("/runner/jobs/j1/release", `{"token":"`+w.claim("j1", "runner-a")+`","reason":"infra_error"}`))
	w.claim("j2", "runner-a")
	w.pass(601 * time.Second)
	w.claim("j2", "runner-b")
	got := w.must(200, get("/ops/runners")).data["runners"].([]any)[0].(map[string]any)["health"]
	end := func(id, how string) map[string]any {
		return map[string]any{"submissionId": id, "attempt": 1.0, "how": how}
	}
	want := map[string]any{
		"badEnds": 2.0, "lostLeases": 1.0, "infraErrors": 1.0, "probeAt": nil,
		"lastEnds": []any{end("j1", "infra_error"), end("j2", "lost")},
	}
	atAny := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == `["at"]` }, cmp.Ignore())
	if diff := cmp.Diff(want, got, atAny); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestPools: jobs are counted where they are few, and messages where they are many.
func TestPools(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.must(200, get("/ops/pools"))
	w.queued("j1", "j2", "j3")
	w.pass(4 * time.Second)
	w.claim("j2", "runner-a")
	w.must(200, post("/runner/sync", `{"slots":0}`).by("runner-b"))
	pool := func() map[string]any {
		t.Helper()
		return w.must(200, get("/ops/pools")).data["pools"].([]any)[0].(map[string]any)
	}
	want := map[string]any{
		"name": "default", "paused": nil, "depth": 3.0, "inFlight": 0.0, "waiting": 2.0, "running": 1.0, "oldestSeconds": 7.0,
		"runners": 2.0, "slots": 2.0, "meanWaitSeconds": nil, "p99WaitSeconds": nil,
	}
	if diff := cmp.Diff(want, pool()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	w.pass(61 * time.Second)
	w.must(200, post("/runner/sync", `{"slots":4}`).by("runner-b"))
	if got := pool(); got["slots"] != 5.0 || got["runners"] != 2.0 {
		t.Errorf("slots of one runner and of four: %v", got)
	}
	w.must(200, post("/ops/runners/runner-b", `{"act":"pause","why":"a test"}`))
	w.pass(61 * time.Second)
	if got := pool(); got["slots"] != 1.0 || got["runners"] != 1.0 {
		t.Errorf("one runner is paused: %v", got)
	}
	for i := range 100 {
		w.queued(fmt.Sprintf("m%d", i))
	}
	if got := pool(); got["waiting"] != got["depth"] || got["running"] != got["inFlight"] || got["depth"].(float64) < 97 {
		t.Errorf("of many: %v", got)
	}
	w.pass(12 * time.Minute)
	if got := pool(); got["runners"] != 0.0 || got["slots"] != 0.0 {
		t.Errorf("runners that are gone: %v", got)
	}
}

// TestDemand: what a fleet is sized by follows the jobs that ended recently.
func TestDemand(t *testing.T) {
	w := newWorld(t)
	w.problems()
	for i := range 6 {
		w.queued(fmt.Sprintf("j%d", i))
	}
	demand := func(query string) string { return w.must(200, get("/ops/demand"+query)).raw }
	if got := demand(""); !strings.Contains(got, `{"pool":"default","waiting":6,"running":0,"slots":0,"wanted":2,"meanRunSeconds":null}`) {
		t.Errorf("nothing has ended: %s", got)
	}
	token := w.claim("j0", "runner-a")
	w.pass(20 * time.Second)
	w.must(200, put("/runner/jobs/j0/complete", result7(token, "AC")))
	w.pass(time.Minute) // the mean is remembered
	if got := demand("?pool=default&targetSeconds=20"); !strings.Contains(got, `"waiting":6,"running":0,"slots":1,"wanted":6,"meanRunSeconds":20}`) {
		t.Errorf("20 s each: %s", got)
	}
	w.check([]row{
		{"a target", get("/ops/demand?targetSeconds=0"), 400, "invalid_filter", "invalid filter: targetSeconds: want whole seconds, 1 to 3600"},
		{"a pool", get("/ops/demand?pool=exam"), 422, "unknown_pool", "no such pool: there is no exam here: want one of default"},
	})
}

// TestFindJobs: each call looks at a bounded number of jobs, and all calls together
// find each once, the first queued first.
func TestFindJobs(t *testing.T) {
	w := newWorld(t)
	w.problems()
	var all []string
	for i := range 230 {
		id := fmt.Sprintf("j%d", i)
		if i%100 == 99 {
			id = fmt.Sprintf("bare%d", i) // of problem 8
		}
		for n := 0; i < 80 && i%2 == 0 && dispatch.ShardOf(id) != 0; n++ { // half of the first in one shard
			id = fmt.Sprintf("j%d-%d", i, n)
		}
		w.queued(id)
		all = append(all, id)
		w.pass(time.Millisecond)
	}
	w.claim("j150", "runner-a")
	walk := func(query string) (found []string, calls int) {
		t.Helper()
		for next := any(""); next != nil; calls++ {
			got := w.must(200, get("/ops/jobs?after="+next.(string)+query))
			page := got.data["jobs"].([]any)
			if strings.Contains(query, "limit=7") && len(page) > 7 {
				t.Errorf("a page of %d", len(page))
			}
			for _, j := range page {
				found = append(found, j.(map[string]any)["submissionId"].(string))
			}
			next = got.data["next"]
		}
		return found, calls
	}
	for query, want := range map[string][]string{
		"":                              all,
		"&limit=7":                      all,
		"&state=claimed":                {"j150"},
		"&runner=runner-a&pool=default": {"j150"},
		"&pool=exam":                    nil,
		"&problem=8&state=queued":       {"bare99", "bare199"},
	} {
		if found, calls := walk(query); !slices.Equal(found, want) || calls < 3 {
			t.Errorf("%q: %v in %d calls, want %v", query, found, calls, want)
		}
	}
	w.check([]row{
		{"a state", get("/ops/jobs?state=created"), 400, "invalid_filter", "invalid filter: state: want queued, claimed or final"},
		{"final, of all problems", get("/ops/jobs?state=final"), 400, "invalid_filter", "invalid filter: state: final jobs are found by problem, and by nothing else"},
		{"a cursor of final jobs", get("/ops/jobs?state=final&problem=7&after=1.a"), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the first"},
		{"a cursor of disputes", get("/ops/disputes?after=0000000000.1763937600250.a"), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the first"},
		{"twice", get("/ops/jobs?runner=a&runner=b"), 400, "invalid_filter", "invalid filter: runner: want the name of a runner"},
		{"a cursor", get("/ops/jobs?after=1.a/b"), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the first"},
		{"a limit", get("/ops/jobs?limit=101"), 400, "invalid_limit", "invalid limit: want 1 to 100"},
	})
}

// TestSteerRunner: the body of an act, and what the reply says.
func TestSteerRunner(t *testing.T) {
	w := newWorld(t)
	w.must(200, get("/runner/jobs"))
	act := func(body string) ask { return post("/ops/runners/runner-a", body) }
	got := w.must(200, act(`{"act":"drain","why":"  a new disk "}`))
	if !strings.Contains(got.raw, `"state":"draining"`) || !strings.Contains(got.raw, `"by":"producer","why":"a new disk"`) || !strings.Contains(got.raw, `"retired":false,"holds":[],"more":false`) {
		t.Errorf("drained %s", got.raw)
	}
	w.pass(80 * time.Second)
	if got := w.must(200, act(`{"act":"retire","why":"scale-in"}`)); got.data["retired"] != true || !strings.Contains(got.raw, `"state":"retired"`) {
		t.Errorf("retired %s", got.raw)
	}
	const known = "want one of pause, resume, drain, retire, quarantine, release"
	const why = "invalid body: why: want why this is done, in 1 to 200 characters"
	w.check([]row{
		{"of one that is retired", act(`{"act":"resume","why":"x"}`), 409, "runner_state", "the runner's state does not allow this: it is retired for ever: start a runner under another name"},
		{"of nobody", post("/ops/runners/nobody", `{"act":"pause","why":"x"}`), 404, "runner_not_found", "runner not found"},
		{"a name", post("/ops/runners/a%2Fb", `{"act":"pause","why":"x"}`), 400, "malformed_id", "malformed id: want 1 to 64 letters, digits, dots, hyphens or underscores"},
		{"no body", act(""), 400, "missing_body", "missing JSON body"},
		{"no act", act(`{"why":"x"}`), 400, "invalid_body", "invalid body: act: " + known},
		{"another act", act(`{"act":"kill","why":"x"}`), 400, "invalid_body", "invalid body: act: " + known},
		{"no reason", act(`{"act":"pause"}`), 400, "invalid_body", why},
		{"a blank reason", act(`{"act":"pause","why":"  "}`), 400, "invalid_body", why},
		{"a long reason", act(`{"act":"pause","why":"` + strings.Repeat("ä", 201) + `"}`), 400, "invalid_body", why},
		{"a reason that a terminal would obey", act(`{"act":"pause","why":"\u001b[2J"}`), 400, "invalid_body", "invalid body: why: want printable characters on one line"},
		{"a slip", act(`{"act":"pause","why":"x","until":1}`), 400, "invalid_body", "invalid body: until: unknown field: known are act, why"},
	})
}

// TestFinalJobsAndDisputes: those of a problem, the last that ended in front, and of all
// problems those whose verdict a late result denies.
func TestFinalJobsAndDisputes(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1", "bare1")
	late := w.claim("j1", "runner-b")
	w.pass(10 * time.Minute)
	w.must(200, put("/runner/jobs/j1/complete", result7(w.claim("j1", "runner-a"), "AC")))
	w.pass(time.Second)
	w.finished("j2")
	list := func(query string) []string {
		t.Helper()
		var found []string
		for next := any(""); next != nil; {
			got := w.must(200, get("/ops/jobs?state=final&limit=1&after="+next.(string)+query))
			for _, j := range got.data["jobs"].([]any) {
				found = append(found, fmt.Sprint(j.(map[string]any)["submissionId"], j.(map[string]any)["runner"], j.(map[string]any)["disputed"]))
			}
			next = got.data["next"]
		}
		return found
	}
	if got := list("&problem=7"); !slices.Equal(got, []string{"j2runner-afalse", "j1runner-afalse"}) || len(list("&problem=8")) != 0 {
		t.Errorf("final jobs of problem 7: %v, of 8: %v", got, list("&problem=8"))
	}
	if got := w.must(200, get("/ops/disputes")); !strings.Contains(got.raw, `{"disputes":[],"next":null}`) {
		t.Errorf("before: %s", got.raw)
	}
	w.must(403, put("/runner/jobs/j1/complete", result7(late, "WA")).by("runner-b"))
	if got := w.must(200, get("/ops/disputes")); !strings.Contains(got.raw, `"submissionId":"j1","problemId":7,"generation":0,`) ||
		!strings.Contains(got.raw, `"status":0,"score":100,"late":[{"runner":"runner-b","at":`) || !strings.Contains(got.raw, `"status":1,"score":40}]}],"next":null`) {
		t.Errorf("disputes: %s", got.raw)
	}
	if got := list("&problem=7"); !slices.Equal(got, []string{"j2runner-afalse", "j1runner-atrue"}) {
		t.Errorf("final jobs: %v", got)
	}
	w.must(200, post("/jobs/j1/rejudge", `{"generation":0}`))
	if got := w.must(200, get("/ops/disputes")); len(got.data["disputes"].([]any)) != 0 || len(list("&problem=7")) != 1 {
		t.Errorf("after a rejudge: %s, %v", got.raw, list("&problem=7"))
	}
}

// TestPause: nothing is given out that is paused, by any route, and people see why.
func TestPause(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1")
	for target, body := range map[string]string{"problem:7": `{"problemId":7,"why":"a wrong case"}`, "all": `{"why":"a wrong case"}`, "pool:default": `{"pool":"default","why":"a wrong case"}`} {
		w.check([]row{{"resume of " + target, post("/ops/resume", body), 409, "not_paused", "not paused"}})
		for range 2 {
			if got := w.must(200, post("/ops/pause", body)); !strings.Contains(got.raw, `{"target":"`+target+`","paused":{"at":`) || !strings.Contains(got.raw, `"by":"producer","why":"a wrong case"}`) {
				t.Errorf("paused %s", got.raw)
			}
		}
		w.pass(time.Minute)
		if got := w.must(200, get("/runner/jobs")); len(got.data["jobs"].([]any)) != 0 {
			t.Errorf("%s: listed %s", target, got.raw)
		}
		got := w.must(200, post("/runner/sync", `{"slots":1}`))
		if _, said := got.data["paused"]; said != (target != "problem:7") || len(got.data["jobs"].([]any)) != 0 {
			t.Errorf("%s: synced %s", target, got.raw)
		}
		if got := w.do(post("/runner/jobs/j1/claim", "")); got.status != 409 || got.code != "job_paused" || !strings.Contains(got.raw, target+" is paused by producer since ") {
			t.Errorf("%s: claimed %s", target, got.raw)
		}
		if got := w.must(200, get("/jobs/j1/explain")); !strings.Contains(got.raw, `"reasons":[{"code":"paused","reason":"`+target+` is paused by producer since `) {
			t.Errorf("%s: explained %s", target, got.raw)
		}
		if got := w.must(200, get("/ops/pools")); strings.Count(got.raw, `"why":"a wrong case"`) != 1 {
			t.Errorf("%s: pools %s", target, got.raw)
		}
		w.must(200, post("/ops/resume", body))
		w.pass(time.Minute)
		if got := w.must(200, get("/runner/jobs")); len(got.data["jobs"].([]any)) != 1 {
			t.Errorf("%s, resumed: listed %s", target, got.raw)
		}
		w.pass(4 * time.Second)
	}
	page := w.must(200, get("/ops/audit?limit=5"))
	if got := page.data["acts"].([]any); len(got) != 5 || got[0].(map[string]any)["act"] != "resume" || got[1].(map[string]any)["act"] != "pause" || got[0].(map[string]any)["why"] != "a wrong case" {
		t.Errorf("audit %s", page.raw)
	}
	if rest := w.must(200, get("/ops/audit?after="+url.QueryEscape(page.data["next"].(string)))); len(rest.data["acts"].([]any)) != 1 || rest.data["next"] != nil {
		t.Errorf("audit %s", rest.raw)
	}
	w.check([]row{
		{"both", post("/ops/pause", `{"pool":"a","problemId":7,"why":"x"}`), 400, "invalid_body", "invalid body: problemId: want a pool or a problem, not both"},
		{"no such pool", post("/ops/pause", `{"pool":"exam","why":"x"}`), 404, "pool_not_found", "pool not found: there is no exam here: want one of default"},
		{"no such pool to resume", post("/ops/resume", `{"pool":"exam","why":"x"}`), 404, "pool_not_found", "pool not found: there is no exam here: want one of default"},
		{"no such problem", post("/ops/pause", `{"problemId":9,"why":"x"}`), 404, "problem_not_found", "problem not found"},
		{"no such problem to resume", post("/ops/resume", `{"problemId":9,"why":"x"}`), 404, "problem_not_found", "problem not found"},
		{"a pool", post("/ops/pause", `{"pool":"a b","why":"x"}`), 400, "invalid_body", "invalid body: pool: want 1 to 64 letters, digits, dots, hyphens or underscores"},
		{"a problem", post("/ops/resume", `{"problemId":0,"why":"x"}`), 400, "invalid_body", "invalid body: problemId: want an integer, 1 to 2147483647"},
		{"no reason", post("/ops/pause", `{}`), 400, "invalid_body", "invalid body: why: want why this is done, in 1 to 200 characters"},
		{"no body", post("/ops/resume", ""), 400, "missing_body", "missing JSON body"},
		{"a cursor", get("/ops/audit?after=x"), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the newest"},
		{"a limit", get("/ops/audit?limit=0"), 400, "invalid_limit", "invalid limit: want 1 to 100"},
	})
	for i := range 100 {
		w.must(201, put(fmt.Sprintf("/problems/%d", 1000+i), `{"tasks":`+tasks8+`}`))
		w.must(200, post("/ops/pause", fmt.Sprintf(`{"problemId":%d,"why":"x"}`, 1000+i)))
	}
	w.check([]row{{"one more", post("/ops/pause", `{"why":"x"}`), 409, "too_many_pauses", "too many pauses: there are 100, resume one first"}})
}

// TestARunnerRetiresItself: at once if it holds nothing, else after it has finished.
func TestARunnerRetiresItself(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.queued("j1")
	token := w.claim("j1", "runner-a")
	if got := w.must(200, post("/runner/retire", "{}")); got.data["retired"] != false || !strings.Contains(got.raw, `"holds":["j1"]`) {
		t.Errorf("it holds a job: %s", got.raw)
	}
	w.must(200, put("/runner/jobs/j1/complete", result7(token, "AC")))
	for range 2 {
		if got := w.must(200, post("/runner/retire", "")); got.data["retired"] != true || !strings.Contains(got.raw, `"holds":[]`) {
			t.Errorf("it holds nothing: %s", got.raw)
		}
	}
	if got := w.must(200, post("/runner/sync", `{"slots":1}`)); got.data["barred"] != "runner_retired" {
		t.Errorf("synced %s", got.raw)
	}
	if got := w.must(200, get("/ops/audit")); strings.Count(got.raw, `"by":"runner:runner-a","act":"retire"`) != 2 {
		t.Errorf("audit %s", got.raw)
	}
}

// TestRejudgeOfMany from its order to its end, and what is refused.
func TestRejudgeOfMany(t *testing.T) {
	w := newWorld(t)
	w.problems()
	w.finished("j1")
	w.pass(time.Second)
	w.finished("j2")
	begin := func(body string) ask { return post("/ops/rejudges", body) }
	order := begin(`{"problemId":7,"status":1,"to":9999999999,"pool":"default","why":" a wrong case "}`)
	first := w.must(200, order)
	if again := w.must(200, order); again.raw != first.raw {
		t.Errorf("the same again: %s", again.raw)
	}
	id := first.data["id"].(string)
	if !strings.Contains(first.raw, `"filter":{"problemId":7,"status":1,"from":null,"to":9999999999.000},"pool":"default","why":"a wrong case","by":"producer","state":"running","matched":0,"rejudged":0,"skipped":0,"failed":0,`) || !strings.Contains(first.raw, `"endedAt":null`) {
		t.Errorf("began %s", first.raw)
	}
	w.check([]row{
		{"another", begin(`{"problemId":7,"why":"x"}`), 409, "rejudge_running", "another rejudge of this problem is running: " + id + " is running: wait for its end, or stop it"},
		{"a pool", begin(`{"problemId":8,"pool":"exam","why":"x"}`), 422, "unknown_pool", "no such pool: there is no exam here: want one of default"},
		{"no such problem", begin(`{"problemId":9,"why":"x"}`), 404, "problem_not_found", "problem not found"},
		{"no reason", begin(`{"problemId":8}`), 400, "invalid_body", "invalid body: why: want why this is done, in 1 to 200 characters"},
		{"no problem", begin(`{"why":"x"}`), 400, "invalid_body", "invalid body: problemId: missing"},
		{"a status", begin(`{"problemId":8,"status":8,"why":"x"}`), 400, "invalid_body", "invalid body: status: want an integer, 0 to 7"},
		{"a time", begin(`{"problemId":8,"from":"now","why":"x"}`), 400, "invalid_body", "invalid body: from: want a time in seconds since 1970, more than 0 and at most 9999999999"},
		{"milliseconds", begin(`{"problemId":8,"to":1763937600250,"why":"x"}`), 400, "invalid_body", "invalid body: to: want a time in seconds since 1970, more than 0 and at most 9999999999"},
		{"no time between", begin(`{"problemId":8,"from":2.5,"to":2.5,"why":"x"}`), 400, "invalid_body", "invalid body: to: want a time after from"},
		{"none of the id", get("/ops/rejudges/none"), 404, "rejudge_not_found", "rejudge not found"},
		{"none to stop", post("/ops/rejudges/none/stop", `{"why":"x"}`), 404, "rejudge_not_found", "rejudge not found"},
		{"stopped without a reason", post("/ops/rejudges/"+id+"/stop", `{}`), 400, "invalid_body", "invalid body: why: want why this is done, in 1 to 200 characters"},
		{"stopped without a body", post("/ops/rejudges/"+id+"/stop", ""), 400, "missing_body", "missing JSON body"},
		{"a cursor", get("/ops/rejudges?after=a/b"), 400, "invalid_cursor", "invalid cursor: want the next of an earlier reply, or none to begin with the newest"},
		{"a limit", get("/ops/rejudges?limit=0"), 400, "invalid_limit", "invalid limit: want 1 to 100"},
	})
	w.pass(time.Minute)
	d := dispatch.New(w.store, w.queue, w.blobs)
	d.Roster, d.Now = w.store, w.clock
	if swept, err := d.Sweep(t.Context()); err != nil || swept.Rejudged != 2 {
		t.Fatal(swept, err)
	}
	if got := w.must(200, get("/ops/rejudges/"+id)); !strings.Contains(got.raw, `"state":"done","matched":2,"rejudged":2,"skipped":0,"failed":0`) {
		t.Errorf("ended %s", got.raw)
	}
	for id, generation := range map[string]float64{"j1": 1, "j2": 1} {
		if got := w.must(200, get("/jobs/"+id)); got.data["generation"] != generation {
			t.Errorf("%s: %s", id, got.raw)
		}
	}
	w.check([]row{{"stopped too late", post("/ops/rejudges/"+id+"/stop", `{"why":"x"}`), 409, "rejudge_state", "the rejudge's state does not allow this: it is done"}})
	second := w.must(200, begin(`{"problemId":8,"why":"x"}`)).data["id"].(string)
	w.pass(time.Second)
	if got := w.must(200, post("/ops/rejudges/"+second+"/stop", `{"why":"a slip"}`)); got.data["state"] != "stopped" || got.data["endedAt"] == nil {
		t.Errorf("stopped %s", got.raw)
	}
	page := w.must(200, get("/ops/rejudges?limit=1"))
	if got := page.data["rejudges"].([]any); got[0].(map[string]any)["id"] != second || page.data["next"] != second {
		t.Errorf("listed %s", page.raw)
	}
	if rest := w.must(200, get("/ops/rejudges?after="+second)); len(rest.data["rejudges"].([]any)) != 1 || rest.data["next"] != nil {
		t.Errorf("listed %s", rest.raw)
	}
	if got := w.must(200, get("/ops/audit?limit=1")); !strings.Contains(got.raw, `"by":"producer","act":"stop","target":"rejudge:`+second+`","why":"a slip"`) {
		t.Errorf("audit %s", got.raw)
	}
}
