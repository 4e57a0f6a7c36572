package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"

	"runlease/shared/doorbell"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// Wakeup bounds an exploration of the doorbell: runners that hear it and poll as
// good as never, and jobs that are handed in at any moment. The requests are the
// real ones, call by call, in every order. A state in which nothing is left to
// happen must have no job that waits while a runner is idle.
//
// Its other fields take one rule each out of the protocol, by what the ports
// answer, or tell of what the protocol is not for: then a wake-up must get lost.
type Wakeup struct {
	Name    string
	Runners int
	Jobs    int
	Polls   int  // slow polls at any moment
	Ends    int  // of jobs, after which the runner comes again
	Gone    bool // one connection more is on the bench, and is gone

	NoSecondLook bool // after sitting down
	NoPassOn     bool // of a ring that was swallowed
	Dropped      bool // rings that are heard during a sync
	Blind        bool // seats are taken off without a look at who sits there
	AnySeat      bool // a ring takes whatever seat its runner has
	Stale        bool // benches are read as they were before
	Hasty        bool // no runner waits for a writer
	GoneIsHeard  bool // a connection that is gone counts as rung
	Silent       bool // the connection that is gone does not look it
	Misses       int  // receives that miss a message
}

// Wakeups are the explorations of the doorbell that must hold.
func Wakeups() []Wakeup {
	return []Wakeup{
		{Name: "doorbell: two runners, two jobs", Runners: 2, Jobs: 2},
		{Name: "doorbell: two runners, and both come again", Runners: 2, Jobs: 2, Polls: 1, Ends: 1},
		{Name: "doorbell: one runner, three jobs", Runners: 1, Jobs: 3, Polls: 1, Ends: 2},
		{Name: "doorbell: a connection is gone", Runners: 1, Jobs: 2, Polls: 1, Ends: 1, Gone: true},
	}
}

// Sleepers are explorations without one of the rules, or with something that only
// the sweep and the slow poll mend. Each must lose a wake-up.
func Sleepers() []Wakeup {
	base := Wakeup{Runners: 2, Jobs: 2}
	with := func(name string, change func(*Wakeup)) Wakeup {
		w := base
		w.Name = "doorbell, " + name
		change(&w)
		return w
	}
	return []Wakeup{
		with("no second look", func(w *Wakeup) { w.NoSecondLook = true }),
		with("a swallowed ring is not passed on", func(w *Wakeup) { w.NoPassOn = true }),
		with("a ring during a sync is dropped", func(w *Wakeup) { w.Dropped = true }),
		with("a seat is taken off without a condition", func(w *Wakeup) { w.Blind = true }),
		with("a ring takes any seat of its runner", func(w *Wakeup) { w.Jobs, w.Polls, w.Ends, w.AnySeat = 3, 1, 1, true }),
		with("benches are read as they were", func(w *Wakeup) { w.Stale = true }),
		with("nobody waits for a writer", func(w *Wakeup) { w.Hasty = true }),
		with("after one that is gone no other is rung", func(w *Wakeup) { w.Gone, w.GoneIsHeard = true, true }),
		with("a connection is gone and does not look it", func(w *Wakeup) { w.Gone, w.Silent = true, true }),
		with("receives miss a message", func(w *Wakeup) { w.Misses = 2 }),
	}
}

// The places of a message. Those of runners are above.
const (
	unsent int8 = iota
	inSight
	outOfSight // for a second, by a receiver that came too early
	inHand     // of a receiver, or spent
)

// gone is the name of the connection that is gone.
const gone = "gone"

// ward is a state of an exploration of the doorbell.
type ward struct {
	jobs    []job.Job
	message []int8
	handed  []int // flights of producers, by job; -1: over, -2: not begun
	bench   doorbell.Bench
	before  doorbell.Bench // for reads of benches as they were
	sleeper []sleeper
	under   []underway
	polls   int
	ends    int
	misses  int
	serial  uint64
}

// sleeper is a runner with one slot, as its program sees itself.
type sleeper struct {
	flight int     // its sync; -1: none is under way
	seat   int64   // of the last reply
	heard  []int64 // rings during a sync
	ring   bool    // it is to sync at once
	again  bool    // it is to sync after a second
	busy   bool
}

