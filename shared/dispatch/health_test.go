package dispatch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// take has a runner claim what one sync gives it.
func (w *world) take(d *dispatch.Dispatcher, runner string, slots int, done ...dispatch.CompleteRequest) dispatch.Synced {
	w.t.Helper()
	s, answer, err := d.Sync(w.ctx, dispatch.SyncRequest{Runner: runner, Slots: slots, Done: done})
	w.granted(answer, err)
	return s
}

func (w *world) record(name string) roster.Runner {
	w.t.Helper()
	r, _, err := w.store.Runner(w.ctx, name)
	must(w.t, err)
	return r
}

func (w *world) burns(c dispatch.Claimed, runner string) {
	w.t.Helper()
	w.granted(w.Release(w.ctx, c.Job.ID, runner, auth.Hash(c.Token), job.ReasonInfraError, ""))
}

// round has a broken runner take a new job, and a sound one finish it.
func (w *world) round(id string) (broken dispatch.Synced) {
	w.t.Helper()
	w.create(id)
	broken = w.take(w.Dispatcher, "broken", 2)
	for _, c := range broken.Jobs {
		w.burns(c, "broken")
	}
	w.pass(4 * time.Second)
	s := w.take(w.Dispatcher, "sound", 1)
	if len(s.Jobs) != 1 {
		w.t.Fatalf("%s: the sound runner gets %d jobs", id, len(s.Jobs))
	}
	w.pass(16 * time.Second)
	w.granted(w.Complete(w.ctx, report(s.Jobs[0], result("AC"))))
	return broken
}

// TestABrokenRunnerIsQuarantined after three jobs that another finished. The result of
// a probe lets it back; without one it waits longer each time.
func TestABrokenRunnerIsQuarantined(t *testing.T) {
	w, counted := watched(t)
	quarantines := 0.0
	w.Meter = func(_ context.Context, m deployment.Metric, _ string, n float64) {
		if m == deployment.Quarantines {
			quarantines += n
		}
	}
	for i := range 4 {
		w.round(fmt.Sprint("j", i))
	}
	if s := w.round("j4"); s.Barred != job.RunnerQuarantined || len(s.Jobs) != 0 {
		t.Fatalf("it gets %d jobs, barred %q: %+v", len(s.Jobs), s.Barred, w.record("broken"))
	}
	if r := w.record("broken"); r.InfraErrors != 4 || r.Why != "attempts ended badly in a row at jobs that others finished: j0, j1, j2" {
		t.Errorf("record %+v", r)
	}
	probes := func(within time.Duration) (at time.Duration, c dispatch.Claimed) {
		t.Helper()
		for ; at < within; at += 5 * time.Second {
			if s := w.take(w.Dispatcher, "broken", 5); len(s.Jobs) == 1 {
				return at, s.Jobs[0]
			} else if len(s.Jobs) > 1 {
				t.Fatal("it gets more than one job")
			}
			w.pass(5 * time.Second)
		}
		t.Fatalf("no probe within %v: %+v", within, w.record("broken"))
		return 0, c
	}
	for i := range 12 {
		w.create(fmt.Sprint("probe", i))
	}
	last := time.Duration(0)
	for range 3 {
		at, c := probes(20 * time.Minute)
		if at < 2*last {
			t.Errorf("a probe after %v, the one before after %v", at, last)
		}
		last = at
		if s := w.take(w.Dispatcher, "broken", 5); len(s.Jobs) > 0 {
			t.Error("a second job beside its probe")
		}
		w.burns(c, "broken")
	}
	_, c := probes(2 * time.Hour)
	s := w.take(w.Dispatcher, "broken", 0, report(c, result("AC")))
	w.granted(s.Done[0], nil)
	w.pass(roster.JudgeEvery)
	if s := w.take(w.Dispatcher, "broken", 5); len(s.Jobs) != 5 {
		t.Errorf("let back, it gets %d jobs, barred %q", len(s.Jobs), s.Barred)
	}
	// A sound runner pays for nothing of this.
	if r := w.record("sound"); r.State != roster.Serving || r.Health != (roster.Health{}) {
		t.Errorf("the sound one: %+v", r)
	}
	counted.writes, counted.reads = 0, 0
	w.take(w.Dispatcher, "sound", 1)
	before := counted.reads + counted.writes
	for i := range 10 {
		s := w.take(w.Dispatcher, "sound", 1)
		for _, c := range s.Jobs {
			w.granted(w.Complete(w.ctx, report(c, result("AC"))))
		}
		w.create(fmt.Sprint("more", i))
	}
	if after := counted.reads + counted.writes; after != before {
		t.Errorf("%d reads and writes of records for ten jobs", after-before)
	}
	if quarantines != 1 {
		t.Errorf("%v quarantines measured", quarantines)
	}
}

