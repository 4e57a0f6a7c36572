package measure

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runlease/shared/auth"
	"runlease/shared/bill"
	"runlease/shared/roster"
	"runlease/shared/testkit/meter"
	"runlease/shared/testkit/zips"
)

// table collects what is measured.
type table struct {
	rows []bill.Request
}

func (t *table) add(name string, apiCalls int, calls []meter.Call) {
	t.rows = append(t.rows, meter.Sum(name, apiCalls, calls))
}

// Requests makes every kind of request, and both flows, and says what they cost:
// the rows of requests.json.
func Requests(t T) []bill.Request {
	w := newWorld(t)
	var out table
	// row notes what the last request cost.
	row := func(name string) { out.add(name, 1, w.cleared) }
	n := 0
	next := func() string { n++; return id(n) }

	// What a function does first of all it remembers: not counted.
	w.publish()
	for range 2 {
		a := next()
		w.create(a)
		token := w.claim(a)
		w.do("get-testdata", 302, "/runner/jobs/"+a+"/testdata", "")
		w.complete(a, token, "42")
		w.pass(5 * time.Second)
		w.do("list-jobs", 200, "/runner/jobs", "") // its message goes
		w.create(next())
		w.synced(0, w.synced(1)...)
	}
	w.pass(time.Minute) // beyond every lease and hiding
	w.do("list-jobs", 200, "/runner/jobs", "")
	if left := w.backend.Messages(queueURL); left != 0 {
		t.Fatalf("%d messages left", left)
	}

	// Refusals, and what a function forgets within a minute.
	w.do("list-jobs", 403, "/runner/jobs", "", "X-Runner-Token", "no-token-of-ours")
	row("any route, malformed token")
	mistyped := []byte(w.runnerToken)
	mistyped[len(mistyped)-1] ^= 1
	w.do("list-jobs", 403, "/runner/jobs", "", "X-Runner-Token", string(mistyped))
	row("any route, mistyped token")
	unknown, err := auth.New(auth.Runner, w.random)
	if err != nil {
		t.Fatal(err)
	}
	w.do("list-jobs", 403, "/runner/jobs", "", "X-Runner-Token", unknown)
	row("any route, unknown token")
	w.clock = w.clock.Add(2 * time.Minute)
	w.do("heartbeat", 200, "/runner/heartbeat", "{}")
	row("any route, its credential look-up (once a minute)")
	w.pass(0)

	// The runner's routes.
	w.do("list-jobs", 200, "/runner/jobs", "")
	row("list-jobs, nothing there")
	a := next()
	w.create(a)
	row("create-job")
	w.do("list-jobs", 200, "/runner/jobs", "")
	row("list-jobs, one job")
	token := w.claim(a)
	row("claim-job")
	w.do("get-code", 200, "/runner/jobs/"+a+"/code", "")
	row("get-code")
	w.do("get-testdata", 302, "/runner/jobs/"+a+"/testdata", "")
	row("get-testdata")
	w.do("heartbeat", 200, "/runner/heartbeat", "{}")
	row("heartbeat, no job")
	w.pass(time.Minute)
	w.do("heartbeat", 200, "/runner/heartbeat", `{"submissionId":"`+a+`"}`)
	row("heartbeat, before the claim has its handle")
	w.pass(5 * time.Second)
	w.do("heartbeat", 200, "/runner/heartbeat", `{"submissionId":"`+a+`"}`)
	row("heartbeat, sooner than it is due")
	w.do("list-jobs", 200, "/runner/jobs", "")
	row("list-jobs, a claimed job's message (its handle is noted)")
	w.pass(time.Minute)
	w.do("heartbeat", 200, "/runner/heartbeat", `{"submissionId":"`+a+`"}`)
	row("heartbeat")
	w.do("upload-outputs", 200, "/runner/jobs/"+a+"/outputs", `{"token":"`+token+`","sha256":"`+digest("outputs")+`","size":8}`)
	row("upload-outputs")
	w.complete(a, token, "42")
	row("complete-job")
	w.do("get-job", 200, "/jobs/"+a, "")
	row("get-job")
	w.do("get-outputs", 200, "/jobs/"+a+"/outputs", "")
	row("get-outputs, for the first time")
	w.do("get-outputs", 200, "/jobs/"+a+"/outputs", "")
	row("get-outputs")
	w.do("rejudge-job", 200, "/jobs/"+a+"/rejudge", `{"generation":0}`)
	row("rejudge-job")
	w.do("cancel-job", 200, "/jobs/"+a+"/cancel", "")
	row("cancel-job, queued")
	w.do("list-jobs", 200, "/runner/jobs", "")
	row("list-jobs, a final job's message")

	b := next()
	w.create(b)
	token = w.claim(b)
	w.complete(b, token, loud)
	row("complete-job, with outputs of their own object, before the claim has its handle")
	w.do("get-outputs", 200, "/jobs/"+b+"/outputs", "")
	row("get-outputs, of their own object")
	w.do("get-outputs", 200, "/jobs/"+b+"/outputs?task=0&case=0", "")
	row("get-outputs, one case of their own object")
	w.do("list-jobs", 200, "/runner/jobs", "")
	c := next()
	w.create(c)
	w.do("list-jobs", 200, "/runner/jobs", "")
	token = w.claim(c)
	w.do("release-job", 200, "/runner/jobs/"+c+"/release", `{"token":"`+token+`","reason":"drain"}`)
	row("release-job")
	w.do("cancel-job", 200, "/jobs/"+c+"/cancel", "")
	w.pass(5 * time.Second)
	w.do("list-jobs", 200, "/runner/jobs", "")

	// Sync.
	w.synced(4)
	row("sync, nothing there")
	w.create(next())
	claimed := w.synced(1)
	row("sync, one job claimed")
	w.pass(20 * time.Second)
	w.kept(claimed[0])
	row("sync, one heartbeat")
	w.kept(claimed[0])
	row("sync, a heartbeat sooner than it is due")
	w.synced(0, claimed...)
	row("sync, one result")

	// The sweep, once a minute.
	w.swept()
	w.pass(time.Minute)
	w.swept()
	out.add("sweep, no open jobs", 0, w.cleared)

	// One job of the existing client, in the middle of its work: while a job is
	// under way the next one comes, and the list that brings it also brings the
	// message of the job before, three seconds after that was listed.
	one, two := next(), next()
	w.create(one)
	w.do("list-jobs", 200, "/runner/jobs", "")
	token = w.claim(one)
	w.pass(5 * time.Second)
	var calls []meter.Call
	step := func() { calls = append(calls, w.cleared...) }
	w.create(two)
	step()
	listed := w.do("list-jobs", 200, "/runner/jobs", "")["jobs"].([]any)
	step()
	if len(listed) != 1 || listed[0].(map[string]any)["submissionId"] != two {
		t.Fatalf("listed %v", listed)
	}
	other := w.claim(two)
	step()
	w.do("get-code", 200, "/runner/jobs/"+two+"/code", "")
	step()
	w.do("get-testdata", 302, "/runner/jobs/"+two+"/testdata", "")
	step()
	w.complete(one, token, "42")
	step()
	if got := w.do("get-job", 200, "/jobs/"+one, "")["state"]; got != "finished" {
		t.Fatalf("the job is %v", got)
	}
	step()
	out.add("a job by the compat routes, without heartbeats", 7, calls)
	w.complete(two, other, "42")
	w.pass(time.Minute)
	w.do("list-jobs", 200, "/runner/jobs", "")

	// And one by sync: a call brings a result and takes the next job.
	one, two = next(), next()
	w.create(one)
	first := w.synced(1)
	calls = nil
	w.create(two)
	step()
	second := w.synced(1, first...)
	step()
	if len(first) != 1 || first[0].job != one || len(second) != 1 {
		t.Fatalf("synced %v, then %v", first, second)
	}
	w.do("get-job", 200, "/jobs/"+one, "")
	step()
	out.add("a job by sync, without heartbeats", 3, calls)
	w.synced(0, second...)

	// The producer's other routes.
	w.do("list-verdicts", 200, "/verdicts?limit=1", "")
	row("list-verdicts")
	w.do("put-problem", 200, problemPath, w.draft("131072"))
	row("put-problem")
	w.do("publish-problem", 200, problemPath+"/publish", "")
	row("publish-problem")
	w.do("get-problem", 200, problemPath, "")
	row("get-problem")
	w.do("get-problem", 200, problemPath+"?version=1", "")
	row("get-problem, one version")
	w.do("list-problems", 200, "/problems", "")
	row("list-problems")
	w.do("list-versions", 200, problemPath+"/versions", "")
	row("list-versions")
	d := next()
	w.do("create-job", 201, "/jobs", `{"submissionId":"`+d+`","problemId":17,"language":1,"group":"user-10442","code":`+artifact(zips.Code(d))+`}`)
	row("create-job, code uploaded")
	w.upload("code/"+d+"/", zips.Code(d))
	w.do("submit-job", 200, "/jobs/"+d+"/submit", "")
	row("submit-job")
	w.do("cancel-job", 200, "/jobs/"+d+"/cancel", "")
	ids := []string{}
	for range 10 {
		ids = append(ids, next())
		w.create(ids[len(ids)-1])
	}
	w.do("query-jobs", 200, "/jobs/query", `{"ids":["`+strings.Join(ids, `","`)+`"]}`)
	row("query-jobs, ten jobs")
	// Their group becomes a noisy one, beside which another's job is listed alone.
	w.do("cancel-job", 200, "/jobs/"+ids[9]+"/cancel", "")
	for range 5 {
		w.do("list-jobs", 200, "/runner/jobs?limit=10", "")
		w.pass(5 * time.Second)
	}
	ids[9] = next()
	w.do("create-job", 201, "/jobs", `{"submissionId":"`+ids[9]+`","problemId":17,"language":1,"group":"user-2","code":"`+zips.Inline("")+`"}`)
	if alone := w.do("list-jobs", 200, "/runner/jobs?limit=10", "")["jobs"].([]any); len(alone) != 1 {
		t.Fatalf("listed %v", alone)
	}
	row("list-jobs, one job of ten, the others go back")
	for _, job := range ids {
		w.do("cancel-job", 200, "/jobs/"+job+"/cancel", "")
	}
	w.pass(5 * time.Second)
	for range 3 {
		w.do("list-jobs", 200, "/runner/jobs?limit=10", "")
	}
	if left := w.backend.Messages(queueURL); left != 0 {
		t.Fatalf("%d messages left", left)
	}
	w.do("delete-job", 200, "/jobs/"+a, "")
	row("delete-job")

	e := next()
	w.create(e)
	w.do("explain-job", 200, "/jobs/"+e+"/explain", "")
	row("explain-job, the oldest that waits")
	w.do("job-timeline", 200, "/jobs/"+e+"/timeline", "")
	row("job-timeline")
	w.do("cancel-job", 200, "/jobs/"+e+"/cancel", "")
	w.do("list-jobs", 200, "/runner/jobs", "")

	// What a request of a runner that asks for jobs takes more, where its record is
	// not remembered.
	for _, d := range w.dispatchers {
		d.Roster = w.store
	}
	w.synced(1)
	for _, later := range []struct {
		after time.Duration
		row   string
	}{
		{roster.Remembered, "any request for jobs, its runner's record (once a minute)"},
		{roster.HeardEvery, "any request for jobs, its runner's record is written (every five minutes)"},
	} {
		w.pass(later.after)
		w.synced(1)
		out.add(later.row, 0, slices.DeleteFunc(slices.Clone(w.cleared), func(c meter.Call) bool { return c.Resource != "fleet" }))
	}
	ofRecord := func(name string) {
		out.add(name, 0, slices.DeleteFunc(slices.Clone(w.cleared), func(c meter.Call) bool { return c.Resource != "fleet" }))
	}
	w.create(next())
	bad := w.synced(1)[0]
	w.do("release-job", 200, "/runner/jobs/"+bad.job+"/release", `{"token":"`+bad.token+`","reason":"infra_error"}`)
	ofRecord("release-job, infra_error, its runner's record")
	w.pass(time.Minute)
	good := w.synced(1)[0]
	w.pass(time.Second)
	w.synced(1, good)
	ofRecord("a result after a bad end, its runner's record")
	w.do("list-runners", 200, "/ops/runners", "")
	row("list-runners, one runner")
	w.create(next())
	w.do("list-pools", 200, "/ops/pools", "")
	row("list-pools, one job and one runner")
	w.do("find-jobs", 200, "/ops/jobs", "")
	row("find-jobs, one job")
	w.do("find-jobs", 200, "/ops/jobs?state=final&problem=17&limit=1", "")
	row("find-jobs, the last job of a problem that ended")
	w.do("list-disputes", 200, "/ops/disputes", "")
	row("list-disputes, none")
	w.do("get-demand", 200, "/ops/demand", "")
	row("get-demand, the mean run time is looked up (once a minute)")
	w.do("get-demand", 200, "/ops/demand", "")
	row("get-demand")
	w.do("steer-runner", 200, "/ops/runners/"+runner, `{"act":"pause","why":"a test"}`)
	row("steer-runner, one open job")
	w.do("list-audit", 200, "/ops/audit", "")
	row("list-audit, one act")
	w.do("pause-jobs", 200, "/ops/pause", `{"problemId":17,"why":"a test"}`)
	row("pause-jobs")
	w.do("resume-jobs", 200, "/ops/resume", `{"problemId":17,"why":"a test"}`)
	row("resume-jobs")
	w.do("retire-runner", 200, "/runner/retire", "{}")
	row("retire-runner, one open job")
	many := w.do("begin-rejudge", 200, "/ops/rejudges", `{"problemId":17,"status":0,"why":"a test"}`)["id"].(string)
	row("begin-rejudge")
	w.do("list-rejudges", 200, "/ops/rejudges", "")
	row("list-rejudges, one")
	w.do("get-rejudge", 200, "/ops/rejudges/"+many, "")
	row("get-rejudge")
	w.pass(time.Minute)
	rejudged := w.swept().Rejudged
	out.add(fmt.Sprintf("sweep, a rejudge of %d jobs", rejudged), 0, w.cleared)
	many = w.do("begin-rejudge", 200, "/ops/rejudges", `{"problemId":17,"why":"another test"}`)["id"].(string)
	w.do("stop-rejudge", 200, "/ops/rejudges/"+many+"/stop", `{"why":"a slip"}`)
	row("stop-rejudge")
	return append(out.rows, ringRows(t)...)
}
