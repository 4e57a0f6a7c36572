package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// ended stores a job that ended at a time of its writer's clock.
func (w *world) ended(id string, at time.Time) {
	w.t.Helper()
	j, _ := job.CancelOp{Now: job.At(at)}.Apply(job.CreateOp{Now: job.At(at), ID: id}.New())
	j.Revision = 1
	if _, created, err := w.store.Create(w.ctx, j); err != nil || !created {
		w.t.Fatal(created, err)
	}
}

// TestTheFeedSkipsNothing: jobs are written up to half a minute after the time
// that is noted as their end, by clocks that differ, and one reader follows.
func TestTheFeedSkipsNothing(t *testing.T) {
	w := newWorld(t)
	listed, cursor, calls := map[string]int{}, "", 0
	read := func() {
		for poll := 0; ; poll++ {
			got, answer, err := w.Verdicts(w.ctx, cursor, 20+80*(calls%2))
			if err != nil || !answer.OK() || poll > 500 {
				t.Fatal(answer, err, poll)
			}
			calls++
			cursor = got.Next
			for _, j := range got.Jobs {
				listed[j.ID]++
			}
			if got.PollSeconds > 0 {
				return
			}
		}
	}
	const jobs = 1500
	for i := range jobs {
		w.clock = w.clock.Add(700 * time.Millisecond)
		w.ended(fmt.Sprintf("j%d", i), w.clock.Add(-time.Duration(i*7919%31)*time.Second).Add(time.Second))
		if i%7 == 0 {
			read()
		}
	}
	for range 4 {
		w.clock = w.clock.Add(time.Minute)
		read()
	}
	twice := 0
	for i := range jobs {
		switch n := listed[fmt.Sprintf("j%d", i)]; {
		case n == 0:
			t.Errorf("job %d is not listed", i)
		case n > 2:
			t.Errorf("job %d is listed %d times", i, n)
		case n == 2:
			twice++
		}
	}
	if twice == jobs || calls > jobs/2 {
		t.Errorf("%d of %d jobs listed twice in %d calls", twice, jobs, calls)
	}
	// An old feed is read once.
	listed, cursor = map[string]int{}, ""
	w.clock = w.clock.Add(time.Hour)
	read()
	if len(listed) != jobs || listed["j0"] != 1 || listed[fmt.Sprintf("j%d", jobs-1)] != 1 {
		t.Errorf("%d jobs, the first %d times", len(listed), listed["j0"])
	}
}

func TestACursorThatIsNotOurs(t *testing.T) {
	w := newWorld(t)
	now := w.clock.UnixMilli()
	for _, cursor := range []string{
		"x", "1-2", "2-1-1", "1-01-1", "1-+1-2", "1--1-1", "1-2-1", "1-1-2-3", "1-0-99999999999999999999",
		fmt.Sprintf("1-0-%d", now+time.Hour.Milliseconds()), " 1-0-0", "1-0-0\n",
	} {
		if _, answer, err := w.Verdicts(w.ctx, cursor, 10); err != nil || answer.Outcome != dispatch.InvalidCursor || answer.Detail == "" {
			t.Errorf("%q: %v, %v", cursor, answer, err)
		}
	}
	if _, answer, err := w.Verdicts(w.ctx, fmt.Sprintf("1-0-%d", now), 10); err != nil || !answer.OK() {
		t.Errorf("ours: %v, %v", answer, err)
	}
}