// wakeups is the maze of the doorbell.
type wakeups struct {
	Wakeup
	pool    pool
	telling bool
}

// ExploreWakeups goes through every state of a scope.
func ExploreWakeups(w Wakeup) Explored {
	enter := func() maze[ward, step] { return &wakeups{Wakeup: w, pool: pool{doorbell: true}} }
	explore := walk[ward, step]
	if w.Broken() { // that it is enough; its shortest history takes minutes to find
		explore = func(enter func() maze[ward, step]) Explored { return deep(enter()) }
	}
	found := explore(enter)
	found.Scope, found.Ends = w.Name, w.Jobs
	return found
}

// Broken reports whether something is taken out of the protocol.
func (w Wakeup) Broken() bool {
	return w != Wakeup{Name: w.Name, Runners: w.Runners, Jobs: w.Jobs, Polls: w.Polls, Ends: w.Ends, Gone: w.Gone}
}

// step is a move: who goes on, and which of the ways.
type step struct {
	what   action
	who    int8
	choice int8
}

type action int8

const (
	handIn action = iota
	goOn          // a flight
	syncs         // because of a ring, or as it was told to
	polls
	finishes
	reappear // messages that were hidden for a second
)

func (x *wakeups) tell()  { x.telling = true }
func (x *wakeups) close() { x.pool.close() }

func (x *wakeups) first() *ward {
	s := &ward{polls: x.Polls, ends: x.Ends, misses: x.Misses, sleeper: make([]sleeper, x.Runners)}
	s.jobs, s.message = make([]job.Job, x.Jobs), make([]int8, x.Jobs)
	for range x.Jobs {
		s.handed = append(s.handed, -2)
	}
	for i := range s.sleeper {
		s.sleeper[i] = sleeper{flight: -1, ring: true} // it has just connected
	}
	if x.Gone {
		s.bench = doorbell.Bench{Waiting: map[string]int64{gone: 1}}
	}
	return s
}

func (x *wakeups) movesFrom(s *ward) (moves []step) {
	for j, flight := range s.handed {
		if flight == -2 && (j == 0 || s.handed[j-1] != -2) { // jobs are alike
			moves = append(moves, step{handIn, int8(j), 0})
		}
	}
	for slot, u := range s.under {
		ways := 1
		switch u.at.port {
		case portReceive:
			ways = len(s.receipts())
		case portChoose:
			ways = u.at.limit
		case portBenches:
			if x.Stale {
				ways = 2
			}
		case portPause: // the writer goes first
			if !x.Hasty && !s.written(u.early()) {
				ways = 0
			}
		}
		for way := range ways {
			moves = append(moves, step{goOn, int8(slot), int8(way)})
		}
	}
	hidden := slices.Contains(s.message, outOfSight)
	for i, r := range s.sleeper {
		idle := r.flight < 0 && !r.busy
		if idle && (r.ring || r.again && !hidden) {
			moves = append(moves, step{syncs, int8(i), 0})
		}
		if idle && !r.ring && s.polls > 0 {
			moves = append(moves, step{polls, int8(i), 0})
		}
		if r.flight < 0 && r.busy && s.ends > 0 {
			moves = append(moves, step{finishes, int8(i), 0})
		}
	}
	if hidden {
		moves = append(moves, step{reappear, 0, 0})
	}
	return moves
}

// check reports whether a job waits in vain although a runner could have it.
// Polls and ends of jobs need not come.
func (x *wakeups) check(s *ward) *broken {
	for _, m := range x.movesFrom(s) {
		if m.what != polls && m.what != finishes {
			return nil
		}
	}
	waits := slices.ContainsFunc(s.jobs, func(j job.Job) bool { return j.State == job.Queued })
	idle := slices.ContainsFunc(s.sleeper, func(r sleeper) bool { return !r.busy && r.flight < 0 })
	if waits && idle {
		return breaks(stuck, "a job waits, a runner is idle, and nothing is left that would wake it")
	}
	return nil
}

// receipts are the ways in which a receive can end: one message, or -1 for none.
func (s *ward) receipts() (ways []int) {
	for j, at := range s.message {
		if at == inSight {
			ways = append(ways, j)
		}
	}
	if len(ways) == 0 || s.misses > 0 {
		ways = append(ways, -1)
	}
	return ways
}

