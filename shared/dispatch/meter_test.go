package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// TestEveryStepIsMeasuredOnce: by whichever use case a job makes it.
func TestEveryStepIsMeasuredOnce(t *testing.T) {
	w := newWorld(t)
	var got []string
	w.Meter = func(_ context.Context, m deployment.Metric, _ string, value float64) {
		got = append(got, fmt.Sprintf("%s %g", m.Name(), value))
	}
	expect := func(want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("measured %q, want %q", got, want)
		}
		got = nil
	}
	w.create("a")
	w.listed()
	expect()
	w.pass(5 * time.Second)
	c := w.claim("a", "x")
	expect("QueueWaitSeconds 5")
	w.pass(2 * time.Second)
	for range 2 { // the same again changes nothing
		answer, err := w.Complete(w.ctx, report(c, result("AC")))
		w.granted(answer, err)
	}
	expect("ClaimToResultSeconds 2", "RunTimeSeconds 0.003")
	_, answer, err := w.Rejudge(w.ctx, "a", 0, "")
	w.granted(answer, err)
	w.pass(time.Second)
	c = w.claim("a", "x")
	w.pass(60*time.Second + 7*time.Second) // its lease, and 7 s
	again := w.claim("a", "y")
	expect("QueueWaitSeconds 1", "LostLeases 1", "QueueWaitSeconds 7")
	answer, err = w.Complete(w.ctx, report(c, result("WA"))) // evidence only
	w.refused(job.NotClaimed, answer, err)
	expect()
	answer, err = w.Release(w.ctx, "a", "y", report(again, nil).TokenHash, job.ReasonDrain, "")
	w.granted(answer, err)
	w.pass(3 * time.Second)
	s, answer, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "z", Slots: 1})
	w.granted(answer, err)
	expect("QueueWaitSeconds 3")
	w.pass(4 * time.Second)
	_, answer, err = w.Sync(w.ctx, dispatch.SyncRequest{Runner: "z", Done: []dispatch.CompleteRequest{report(s.Jobs[0], result("TLE"))}})
	w.granted(answer, err)
	expect("ClaimToResultSeconds 4", "RunTimeSeconds 0.003", "JobsJudgedTLE 1")

	// The system's JE has no run time.
	w.create("b")
	for i := range job.MaxFailures {
		w.claim("b", fmt.Sprint("x", i))
		w.pass(time.Hour)
	}
	got = nil
	_, err = w.Sweep(w.ctx)
	must(t, err)
	expect("LostLeases 1", "ClaimToResultSeconds 3600", "JobsJudgedJE 1", "OldestOpenJobSeconds 10800", "WantedSlots 1")

	// With the spent message of b, 31 are visible; the one job that was completed ran 4 s.
	for i := range 30 {
		w.create(fmt.Sprint("c", i))
	}
	_, err = w.Sweep(w.ctx)
	must(t, err)
	expect("OldestOpenJobSeconds 0", "WantedSlots 5")
}
