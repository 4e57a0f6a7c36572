package dispatch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

func (w *world) sweep() dispatch.Swept {
	w.t.Helper()
	s, err := w.Sweep(w.ctx)
	must(w.t, err)
	return s
}

func TestSweepRingsForLostMessages(t *testing.T) {
	w := newWorld(t)
	for i := range 300 {
		w.create(fmt.Sprintf("j%d", i))
	}
	w.queue.Purge()
	w.pass(3 * time.Minute)
	if s := w.sweep(); s.Rang != 0 || s.OldestAge != 3*time.Minute {
		t.Fatalf("one look at an empty queue: %+v", s)
	}
	w.pass(time.Minute)
	rang := w.sweep().Rang
	seen := map[string]bool{}
	for range 40 {
		for _, id := range w.listed() {
			seen[id] = true
		}
	}
	if rang != 300 || len(seen) != 300 {
		t.Errorf("rang for %d and listed %d of 300", rang, len(seen))
	}
}

func TestSweepLeavesABusyQueueAlone(t *testing.T) {
	w := newWorld(t)
	w.create("lost")
	w.queue.Purge()
	w.pass(time.Hour)
	w.sweep()
	w.create("there")
	w.pass(time.Minute)
	if s := w.sweep(); s.Rang != 0 {
		t.Errorf("rang with a message to be seen: %+v", s)
	}
}

func TestSweepEndsWhatIsOver(t *testing.T) {
	w := newWorld(t)
	w.create("cancelled")
	w.create("running")
	w.listed()
	w.claim("cancelled", "dead")
	w.claim("running", "alive")
	w.granted2(w.Cancel(w.ctx, "cancelled"))
	w.pass(59 * time.Second)
	_, answer, err := w.Heartbeat(w.ctx, "running", "alive", "")
	w.granted(answer, err)
	if s := w.sweep(); s.Ended != 0 || s.Looked != 2 {
		t.Fatalf("ended early: %+v", s)
	}
	w.pass(2 * time.Second)
	w.queue.Purge() // no runner will look at it
	if s := w.sweep(); s.Ended != 1 {
		t.Fatalf("swept %+v", s)
	}
	got := []job.State{w.get("cancelled").State, w.get("running").State}
	if diff := cmp.Diff([]job.State{job.Cancelled, job.Claimed}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSweepReachesEveryJobInTheEnd(t *testing.T) {
	w := newWorld(t)
	const jobs = 2000
	for i := range jobs {
		w.create(fmt.Sprintf("j%d", i))
	}
	// Seven days later every message is too old, wherever its job stands.
	w.pass(8 * 24 * time.Hour)
	rang, runs := 0, 0
	for ; rang < jobs && runs < 100; runs++ {
		s := w.sweep()
		if s.Looked > 2*(8*10+100) {
			t.Fatalf("one run looked at %d jobs", s.Looked)
		}
		rang += s.Rang
		w.pass(time.Minute)
	}
	if rang != jobs {
		t.Errorf("rang for %d of %d in %d runs", rang, jobs, runs)
	}
}

func TestIdleSweepWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.sweep()
	before, err := w.store.Mark(w.ctx)
	must(t, err)
	for range 5 {
		w.pass(time.Minute)
		w.sweep()
	}
	after, err := w.store.Mark(w.ctx)
	must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

// TestAPassingMessageIsNoSign: the queue is as good as silent if what it shows is gone a
// moment later, since its receiver was rung.
func TestAPassingMessageIsNoSign(t *testing.T) {
	for passes, want := range map[bool]int{true: 1, false: 0} {
		b := newBell(t)
		b.create("lost")
		b.queue.Purge()
		b.sweep()
		b.pass(2 * time.Minute)
		b.create("other")
		looks := 0
		b.Pause = func(context.Context, time.Duration) error {
			if looks++; passes {
				b.queue.Purge()
			}
			return nil
		}
		if swept, err := b.Sweep(b.ctx); err != nil || swept.Rang != want {
			t.Errorf("passes %v: rang for %d jobs, want %d, %v", passes, swept.Rang, want, err)
		}
		if want := map[bool]int{true: 1, false: 3}[passes]; looks != want {
			t.Errorf("looked again %d times, want %d", looks, want)
		}
	}
}