func (s *ward) written(j int) bool { return s.jobs[j].ID != "" }

// early is the job that a receiver has a message of and whose write it waits for.
func (u *underway) early() int {
	for i := len(u.replies) - 1; i >= 0; i-- {
		if u.ports[i] == portReceive {
			return index(u.replies[i].received[0].Job)
		}
	}
	panic("nothing was received")
}

func index(id string) int {
	n, err := strconv.Atoi(id[1:])
	if err != nil {
		panic(err)
	}
	return n
}

func (x *wakeups) apply(from *ward, m step) (*ward, string, *broken) {
	s := *from
	s.jobs, s.message, s.handed = slices.Clone(s.jobs), slices.Clone(s.message), slices.Clone(s.handed)
	s.sleeper, s.under = slices.Clone(s.sleeper), slices.Clone(s.under)
	what := ""
	switch m.what {
	case handIn:
		s.handed[m.who] = x.depart(&s, ask{kind: askCreate, id: fmt.Sprintf("j%d", m.who), inline: true})
		what = fmt.Sprintf("job %d is handed in", m.who)
	case syncs, polls, finishes:
		r := &s.sleeper[m.who]
		what = fmt.Sprintf("runner %d begins a sync", m.who)
		switch m.what {
		case polls:
			s.polls--
			what = fmt.Sprintf("runner %d polls slowly", m.who)
		case finishes:
			s.ends--
			what = fmt.Sprintf("runner %d has finished", m.who)
		}
		a := ask{kind: askSync, runner: string(rune('a' + m.who)), limit: 1, leaseSeconds: tinyLease, seat: r.seat}
		r.ring, r.again, r.busy, r.heard = false, false, false, nil
		r.flight = x.depart(&s, a)
	case reappear:
		for j, at := range s.message {
			if at == outOfSight {
				s.message[j] = inSight
			}
		}
		what = "a second passes"
	case goOn:
		what = x.goOn(&s, int(m.who), int(m.choice))
	}
	return &s, what, nil
}

// depart starts a request, and returns its slot.
func (x *wakeups) depart(s *ward, a ask) int {
	s.serial++
	clock := start.Add(time.Duration(s.serial) * time.Millisecond)
	u := underway{ask: a, serial: s.serial, clocks: []time.Time{clock}}
	f, _ := x.pool.revive(&u, passable)
	u.at = new(call)
	*u.at = f.at
	f.die()
	s.under = append(s.under, u)
	return len(s.under) - 1
}

// passable lets calls happen that meet no other.
func passable(f *flight) {
	for !f.over && f.at.port != portHide { // which the runner's next receive depends on
		if f.at.port == portGet || f.at.port == portChoose && f.at.limit == 1 {
			f.hear(reply{}) // no job of a producer's is known before
		} else if !alone(f) {
			break
		}
	}
}

// goOn lets the call happen at which a flight is parked.
func (x *wakeups) goOn(s *ward, slot, choice int) string {
	u := s.under[slot]
	what := fmt.Sprintf("%s %s%s: %s", u.ask.kind, u.ask.runner, u.ask.id, u.at.port)
	f, _ := x.pool.revive(&u, passable)
	hear := func(r reply) {
		u.replies = append(slices.Clip(u.replies), r)
		u.ports = append(slices.Clip(u.ports), f.at.port)
		u.clocks = append(slices.Clip(u.clocks), u.clocks[0])
		f.hear(r)
		passable(f)
	}
	r, told := x.effect(s, &u, &f.at, choice)
	hear(r)
	for x.Hasty && !f.over && f.at.port == portPause { // as if no time passed
		hear(reply{})
		if !f.over && f.at.port == portGetMany {
			r, _ := x.effect(s, &u, &f.at, 0)
			hear(r)
		}
	}
	for !f.over && f.at.port == portHide {
		for _, h := range f.at.hidings {
			if s.message[index(h.Handle)] = inSight; h.For > 0 {
				s.message[index(h.Handle)] = outOfSight
			}
		}
		hear(reply{})
	}
	if !f.over {
		u.at = new(call)
		*u.at = f.at
		f.die()
		s.under[slot] = u
		return what + told
	}
	s.under = slices.Delete(s.under, slot, slot+1)
	for j := range s.handed {
		if s.handed[j] == slot {
			s.handed[j] = -1
		} else if s.handed[j] > slot {
			s.handed[j]--
		}
	}
	for i := range s.sleeper {
		r := &s.sleeper[i]
		if r.flight == slot {
			x.hears(r, f.answer)
			told += fmt.Sprintf(", and has seat %d, %d jobs", r.seat, len(f.answer.grants))
		} else if r.flight > slot {
			r.flight--
		}
	}
	return what + told
}

