package dispatch_test

import (
	"slices"
	"testing"

	"runlease/shared/doorbell"
)

// TestABellRingsWhoServesItsPool: those first who serve nothing else, and nobody who
// does not.
func TestABellRingsWhoServesItsPool(t *testing.T) {
	b := newBell(t)
	b.withExam()
	b.sits("default")
	b.sits("exam", "exam")
	b.sits("both", "exam", "default")
	b.costs(2, 5) // the last one's chain stands beside those of both pools
	b.createIn("exam", "j1")
	b.heard("exam")
	b.costs(1, 1)
	b.createIn("exam", "j2")
	b.heard("both")
	b.costs(2, 1)
	b.createIn("exam", "j3") // finds its chain empty, and closes it
	b.heard()
	b.benches.reads, b.benches.writes = 0, 0
	b.createIn("exam", "j4") // a busy fleet
	b.heard()
	b.costs(1, 0)
	b.createIn("", "j5")
	b.heard("default")
	// The sweep rings no other runner for the exam either, but again who was rung for it,
	// whose chain is closed.
	b.sync("default", rung) // takes j5
	b.sits("idle")
	b.pass(doorbell.RungAgain)
	b.sweep()
	b.heard("exam", "both")
	if s := b.sync("both", rung, "exam", "default"); len(s.Jobs) != 1 || s.Jobs[0].Job.Pool != "exam" {
		t.Errorf("rung, and got %+v", s)
	}
}

// TestARingForAnotherPoolIsPassedOn: a runner is rung for a job of one pool, and takes
// one of a pool that it prefers, whose ring another has heard.
func TestARingForAnotherPoolIsPassedOn(t *testing.T) {
	b := newBell(t)
	b.withExam()
	b.sits("exam", "exam")
	seats, other := map[string]int64{}, map[string]string{"a": "b", "b": "a"}
	sit := func() {
		for runner := range other {
			seats[runner] = b.sits(runner, "exam", "default")
		}
	}
	sit()
	b.createIn("", "j")
	first := b.rung[0]
	b.heard(first)
	b.createIn("exam", "e")
	b.heard("exam")
	if s := b.sync(first, rung, "exam", "default"); len(s.Jobs) != 1 || s.Jobs[0].Job.ID != "e" {
		t.Fatalf("%+v", s)
	}
	b.heard(other[first])
	// A runner that has not heard its ring yet names its seat: the ring may be for either.
	b.queue.Purge()
	sit()
	b.createIn("exam", "f")
	first = b.rung[0]
	b.heard(first)
	if s := b.sync(first, seats[first], "exam", "default"); len(s.Jobs) != 1 {
		t.Fatalf("%+v", s)
	}
	b.heard(other[first])
}

// TestWhoGoesLeavesItsChain: by its end, by a new connection, and by other pools.
func TestWhoGoesLeavesItsChain(t *testing.T) {
	for what, goes := range map[string]func(b *bell){
		"its end":          func(b *bell) { must(b.t, b.Disconnected(b.ctx, "a")) },
		"a new connection": func(b *bell) { must(b.t, b.Connected(b.ctx, doorbell.Listener{Connection: "a2", Runner: "a"})) },
		"other pools":      func(b *bell) { b.sync("a", 0) },
	} {
		b := newBell(t)
		b.withExam()
		b.sits("a", "exam", "default")
		goes(b)
		b.rung = nil
		if b.createIn("exam", "j"); len(b.rung) != 0 {
			t.Errorf("%s: rung %v", what, b.rung)
		}
		if bench, err := b.benches.Of("default,exam").Benches(b.ctx, 0, 0); err != nil || len(bench[0].Waiting) > 0 {
			t.Errorf("%s: %v sits there, %v", what, bench, err)
		}
	}
}

// TestASlowPollOpensItsChain: who sits on a chain that was closed under it, is
// reachable after its slow poll, which writes nothing else.
func TestASlowPollOpensItsChain(t *testing.T) {
	b := newBell(t)
	exam := b.withExam()
	seat := b.sits("a", "exam", "default")
	for _, home := range []string{"", "exam"} {
		_, err := b.benches.Of(home).Beside(b.ctx, map[string]bool{"default,exam": true}, nil)
		must(t, err)
	}
	b.createIn("exam", "j")
	b.heard()
	exam.Purge()
	if s := b.sync("a", seat, "default", "exam"); s.Seat != seat { // in another order
		t.Errorf("%+v", s)
	}
	b.createIn("exam", "k")
	b.heard("a")
}

// TestGhostsHideNobody: where all who sit on the first bench are gone, one is rung who
// sits on another, or on a chain beside.
func TestGhostsHideNobody(t *testing.T) {
	for what, sits := range map[string]func(b *bell){
		"another bench": func(b *bell) {
			b.sits("a")
			_, err := b.benches.Chain(b.ctx, 0, 1)
			must(b.t, err)
			_, _, err = b.benches.Sit(b.ctx, 1, "alive", doorbell.Seat(1, 1))
			must(b.t, err)
		},
		"a chain beside": func(b *bell) { b.sits("a"); b.sits("alive", "exam", "default") },
	} {
		b := newBell(t)
		b.withExam()
		sits(b)
		b.answer = func(connection string) (bool, error) { return connection != "alive", nil }
		b.rung = nil
		b.createIn("", "j")
		if !slices.Contains(b.rung, "alive") {
			t.Errorf("%s: rung %v", what, b.rung)
		}
	}
}
