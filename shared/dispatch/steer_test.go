package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/roster"
)

func order(act roster.Act) roster.Order { return roster.Order{Act: act, By: "ops", Why: "a test"} }

func (w *world) steer(name string, act roster.Act) dispatch.Steered {
	w.t.Helper()
	s, answer, err := w.ActOnRunner(w.ctx, name, order(act))
	w.granted(answer, err)
	return s
}

// TestAnActIsInForceWithinAMinute in another process, and at once in the process that
// did it. Each act has one entry in the audit, a refused or repeated one has none.
func TestAnActIsInForceWithinAMinute(t *testing.T) {
	w, _ := watched(t)
	other := dispatch.New(w.store, w.queue, w.artifacts)
	other.Now, other.Log, other.Roster = w.Now, w.Log, w.store
	_, answer, err := w.ActOnRunner(w.ctx, "a", order(roster.ActPause))
	w.refused(dispatch.RunnerNotFound, answer, err)
	w.create("one")
	listed := func(d *dispatch.Dispatcher) int {
		l, _, err := d.List(w.ctx, job.Candidate{Runner: "a"}, 1)
		must(t, err)
		w.pass(4 * time.Second) // it can be listed again
		return len(l.Jobs)
	}
	if listed(w.Dispatcher) != 1 || listed(other) != 1 {
		t.Fatal("nothing is listed")
	}
	for range 2 {
		if s := w.steer("a", roster.ActPause); s.State != roster.Paused || s.By != "ops" || s.Why != "a test" || s.Since != w.now(0) {
			t.Errorf("paused: %+v", s)
		}
	}
	if listed(w.Dispatcher) != 0 {
		t.Error("listed by the process that paused it")
	}
	w.pass(roster.Remembered)
	if listed(other) != 0 {
		t.Error("listed a minute later")
	}
	s, answer, err := w.ActOnRunner(w.ctx, "a", order(roster.ActRelease))
	if w.refused(dispatch.RunnerState, answer, err); answer.Detail != "it is paused: resume it" || s.State != roster.Paused {
		t.Errorf("%q, %+v", answer.Detail, s)
	}
	w.steer("a", roster.ActResume)
	if listed(w.Dispatcher) != 1 {
		t.Error("resumed, and nothing is listed")
	}
	acts, more, err := w.Audit(w.ctx, "", 10)
	if err != nil || more || len(acts) != 2 || acts[0].Act != roster.ActResume || acts[1].Act != roster.ActPause || acts[1].By != "ops" || acts[1].Target != "runner:a" || acts[1].Why != "a test" {
		t.Errorf("%+v, %v, %v", acts, more, err)
	}
	if page, more, _ := w.Audit(w.ctx, "", 1); !more || len(page) != 1 {
		t.Errorf("%+v, %v", page, more)
	}
}

// TestAnActIsHeardAtOnce by a runner that waits for a ring, though another process, which
// remembers it as it was, serves its sync. It keeps no seat on which a job would ring it.
func TestAnActIsHeardAtOnce(t *testing.T) {
	b := newBell(t)
	b.Roster = b.store.Store
	operator := dispatch.New(b.store, b.queue, b.artifacts)
	operator.Now, operator.Log, operator.Roster, operator.Benches, operator.Posts = b.Now, b.Log, b.store.Store, b.benches, b
	steer := func(act roster.Act) {
		t.Helper()
		_, answer, err := operator.ActOnRunner(b.ctx, "a", order(act))
		b.granted(answer, err)
	}
	rung := func(seat int64) dispatch.Synced {
		s, answer, err := b.Sync(b.ctx, dispatch.SyncRequest{Runner: "a", Slots: 1, Seat: seat, Rung: true})
		b.granted(answer, err)
		return s
	}
	seat := b.sits("a")
	steer(roster.ActPause)
	b.heard("a")
	if s := rung(seat); s.Barred != job.RunnerPaused || s.Seat != 0 {
		t.Errorf("paused: %+v", s)
	}
	b.create("one")
	b.heard()
	steer(roster.ActResume)
	b.heard("a")
	if s := rung(0); s.Barred != "" || len(s.Jobs) != 1 {
		t.Errorf("resumed: %+v", s)
	}
	steer(roster.ActResume) // it is: nothing is written
	b.heard()
	b.answer = func(string) (bool, error) { return false, errBroken }
	steer(roster.ActDrain) // never fails for a ring
	b.heard("a")
	must(t, b.Disconnected(b.ctx, "a"))
	steer(roster.ActRelease)
	b.heard()
	b.listens("a")
	operator.Posts = hanging{b}
	began := time.Now()
	if steer(roster.ActQuarantine); time.Since(began) > 2*time.Second {
		t.Errorf("the act took %v", time.Since(began))
	}
}