// hears is what a runner does with the reply to a sync.
func (x *wakeups) hears(r *sleeper, a answer) {
	if a.err != nil {
		panic(a.err)
	}
	r.flight, r.seat, r.busy = -1, a.seat, len(a.grants) > 0
	r.again = a.seat == 0
	if slices.Contains(r.heard, r.seat) || x.AnySeat && len(r.heard) > 0 {
		r.seat = 0
	}
	r.ring = len(r.heard) > 0
	r.heard = nil
}

// ringFor is what a runner does with a ring.
func (x *wakeups) ringFor(r *sleeper, seat int64) {
	if r.flight >= 0 {
		if !x.Dropped {
			r.heard = append(slices.Clip(r.heard), seat)
		}
		return
	}
	if r.seat == seat || x.AnySeat {
		r.seat = 0
	}
	r.ring = true
}

// effect lets a call happen.
func (x *wakeups) effect(s *ward, u *underway, c *call, choice int) (r reply, told string) {
	switch c.port {
	case portRing:
		s.message[index(u.ask.id)] = inSight
	case portCreate, portSave, portGetMany:
		store := memory.NewStore()
		for _, j := range s.jobs {
			if j.ID != "" {
				if _, _, err := store.Create(context.Background(), j); err != nil {
					panic(err)
				}
			}
		}
		r = adapters{store: store}.perform(c)
		if c.port == portGetMany {
			break
		}
		j := index(c.after.ID)
		s.jobs[j], _, _ = store.Get(context.Background(), c.after.ID)
	case portReceive:
		j := s.receipts()[choice]
		if j < 0 {
			if slices.Contains(s.message, inSight) {
				s.misses--
			}
			return r, " finds nothing"
		}
		if x.NoSecondLook && u.sat() {
			return r, " does not look"
		}
		s.message[j] = inHand
		r.received = []job.Received{{Message: job.Message{Job: fmt.Sprintf("j%d", j), Bell: 1}, Handle: fmt.Sprintf("h%d", j), Receives: 1, SentAt: job.At(u.clocks[0])}}
		told = fmt.Sprintf(" finds job %d", j)
	case portBenches:
		if r.bench = s.bench.Clone(); choice == 1 {
			r.bench = s.before.Clone()
		}
		if x.NoPassOn && u.passesOn() {
			r.bench = doorbell.Bench{}
		}
	case portTake:
		sits := s.bench.Waiting[c.connection]
		r.ok = sits == c.seat || x.Blind && c.rungAt != 0
		if r.ok {
			s.change(func(b *doorbell.Bench) { delete(b.Waiting, c.connection) })
		}
		r.bench = s.bench.Clone()
		told = fmt.Sprintf(" of %s's %d: %v", c.connection, c.seat, r.ok)
	case portSit:
		r.ok = true
		s.change(func(b *doorbell.Bench) {
			if b.Waiting == nil {
				b.Waiting = map[string]int64{}
			}
			b.Waiting[c.connection] = c.seat
		})
		r.bench.Waiting = map[string]int64{c.connection: c.seat}
	case portPost:
		told = fmt.Sprintf(" to %s for %d", c.connection, c.seat)
		if c.connection == gone {
			r.ok = !x.GoneIsHeard && !x.Silent
			break
		}
		x.ringFor(&s.sleeper[c.connection[0]-'a'], c.seat)
	case portChoose:
		r.chosen = choice
	case portPause:
	default:
		panic("no effect for " + c.port)
	}
	return r, told
}