// TestAResultEndsARowOfBadEnds: every second attempt ends badly, for an hour, in two
// processes that serve it in turn.
func TestAResultEndsARowOfBadEnds(t *testing.T) {
	w, counted := watched(t)
	other := dispatch.New(w.store, w.queue, w.artifacts)
	other.Now, other.Log, other.Roster = w.Now, w.Log, counted
	for i := range 60 {
		d := []*dispatch.Dispatcher{w.Dispatcher, other}[i%2]
		w.create(fmt.Sprint("bad", i))
		s := w.take(d, "odd", 1)
		if len(s.Jobs) != 1 {
			t.Fatalf("round %d: barred %q, %+v", i, s.Barred, w.record("odd"))
		}
		w.burns(s.Jobs[0], "odd")
		w.pass(4 * time.Second)
		sound := w.take(w.Dispatcher, "sound", 1)
		w.granted(w.Complete(w.ctx, report(sound.Jobs[0], result("AC"))))
		w.create(fmt.Sprint("good", i))
		if s = w.take(d, "odd", 1); len(s.Jobs) != 1 {
			t.Fatalf("round %d: barred %q, %+v", i, s.Barred, w.record("odd"))
		}
		w.pass(time.Minute)
		w.take(d, "odd", 0, report(s.Jobs[0], result("AC")))
	}
	if r := w.record("odd"); r.State != roster.Serving || r.InfraErrors != 60 {
		t.Errorf("record %+v", r)
	}
}

// TestAnOutageQuarantinesNobody: every runner loses all that it holds, at once and three
// times, and is as good as before when it is over.
func TestAnOutageQuarantinesNobody(t *testing.T) {
	w, _ := watched(t)
	const fleet = 6
	for outage := range 3 {
		for i := range 4 * fleet {
			w.create(fmt.Sprintf("o%d-%d", outage, i))
		}
		for i := range fleet { // its last words
			if s := w.take(w.Dispatcher, fmt.Sprint("r", i), 3); len(s.Jobs) != 3 {
				t.Fatalf("outage %d: r%d gets %d jobs", outage, i, len(s.Jobs))
			}
		}
		w.pass(20 * time.Minute)
		for open := true; open; {
			open = false
			for i := range fleet {
				name := fmt.Sprint("r", i)
				s := w.take(w.Dispatcher, name, 2)
				if s.Barred != "" {
					t.Fatalf("outage %d: %s is barred: %s, %+v", outage, name, s.Barred, w.record(name))
				}
				w.pass(3 * time.Second)
				for _, c := range s.Jobs {
					open = true
					w.granted(w.Complete(w.ctx, report(c, result("AC"))))
				}
			}
		}
	}
	lost := 0
	for i := range fleet {
		r := w.record(fmt.Sprint("r", i))
		if lost += r.LostLeases; r.State != roster.Serving {
			t.Errorf("%s is %s: %s", r.Name, r.State, r.Why)
		}
	}
	if lost != 3*3*fleet {
		t.Errorf("%d lost leases are noted", lost)
	}
}
