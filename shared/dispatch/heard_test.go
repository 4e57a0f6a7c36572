package dispatch_test

import (
	"context"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// countedRoster counts what costs, and breaks.
type countedRoster struct {
	dispatch.Roster
	reads, writes int
	broken        bool
}

func (r *countedRoster) Runner(ctx context.Context, name string) (roster.Runner, bool, error) {
	r.reads++
	if r.broken {
		return roster.Runner{}, false, errBroken
	}
	return r.Roster.Runner(ctx, name)
}

func (r *countedRoster) SaveRunner(ctx context.Context, before, after roster.Runner) (roster.Runner, bool, error) {
	r.writes++
	if r.broken {
		return roster.Runner{}, false, errBroken
	}
	return r.Roster.SaveRunner(ctx, before, after)
}

// watched is a world whose runners have records.
func watched(t *testing.T) (*world, *countedRoster) {
	w := newWorld(t)
	r := &countedRoster{Roster: w.store.Store}
	w.Roster = r
	return w, r
}

// become gives a runner a state, as an operator in another process does.
func (w *world) become(name string, s roster.State) {
	w.t.Helper()
	before, _, _ := w.store.Runner(w.ctx, name)
	after := before
	after.Name, after.State, after.Revision, after.WriteID = name, s, before.Revision+1, "w"
	_, saved, err := w.store.SaveRunner(w.ctx, before, after)
	if must(w.t, err); !saved {
		w.t.Fatal("not saved")
	}
}

// TestAnIdleRunnerIsWrittenEveryFiveMinutes: two processes serve its polls, one a
// second, in turn.
func TestAnIdleRunnerIsWrittenEveryFiveMinutes(t *testing.T) {
	w, counted := watched(t)
	other := dispatch.New(w.store, w.queue, w.artifacts)
	other.Now, other.Log, other.Roster = w.Now, w.Log, counted
	for second := range 1800 {
		d := []*dispatch.Dispatcher{w.Dispatcher, other}[second%2]
		if _, answer, err := d.Sync(w.ctx, dispatch.SyncRequest{Runner: "a", Version: "v", Slots: 1}); err != nil || !answer.OK() {
			t.Fatal(answer, err)
		}
		w.pass(time.Second)
	}
	// Both find that five minutes are over: one writes, the other reads that it has.
	if counted.writes != 6 || counted.reads > 2*30 {
		t.Errorf("%d reads and %d writes in half an hour", counted.reads, counted.writes)
	}
	r, _, _ := w.store.Runner(w.ctx, "a")
	if r.Revision != 6 || r.Version != "v" || w.now(0).Sub(r.LastHeard) > roster.HeardEvery {
		t.Errorf("got %+v", r)
	}
	before := counted.reads
	for range 40 { // four minutes of heartbeats, which need no fresh record
		_, _, _ = w.Heartbeat(w.ctx, "none", "a", "")
		w.pass(6 * time.Second)
	}
	if counted.reads > before+1 {
		t.Errorf("%d reads by heartbeats", counted.reads-before)
	}
}

// TestABarredRunnerGetsNothing within a minute of the act, by any route, and what it
// holds it may finish.
func TestABarredRunnerGetsNothing(t *testing.T) {
	w, _ := watched(t)
	sync := func(runner string) dispatch.Synced {
		s, answer, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: runner, Slots: 1})
		w.granted(answer, err)
		return s
	}
	for state, why := range map[roster.State]job.Why{
		roster.Paused: job.RunnerPaused, roster.Draining: job.RunnerDraining,
		roster.Retired: job.RunnerRetired, roster.Quarantined: job.RunnerQuarantined,
	} {
		runner, id := "r-"+string(state), "job-"+string(state)
		w.create("held-" + string(state))
		held := w.claim("held-"+string(state), runner)
		w.become(runner, state)
		w.create(id)
		w.pass(roster.Remembered)
		if s := sync(runner); len(s.Jobs) != 0 || s.Barred != why {
			t.Errorf("%s: sync gives %d jobs, barred %q", state, len(s.Jobs), s.Barred)
		}
		if l, _, err := w.List(w.ctx, job.Candidate{Runner: runner}, 10); err != nil || len(l.Jobs) != 0 {
			t.Errorf("%s: list gives %d jobs, %v", state, len(l.Jobs), err)
		}
		_, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: id, Runner: runner})
		w.refused(job.Barred, answer, err)
		answer, err = w.Complete(w.ctx, report(held, result("AC")))
		w.granted(answer, err)
		w.become(runner, roster.Serving)
		w.pass(roster.Remembered)
		// The message was not even hidden: anybody could have had the job.
		if s := sync(runner); len(s.Jobs) != 1 || s.Barred != "" {
			t.Errorf("%s, released: sync gives %d jobs, barred %q", state, len(s.Jobs), s.Barred)
		}
	}
}

// TestAConnectionOfTheDoorbellIsHeard, before its runner asks for anything.
func TestAConnectionOfTheDoorbellIsHeard(t *testing.T) {
	b := newBell(t)
	b.Roster = b.store.Store
	b.listens("a")
	if r, found, err := b.store.Runner(b.ctx, "a"); err != nil || !found || r.LastHeard != b.now(0) {
		t.Errorf("got %+v, %v, %v", r, found, err)
	}
}

// TestABrokenRosterStopsNobody: the record that was read last counts.
func TestABrokenRosterStopsNobody(t *testing.T) {
	w, counted := watched(t)
	w.become("b", roster.Paused)
	_, _, _ = w.List(w.ctx, job.Candidate{Runner: "b"}, 1)
	counted.broken = true
	w.pass(time.Hour)
	w.create("one")
	if l, _, err := w.List(w.ctx, job.Candidate{Runner: "b"}, 1); err != nil || len(l.Jobs) != 0 {
		t.Errorf("paused, as far as is known: %v, %v", l.Jobs, err)
	}
	if l, _, err := w.List(w.ctx, job.Candidate{Runner: "a"}, 1); err != nil || len(l.Jobs) != 1 {
		t.Errorf("unknown: %v, %v", l.Jobs, err)
	}
}

// TestABarredRunnerLeavesItsSeat: what it was rung for rings another.
func TestABarredRunnerLeavesItsSeat(t *testing.T) {
	b := newBell(t)
	b.Roster = b.store.Store
	seats := map[string]int64{"a": b.sits("a"), "z": b.sits("z")}
	b.create("one")
	rung := b.rung[0]
	b.become(rung, roster.Draining)
	b.pass(roster.Remembered)
	if s := b.sync(rung, seats[rung]); s.Seat != 0 || len(b.rung) != 2 || b.rung[1] == rung {
		t.Errorf("seat %d, rung %v", s.Seat, b.rung)
	}
}