// TestRetire: "may I terminate it?" is no while it may get a job from a process that
// has not heard of it, and while it holds one; then it is yes, for ever.
func TestRetire(t *testing.T) {
	w, _ := watched(t)
	w.create("one")
	held := w.claim("one", "a")
	w.create("two")
	w.claim("two", "another")
	if s := w.steer("a", roster.ActRetire); s.State != roster.Draining || len(s.Holds) != 1 || s.Holds[0] != "one" {
		t.Fatalf("asked first: %+v", s)
	}
	w.pass(roster.Settled / 2)
	_, answer, err := w.Heartbeat(w.ctx, "one", "a", "")
	w.granted(answer, err)
	w.pass(roster.Settled / 2)
	if s := w.steer("a", roster.ActRetire); s.State != roster.Draining || len(s.Holds) != 1 {
		t.Fatalf("it holds something: %+v", s)
	}
	answer, err = w.Complete(w.ctx, report(held, result("AC")))
	w.granted(answer, err)
	_, _, _ = w.List(w.ctx, job.Candidate{Runner: "b"}, 1)
	w.steer("b", roster.ActRetire)
	w.pass(roster.Settled - 1)
	if s := w.steer("b", roster.ActRetire); s.State != roster.Draining || len(s.Holds) != 0 {
		t.Fatalf("the act is young: %+v", s)
	}
	w.pass(1)
	if s := w.steer("b", roster.ActRetire); s.State != roster.Retired {
		t.Fatalf("the act is old enough: %+v", s)
	}
	for range 2 {
		if s := w.steer("a", roster.ActRetire); s.State != roster.Retired {
			t.Fatalf("it holds nothing: %+v", s)
		}
	}
	w.create("three")
	w.claim("three", "c")
	w.steer("c", roster.ActDrain)
	w.pass(time.Hour)
	if s := w.steer("c", roster.ActRetire); s.State != roster.Retired {
		t.Fatalf("what it held it has lost: %+v", s)
	}
	for _, act := range roster.RunnerActs() {
		if act != roster.ActRetire {
			_, answer, err := w.ActOnRunner(w.ctx, "a", order(act))
			w.refused(dispatch.RunnerState, answer, err)
		}
	}
	if acts, _, _ := w.Audit(w.ctx, "", 10); len(acts) != 6 { // that each drains, and that it is retired
		t.Errorf("%+v", acts)
	}
}

// TestAPauseIsInForceAtOnce in the process that ordered it, and so is its end.
func TestAPauseIsInForceAtOnce(t *testing.T) {
	w, _ := watched(t)
	w.create("one")
	listed := func(want int) {
		t.Helper()
		if l, _, err := w.List(w.ctx, job.Candidate{Runner: "a"}, 1); err != nil || len(l.Jobs) != want {
			t.Errorf("listed %v, error %v, want %d", l.Jobs, err, want)
		}
		w.pass(4 * time.Second) // it can be listed again
	}
	listed(1)
	_, answer, err := w.PauseJobs(w.ctx, roster.Everything, order(""))
	w.granted(answer, err)
	listed(0)
	answer, err = w.ResumeJobs(w.ctx, roster.Everything, order(""))
	w.granted(answer, err)
	listed(1)
}

// TestAPauseByAnotherProcess is in force within a minute.
func TestAPauseByAnotherProcess(t *testing.T) {
	w, _ := watched(t)
	w.create("one")
	if jobs, _, err := w.List(w.ctx, job.Candidate{Runner: "a"}, 1); err != nil || len(jobs.Jobs) != 1 {
		t.Fatal(jobs, err)
	}
	p := roster.Pause{Target: roster.Everything, At: 1, By: "ops", Why: "a test", WriteID: "00000000000000aa"}
	if _, err := w.Roster.SavePause(w.ctx, p, roster.Entry{WriteID: p.WriteID}); err != nil {
		t.Fatal(err)
	}
	w.pass(roster.Remembered)
	if jobs, _, err := w.List(w.ctx, job.Candidate{Runner: "a"}, 1); err != nil || len(jobs.Jobs) != 0 {
		t.Errorf("listed %v, error %v", jobs, err)
	}
}

// TestWhatCannotBeSeenIsNotRetired: one look is bounded, and beyond it the runner may
// hold something.
func TestWhatCannotBeSeenIsNotRetired(t *testing.T) {
	w, _ := watched(t)
	_, _, _ = w.List(w.ctx, job.Candidate{Runner: "a"}, 1)
	for i := range 8 * 550 {
		w.create(fmt.Sprintf("job-%d", i))
	}
	w.steer("a", roster.ActRetire)
	w.pass(roster.Settled)
	if s := w.steer("a", roster.ActRetire); s.State == roster.Retired || !s.More {
		t.Errorf("%s, more %v", s.State, s.More)
	}
}
