package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"runlease/shared/testkit/until"
	"runlease/shared/testkit/zips"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	if got := c.want(200, "", request{"GET", "/healthz", nil, nil}); got.Data["version"] == nil {
		t.Errorf("no version: %v", got.Data)
	}
	head, err := c.http.Head(at.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	head.Body.Close()
	if head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
}

// TestWhatIsHandedInIsLookedInto hands in test data without a case's file, and
// code that is no zip.
func TestWhatIsHandedInIsLookedInto(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	testdata := zips.Of(zips.File{Name: "README", Text: fresh("zip")}, zips.File{Name: "0000.in"})
	path := fmt.Sprintf("/problems/%d", freshProblem())
	draft := map[string]any{"tasks": oneTask, "testdata": map[string]any{"size": len(testdata), "sha256": sum(testdata)}}
	drafted := c.want(201, "", request{"PUT", path, draft, producer()})
	if got := c.send(drafted.Data["upload"], testdata); got != 200 {
		t.Fatalf("upload: %d", got)
	}
	c.want(422, "invalid_testdata", request{"POST", path + "/publish", nil, producer()})

	job := inline(fresh("job"), c.published())
	job["code"] = base64.StdEncoding.EncodeToString([]byte("int main() {}"))
	c.want(422, "invalid_code", request{"POST", "/jobs", job, producer()})
}

// TestUnfitRunnerIsPassedOver: the runner that gave a job back as unfit does not
// get it again at once, another one does.
func TestUnfitRunnerIsPassedOver(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	id := c.queued(c.published())
	token := c.claimed(id, "unfit")
	c.want(200, "", request{"POST", "/runner/jobs/" + id + "/release", map[string]any{"token": token, "reason": "infra_error", "detail": "disk full"}, as("unfit")})
	c.want(409, "passed_over", request{"POST", "/runner/jobs/" + id + "/claim", nil, as("unfit")})
	c.want(200, "", request{"GET", "/jobs/" + id + "/explain", nil, producer()})
	c.want(200, "", request{"GET", "/ops/runners?limit=1", nil, producer()})
	c.want(200, "", request{"GET", "/ops/pools", nil, producer()})
	c.want(200, "", request{"GET", "/ops/demand?targetSeconds=60", nil, producer()})
	c.want(200, "", request{"GET", "/ops/jobs?state=queued", nil, producer()})
	c.want(200, "", request{"GET", "/ops/jobs?state=final&problem=1", nil, producer()})
	c.want(200, "", request{"GET", "/ops/disputes", nil, producer()})
	c.want(400, "invalid_cursor", request{"GET", "/ops/disputes?after=x", nil, producer()})
	c.want(400, "invalid_filter", request{"GET", "/ops/jobs?state=asleep", nil, producer()})
	c.want(422, "unknown_pool", request{"GET", "/ops/demand?pool=nowhere", nil, producer()})
	c.want(404, "pool_not_found", request{"POST", "/ops/pause", map[string]any{"pool": "nowhere", "why": "e2e"}, producer()})
	steps := c.want(200, "", request{"GET", "/jobs/" + id + "/timeline", nil, producer()}).Data["steps"].([]any)
	if last := steps[len(steps)-1].(map[string]any); last["step"] != "released" && last["step"] != "rung" {
		t.Errorf("the last step is %v", last)
	}
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(c.claimed(id, "fit"), "AC"), as("fit")})
}

// TestARunnerIsSteered: a paused runner gets no job within a minute, and does
// again after it was resumed.
func TestARunnerIsSteered(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	name := fresh("steered")
	act := func(what string) request {
		return request{"POST", "/ops/runners/" + name, map[string]any{"act": what, "why": "a test"}, producer()}
	}
	c.want(404, "runner_not_found", act("pause"))
	c.want(200, "", request{"GET", "/runner/jobs", nil, as(name)})
	if got := c.want(200, "", act("pause")); got.Data["runner"].(map[string]any)["state"] != "paused" {
		t.Errorf("got %v", got.Data)
	}
	c.want(409, "runner_state", act("release"))
	// Whether it is known at once depends on which process answers.
	id := c.queued(c.published())
	time.Sleep(61 * time.Second)
	c.want(409, "runner_barred", request{"POST", "/runner/jobs/" + id + "/claim", nil, as(name)})
	c.want(200, "", act("resume"))
	c.want(200, "", request{"POST", "/runner/retire", map[string]any{}, as(name)})
	c.want(200, "", request{"GET", "/ops/audit?limit=1", nil, producer()})
}

