package dispatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// TestExplainCountsTheJobsAhead: waiting jobs, not held ones.
func TestExplainCountsTheJobsAhead(t *testing.T) {
	w, _ := watched(t)
	explain := func(id string) []job.Delay {
		t.Helper()
		_, delays, answer, err := w.Explain(w.ctx, id)
		w.granted(answer, err)
		return delays
	}
	for i := range 130 {
		w.create(fmt.Sprintf("job-%03d", i))
		w.pass(time.Second)
	}
	for i := range 20 {
		w.claim(fmt.Sprintf("job-%03d", i), []string{"busy", "too"}[i/10])
	}
	if _, _, err := w.List(w.ctx, job.Candidate{Runner: "free"}, 1); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"job-120": "before it: 100", "job-121": "more than 100", "job-021": "before it: 1",
	} {
		if got := explain(id); len(got) != 1 || got[0].Code != job.DelayQueue || !strings.Contains(got[0].Reason, want) {
			t.Errorf("%s: %+v, want %s", id, got, want)
		}
	}
	if got := explain("job-020"); got[0].Code != job.DelayNone {
		t.Errorf("the oldest that waits: %+v", got)
	}
	if got := explain("job-000"); got[0].Code != job.DelayHeld || got[0].Runner != "busy" {
		t.Errorf("held: %+v", got)
	}
	w.pass(12 * time.Minute)
	if got := explain("job-021"); got[0].Code != job.DelayNoRunner {
		t.Errorf("after a long silence: %+v", got)
	}
	_, _, answer, err := w.Explain(w.ctx, "unknown")
	w.refused(job.NotFound, answer, err)
}

// TestExplainCountsInThePool: behind any number of another pool's jobs, up to what one look
// takes. A runner is busy with jobs of any pool, unless it has a slot free.
func TestExplainCountsInThePool(t *testing.T) {
	w, _ := watched(t)
	w.withExam()
	w.createIn("exam", "exam-0")
	w.pass(time.Second)
	w.create("held")
	w.claims("both", 1, "default", "exam")
	explains := func(id, want string) {
		t.Helper()
		_, delays, answer, err := w.Explain(w.ctx, id)
		if w.granted(answer, err); !strings.Contains(delays[len(delays)-1].Reason, want) {
			t.Errorf("%s: %+v, want %s", id, delays, want)
		}
	}
	explains("exam-0", "all that may have it are busy: 1")
	w.create("held-too")
	w.claims("wide", 4)
	w.pass(time.Second)
	w.create("first")
	explains("first", "nothing stands in its way")
	for i := range 4000 {
		if i == 1000 {
			w.pass(time.Second)
			w.createIn("exam", "exam-1")
			w.createIn("exam", "exam-2")
			w.pass(time.Second)
			w.createIn("exam", "exam-3")
		}
		w.create(fmt.Sprintf("job-%d", i))
	}
	explains("exam-3", "before it: 3")
	w.pass(time.Second)
	w.createIn("exam", "exam-4")
	explains("exam-4", "at least 4")
}

// TestRunnersBehindManyThatAreGone: of a fleet whose machines come and go under new names
// the records of gone runners stay for a month.
func TestRunnersBehindManyThatAreGone(t *testing.T) {
	w, _ := watched(t)
	for i := range 2500 {
		gone := roster.Runner{Name: fmt.Sprintf("gone-%d", i), LastHeard: 1, Revision: 1}
		_, saved, err := w.store.SaveRunner(w.ctx, roster.Runner{}, gone)
		if must(t, err); !saved {
			t.Fatal("not saved")
		}
	}
	w.create("job")
	w.sync(dispatch.SyncRequest{Runner: "judge", Slots: 1})
	pools, err := w.Pools(w.ctx)
	if must(t, err); pools[0].Runners != 1 {
		t.Errorf("%d runners", pools[0].Runners)
	}
	w.create("second")
	_, delays, answer, err := w.Explain(w.ctx, "second")
	if w.granted(answer, err); delays[0].Code == job.DelayNoRunner {
		t.Errorf("explained by %+v", delays)
	}
}

// TestExplainGoesByThePoolThatJudges: a job whose pool is not there any more is the
// default one's, and is held up by its pause.
func TestExplainGoesByThePoolThatJudges(t *testing.T) {
	w, _ := watched(t)
	w.withExam()
	w.createIn("exam", "job")
	w.Queues = nil
	_, answer, err := w.PauseJobs(w.ctx, roster.PoolTarget(""), roster.Order{By: "ops", Why: "repair"})
	w.granted(answer, err)
	_, delays, answer, err := w.Explain(w.ctx, "job")
	if w.granted(answer, err); delays[0].Code != job.DelayPaused {
		t.Errorf("explained by %+v", delays)
	}
}
