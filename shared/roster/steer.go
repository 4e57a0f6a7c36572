package roster

import (
	"cmp"
	"time"

	"runlease/shared/job"
)

// Act is what an operator does to a runner, or a runner to itself.
type Act string

// The acts on a runner.
const (
	ActPause      Act = "pause"
	ActResume     Act = "resume"
	ActDrain      Act = "drain"
	ActRetire     Act = "retire"
	ActQuarantine Act = "quarantine"
	ActRelease    Act = "release"
)

// RunnerActs lists the acts on a runner.
func RunnerActs() []Act {
	return []Act{ActPause, ActResume, ActDrain, ActRetire, ActQuarantine, ActRelease}
}

// Settled is how old the state of a record must be so that no request goes by the
// one before: a function remembers what it has read for Remembered, the write of the
// state may take 5 s, and a request that was let in may run for 15 s.
const Settled = Remembered + 20*time.Second

// Order is an act with its giver, reason and time.
type Order struct {
	Act     Act
	By, Why string
	At      job.Time
}

// moves has the state that an act leads to, by the one before. What is not there
// contradicts the state. A runner is drained before it retires.
var moves = map[Act]map[State]State{
	ActPause:      {Serving: Paused, Paused: Paused},
	ActResume:     {Paused: Serving, Serving: Serving},
	ActDrain:      {Serving: Draining, Paused: Draining, Quarantined: Draining, Draining: Draining},
	ActRetire:     {Serving: Draining, Paused: Draining, Quarantined: Draining, Draining: Draining, Retired: Retired},
	ActQuarantine: {Serving: Quarantined, Paused: Quarantined, Draining: Quarantined, Quarantined: Quarantined},
	ActRelease:    {Draining: Serving, Quarantined: Serving, Serving: Serving},
}

// Steer returns the record after an order, and false if the order contradicts its
// state. A record that is as the order wants it is returned as it is: of two orders
// of a kind the older one counts. But an operator's quarantine takes the place of
// one by the health rules, which would end by itself.
func (r Runner) Steer(o Order) (after Runner, allowed bool) {
	was := cmp.Or(r.State, Serving)
	to, allowed := moves[o.Act][was]
	if !allowed || to == was && (to != Quarantined || r.By != "") {
		return r, allowed
	}
	r.State, r.Since, r.By, r.Why = to, o.At, o.By, o.Why
	return r, true
}

// MayRetire reports whether a draining runner that holds nothing may be told that its
// machine may go: it gets no job any more.
func (r Runner) MayRetire(now job.Time) bool {
	return r.State == Draining && now.Sub(r.Since) >= Settled
}

// Retire returns the record of a runner that may be terminated, by an order.
func (r Runner) Retire(o Order) Runner {
	r.State, r.Since, r.By, r.Why = Retired, o.At, o.By, o.Why
	return r
}