// passesOn reports whether a sync that has claimed a job has read the bench once,
// to leave it, so that it reads it now for another one.
func (u *underway) passesOn() bool {
	claimed := slices.Index(u.ports, portSave)
	return u.ask.kind == askSync && claimed >= 0 && slices.Contains(u.ports[claimed:], portBenches)
}

func (u *underway) sat() bool { return slices.Contains(u.ports, portSit) }

func (s *ward) change(do func(*doorbell.Bench)) {
	s.before = s.bench
	s.bench = s.bench.Clone()
	do(&s.bench)
}

// key is the state in its canonical form: runners and jobs are alike, seats are
// named in the order of their appearance, and of what a request has heard only
// that is written down which it still goes by.
func (x *wakeups) key(s *ward) digest {
	var least []byte
	for _, runners := range orders(x.Runners) {
		for _, jobs := range orders(x.Jobs) {
			e := &wardEncoder{runners: runners, jobs: jobs}
			e.ward(s, x.Stale)
			if least == nil || bytes.Compare(e.buf, least) < 0 {
				least = e.buf
			}
		}
	}
	sum := sha256.Sum256(least)
	return digest(sum[:16])
}

// orders are all orders of n things.
func orders(n int) [][]int {
	switch n {
	case 1:
		return [][]int{{0}}
	case 2:
		return [][]int{{0, 1}, {1, 0}}
	}
	return [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
}

// wardEncoder writes a state with its runners and jobs in some order.
type wardEncoder struct {
	encoder
	runners, jobs []int
}

func (e *wardEncoder) ward(s *ward, stale bool) {
	for _, j := range e.jobs {
		e.text(string(s.jobs[j].State))
		e.int(int(s.message[j]))
		e.int(min(s.handed[j], 0))
		if slot := s.handed[j]; slot >= 0 {
			e.request(&s.under[slot])
		}
	}
	e.bench(s.bench)
	if stale {
		e.bench(s.before)
	}
	for _, i := range e.runners {
		r := s.sleeper[i]
		e.seat(r.seat)
		e.int(len(r.heard))
		for _, seat := range r.heard {
			e.seat(seat)
		}
		e.flag(r.ring)
		e.flag(r.again)
		e.flag(r.busy)
		e.flag(r.flight >= 0)
		if r.flight >= 0 {
			e.request(&s.under[r.flight])
		}
	}
	e.int(s.polls)
	e.int(s.ends)
	e.int(s.misses)
}

func (e *wardEncoder) seat(seat int64) {
	name := ""
	if seat != 0 {
		name = strconv.FormatInt(seat, 10)
	}
	e.token(name)
}

// connection writes down whose it is.
func (e *wardEncoder) connection(name string) {
	switch name {
	case "":
		e.int(-1)
	case gone:
		e.int(-2)
	default:
		e.int(slices.Index(e.runners, int(name[0]-'a')))
	}
}

func (e *wardEncoder) bench(b doorbell.Bench) {
	for at, i := range e.runners {
		if seat := b.Waiting[string(rune('a'+i))]; seat != 0 {
			e.int(at)
			e.seat(seat)
		}
	}
	e.seat(b.Waiting[gone])
}

// request writes down where a request stands and what it goes by.
func (e *wardEncoder) request(u *underway) {
	e.seat(u.ask.seat)
	e.text(string(u.at.port))
	e.connection(u.at.connection)
	e.seat(u.at.seat)
	lastBench, lastJobs := -1, -1
	for i, p := range u.ports {
		switch p {
		case portBenches, portTake:
			lastBench = i
		case portGetMany:
			lastJobs = i
		}
	}
	for i, p := range u.ports {
		r := &u.replies[i]
		switch p {
		case portPause, portChoose: // how often it waited does not matter, and whom it chose shows in its next call
			continue
		case portGetMany:
			if i != lastJobs {
				continue
			}
			e.int(len(r.jobs))
		}
		e.text(string(p))
		e.flag(r.ok)
		switch p {
		case portReceive:
			for _, m := range r.received {
				e.int(slices.Index(e.jobs, index(m.Job)))
			}
		case portBenches, portTake:
			if i == lastBench {
				e.bench(r.bench)
			}
		case portSit:
			e.bench(r.bench)
		}
	}
}