// TestARunnerIsDrainedAndRetired: the real runner logs that it is drained, goes on when
// it may have jobs again, and ends once it is retired.
func TestARunnerIsDrainedAndRetired(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	name := fresh("drained")
	log := startRunner(t, name, "-doorbell=false", "-executor", "false", "-executor-languages", "63") // the other tests' jobs are not for it
	log("started")
	act := func(what string) {
		t.Helper()
		until.True(t, patience, what+" is taken", func() bool { // once the runner was heard
			return c.do(request{"POST", "/ops/runners/" + name, map[string]any{"act": what, "why": "a test"}, producer()}).Status == 200
		})
	}
	act("drain")
	if line := log("the server gives this runner no jobs"); line["why"] != "runner_draining" {
		t.Errorf("got %v", line)
	}
	act("release")
	log("the server gives this runner jobs again")
	if got := c.want(200, "", request{"POST", "/runner/retire", map[string]any{}, as(name)}); got.Data["retired"] != true {
		t.Errorf("got %v", got.Data)
	}
	log("this runner is retired")
	log("stopped")
}

// TestAProblemIsPaused: within a minute none of its jobs can be claimed.
func TestAProblemIsPaused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem := c.published()
	about := map[string]any{"problemId": problem, "why": "a test"}
	c.want(409, "not_paused", request{"POST", "/ops/resume", about, producer()})
	c.want(200, "", request{"POST", "/ops/pause", about, producer()})
	id := c.queued(problem)
	time.Sleep(61 * time.Second)
	c.want(409, "job_paused", request{"POST", "/runner/jobs/" + id + "/claim", nil, as("held-up")})
	c.want(200, "", request{"POST", "/ops/resume", about, producer()})
}

// TestAProblemIsRejudged: its final job gets another generation by the sweep, within
// three minutes.
func TestAProblemIsRejudged(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem := c.published()
	id := c.queued(problem)
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(c.claimed(id, "first"), "AC"), as("first")})
	order := func(why string) request {
		return request{"POST", "/ops/rejudges", map[string]any{"problemId": problem, "why": why}, producer()}
	}
	many := "/ops/rejudges/" + c.want(200, "", order("a test")).Data["id"].(string)
	c.want(409, "rejudge_running", order("another test"))
	c.want(404, "rejudge_not_found", request{"GET", "/ops/rejudges/none", nil, producer()})
	c.want(200, "", request{"GET", "/ops/rejudges?limit=1", nil, producer()})
	until.True(t, 4*time.Minute, "it has ended", func() bool { return c.want(200, "", request{"GET", many, nil, producer()}).Data["state"] == "done" })
	stop := map[string]any{"why": "a test"}
	c.want(409, "rejudge_state", request{"POST", many + "/stop", stop, producer()})
	token := c.claimed(id, "second")
	c.want(200, "", request{"PUT", "/runner/jobs/" + id + "/complete", result(token, "WA"), as("second")})
	if got := c.want(200, "", request{"GET", "/jobs/" + id, nil, producer()}); got.Data["generation"] != 1.0 || got.Data["score"] != 0.0 {
		t.Errorf("got %v", got.Data)
	}
	slip := c.want(200, "", order("a slip")).Data["id"].(string)
	c.want(200, "", request{"POST", "/ops/rejudges/" + slip + "/stop", stop, producer()})
}

// TestARunnerSaysThatItKnowsCheckers: without that word it gets no job whose
// right answers it would judge wrong.
func TestARunnerSaysThatItKnowsCheckers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	problem := freshProblem()
	c.want(201, "", request{"PUT", fmt.Sprintf("/problems/%d", problem), map[string]any{"tasks": oneTask, "checker": map[string]any{"kind": "tokens"}}, producer()})
	c.want(200, "", request{"POST", fmt.Sprintf("/problems/%d/publish", problem), nil, producer()})
	on := "/runner/jobs/" + c.queued(problem)
	c.want(409, "unfit_runner", request{"POST", on + "/claim", nil, as("plain")})
	got := c.want(200, "", request{"POST", on + "/claim", map[string]any{"checkers": true}, as("modern")})
	c.want(200, "", request{"PUT", on + "/complete", result(got.Data["token"].(string), "AC"), as("modern")})
}
