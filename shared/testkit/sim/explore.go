package sim

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/problem"
)

// Scope bounds an exploration: one job, and at most Width requests under way. Any
// request that a client could send may start at any moment, a request may die
// at every port call, fail there before or after the effect, leases run out and
// messages reappear at any moment.
type Scope struct {
	Name        string
	Width       int    // requests under way
	Pair        []kind // if there are two, both are of these; none: of any
	Runners     []string
	Attempts    int // no claim starts beyond
	Generations int // rejudges
	Cancels     int
	Messages    int  // no request that rings starts beyond
	Heartbeats  bool // else leases are only kept by not running out
	Releases    []job.Reason
	Lists       bool // jobs are listed and claimed
	Syncs       bool // jobs are claimed straight off the queue
	Sweeps      bool
	Losses      int // messages that vanish
}

// Scopes are the explorations of the small scope. Each leaves something out that
// another has, so that it comes to its end: every one takes less than three
// minutes on one core, and a few hundred MB. Any two kinds of request are under
// way together in one of them. The seeds of Run have all of them at once.
func Scopes() []Scope {
	two := []string{"a", "b"}
	one := two[:1]
	infra, both := []job.Reason{job.ReasonInfraError}, []job.Reason{job.ReasonInfraError, job.ReasonDrain}
	back := []kind{askSweep, askRelease}
	return []Scope{
		{Name: "heartbeats", Width: 2, Runners: two, Attempts: 2, Messages: 2, Heartbeats: true, Lists: true},
		{Name: "cancel", Width: 2, Runners: two, Attempts: 2, Cancels: 1, Messages: 2, Lists: true},
		{Name: "rejudge", Width: 2, Runners: two, Attempts: 2, Generations: 1, Messages: 2, Lists: true},
		{Name: "releases", Width: 2, Runners: two, Attempts: 2, Messages: 2, Lists: true, Releases: infra},
		{Name: "sync", Width: 2, Runners: two, Attempts: 2, Generations: 1, Messages: 2, Syncs: true},
		{Name: "three attempts", Width: 1, Runners: two, Attempts: 3, Generations: 1, Cancels: 1, Messages: 2, Heartbeats: true, Lists: true, Syncs: true, Releases: both},
		// What its holder and its producer ask at the same time.
		{Name: "cancel of what is held", Width: 2, Runners: one, Attempts: 1, Cancels: 1, Messages: 2, Heartbeats: true, Lists: true, Releases: infra},
		{Name: "rejudge of what is held", Width: 2, Runners: one, Attempts: 1, Generations: 1, Messages: 2, Heartbeats: true, Lists: true, Releases: infra},
		{Name: "cancel and rejudge", Width: 2, Runners: one, Attempts: 1, Generations: 1, Cancels: 1, Messages: 2, Lists: true},
		{Name: "sync of what is held", Width: 2, Runners: one, Attempts: 1, Generations: 1, Cancels: 1, Messages: 2, Heartbeats: true, Syncs: true, Releases: infra},
		{Name: "what holders and producer ask", Width: 2, Pair: []kind{askHeartbeat, askRelease, askComplete, askCancel, askRejudge}, Runners: two, Attempts: 2, Generations: 1, Cancels: 1, Messages: 2, Heartbeats: true, Syncs: true, Releases: infra},
		// The sweep: alone with a job of any history, then with somebody else under way.
		{Name: "sweep", Width: 1, Runners: one, Attempts: 1, Generations: 1, Cancels: 1, Messages: 2, Lists: true, Sweeps: true, Losses: 1},
		{Name: "sweep and heartbeats", Width: 2, Runners: one, Attempts: 1, Messages: 1, Heartbeats: true, Syncs: true, Sweeps: true},
		{Name: "sweep and claims", Width: 2, Runners: one, Attempts: 1, Messages: 1, Syncs: true, Sweeps: true, Losses: 1},
		{Name: "sweep and rejudge", Width: 2, Runners: one, Generations: 1, Cancels: 1, Messages: 1, Lists: true, Sweeps: true, Losses: 1},
		{Name: "sweep and cancel", Width: 2, Runners: one, Attempts: 1, Cancels: 1, Messages: 1, Lists: true, Sweeps: true},
		{Name: "sweep and listed claims", Width: 2, Pair: []kind{askSweep, askClaim}, Runners: one, Attempts: 1, Messages: 1, Lists: true, Sweeps: true, Losses: 1},
		{Name: "sweep and releases", Width: 2, Pair: back, Runners: two, Attempts: 2, Messages: 2, Heartbeats: true, Syncs: true, Sweeps: true, Releases: both},
		{Name: "sweep and releases of what is rejudged", Width: 2, Pair: back, Runners: two, Attempts: 2, Generations: 1, Messages: 2, Heartbeats: true, Syncs: true, Sweeps: true, Releases: infra},
		{Name: "sweep and releases of what is cancelled", Width: 2, Pair: back, Runners: one, Attempts: 2, Cancels: 1, Messages: 2, Heartbeats: true, Syncs: true, Sweeps: true, Releases: infra},
	}
}

// Small is the same scope with at most one attempt, and without heartbeats.
func (s Scope) Small() Scope {
	s.Attempts, s.Heartbeats = min(s.Attempts, 1), false
	return s
}

// The exploration's time. Leases, lookouts and lost messages all take less than
// an age of the clock, and the sent messages of dead writers a little more.
const (
	tinyLease = 60 // seconds
	age       = 200 * time.Second
	longAgo   = writerGone + maxSkew + time.Second
)

const onlyJob = "j"

// state is everything that the future depends on.
type state struct {
	exists  bool
	item    job.Job
	queue   []sent
	rung    uint32 // bit n: bell n
	rangAt  int    // number of the message that the writer of the item's bell sent
	now     time.Time
	mark    dispatch.Mark
	under   []underway
	cancels int
	losses  int
	serial  uint64 // of requests; not part of what is compared, and neither is:
	number  int    // of messages
}

// sent is a message on the queue. When it is visible does not matter: it may be
// received at any moment.
type sent struct {
	bell   int64
	number int
	old    bool // its writer is gone
}

func (m sent) handle() string { return fmt.Sprintf("m%d", m.number) }

// underway is a request that is parked: what was asked and all that it has
// heard so far. The coroutine itself is made again from that when it goes on.
type underway struct {
	ask     ask
	serial  uint64
	clocks  []time.Time // at its start and at every reply
	replies []reply
	ports   []port // that replied
	at      *call  // where it is parked
	rangAt  int
}

// revive runs a request up to where it is parked. It is taken through calls at which no request is parked.
func (p *pool) revive(u *underway, through func(*flight)) (f *flight, clock *time.Time) {
	now := u.clocks[0]
	f = p.depart(u.ask, u.serial, func() time.Time { return now })
	through(f)
	for i, r := range u.replies {
		now = u.clocks[i+1]
		f.hear(r)
		through(f)
	}
	return f, &now
}

// transparent lets calls happen that meet no other: what they read never changes,
// what they write is not read, and visibility is up to the queue anyway.
func transparent(f *flight) {
	for !f.over && alone(f) {
	}
}

// alone lets one such call happen, and reports whether it was one.
func alone(f *flight) bool {
	switch f.at.port {
	case portProblem:
		f.hear(reply{ok: true, problem: problem.Problem{ID: problemID, Current: content, Version: 1, Revision: 1}})
	case portProblemVersion:
		f.hear(reply{ok: true, content: content})
	case portHide, portPut, portPutCode:
		f.hear(reply{})
	case portKeepCode:
		f.hear(reply{ok: true})
	case portReadCodes:
		f.hear(reply{codes: map[string]dispatch.Code{onlyJob: {Zip: codeBytes}}})
	case portStat:
		f.hear(reply{ok: true, artifact: codeArtifact})
	case portRead:
		f.hear(reply{body: codeBytes[f.at.from:][:f.at.limit]})
	default:
		return false
	}
	return true
}

// move is one step from a state to another.
type move struct {
	do     deed
	slot   uint8
	choice uint8
}

type deed uint8

const (
	begin      deed = iota // a request starts (choice: which) and its first call happens
	call1                  // the call that a request is parked at happens (choice: what a receive finds)
	failBefore             // it fails without effect
	failAfter              // it takes effect and its caller hears an error
	dies
	passes // time passes: leases run out
	agesOn // much time passes: no writer is left
	vanish // a message vanishes (choice: which)
)

// explorer is the maze of one job.
type explorer struct {
	scope   Scope
	ends    map[digest]struct{}
	pool    pool
	telling bool // moves are described
}

// Explore goes through every state that can be reached in a scope, checks each
// write and each deletion on the way, and from every state, as if all requests
// under way had died, brings the job to its end.
func Explore(scope Scope) Explored {
	var x *explorer
	found := walk(func() maze[state, move] {
		x = &explorer{scope: scope, ends: make(map[digest]struct{})}
		return x
	})
	found.Scope, found.Ends = scope.Name, len(x.ends)
	return found
}

func (x *explorer) first() *state { return &state{now: start} }

func (x *explorer) tell() { x.telling = true }

func (x *explorer) close() { x.pool.close() }

// check looks at what must hold in a state.
func (x *explorer) check(s *state) *broken {
	if !s.exists {
		return nil
	}
	if s.item.Open() && s.losses == 0 && !slices.ContainsFunc(s.queue, func(m sent) bool { return m.bell == s.item.Bell }) {
		return breaks(lost, "the job is %s with bell %d and no message of that bell is left", s.item.State, s.item.Bell)
	}
	alone := *s
	alone.under = nil
	rest := x.key(&alone)
	if _, known := x.ends[rest]; known {
		return nil
	}
	x.ends[rest] = struct{}{}
	return x.end(&alone)
}

// apply makes a move in a copy of a state.
func (x *explorer) apply(from *state, m move) (*state, string, *broken) {
	next, what, b := x.applied(from, m)
	if x.telling && b == nil && next.exists {
		what += "  -> " + describe(next.item)
	}
	return next, what, b
}

// asks are the requests that may start.
func (x *explorer) asks(s *state) []ask {
	var asks []ask
	may := func(is bool, a ask) {
		if is {
			asks = append(asks, a)
		}
	}
	rings := len(s.queue) < x.scope.Messages
	for _, u := range s.under {
		switch u.ask.kind {
		case askCreate, askRelease, askRejudge, askSweep:
			rings = rings && len(s.queue)+1 < x.scope.Messages
		}
	}
	fresh := !s.exists || s.item.State == job.Queued && s.item.Attempt == 0 && s.item.Generation == 0
	more := s.exists && s.item.Attempt < x.scope.Attempts
	may(fresh && rings, ask{kind: askCreate, id: onlyJob, inline: true})
	may(x.scope.Lists, ask{kind: askList, limit: 1})
	for _, runner := range x.scope.Runners {
		may(more && x.scope.Lists, ask{kind: askClaim, id: onlyJob, runner: runner, leaseSeconds: tinyLease})
		may(more && x.scope.Syncs, ask{kind: askSync, runner: runner, limit: 1, leaseSeconds: tinyLease})
	}
	for _, g := range s.claims() {
		a := ask{id: onlyJob, runner: g.runner, tokenHash: g.tokenHash}
		beat, result := a, a
		beat.kind, result.kind = askHeartbeat, askComplete
		result.right, result.uploaded = g.attempt%2 == 1, true
		may(x.scope.Heartbeats, beat)
		may(true, result)
		for _, reason := range x.scope.Releases {
			back := a
			back.kind, back.reason = askRelease, reason
			may(rings, back)
		}
	}
	may(s.exists && s.cancels < x.scope.Cancels, ask{kind: askCancel, id: onlyJob})
	for generation := range x.scope.Generations {
		may(s.exists && rings && generation >= s.item.Generation-1, ask{kind: askRejudge, id: onlyJob, generation: generation})
	}
	may(x.scope.Sweeps && rings, ask{kind: askSweep})
	return asks
}

// together reports whether a request may start beside those under way.
func (s Scope) together(a ask, under []underway) bool {
	return len(under) == 0 || len(s.Pair) == 0 ||
		slices.Contains(s.Pair, a.kind) && !slices.ContainsFunc(under, func(u underway) bool { return !slices.Contains(s.Pair, u.ask.kind) })
}

// claims are the current claim and the one before it. Each has a runner that may
// speak of it at any moment, as if no reply to a claim ever got lost: a runner
// that does not know its token is like a request that says nothing.
func (s *state) claims() []grant {
	if !s.exists {
		return nil
	}
	var all []grant
	for _, p := range s.item.Past {
		all = append(all, grant{id: onlyJob, runner: p.Runner, tokenHash: p.TokenHash, attempt: p.Attempt})
	}
	if c := s.item.Claim; s.item.State == job.Claimed {
		all = append(all, grant{id: onlyJob, runner: c.Runner, tokenHash: c.TokenHash, attempt: s.item.Attempt})
	}
	return all[max(0, len(all)-2):]
}

func (x *explorer) movesFrom(s *state) []move {
	var moves []move
	if len(s.under) < x.scope.Width {
		for i, a := range x.asks(s) {
			if !x.scope.together(a, s.under) {
				continue
			}
			choices := 1
			switch a.kind {
			case askList, askSync:
				choices = len(s.receipts())
			}
			for choice := range choices {
				moves = append(moves, move{begin, uint8(i), uint8(choice)})
			}
		}
	}
	for slot, u := range s.under {
		choices := 1
		if u.at.port == portVisible {
			choices = 1 + min(1, len(s.queue))
		}
		for choice := range choices {
			moves = append(moves, move{call1, uint8(slot), uint8(choice)})
		}
		moves = append(moves, move{failBefore, uint8(slot), 0}, move{dies, uint8(slot), 0})
		switch u.at.port {
		case portSave, portCreate, portRing:
			moves = append(moves, move{failAfter, uint8(slot), 0})
		}
	}
	running := s.exists && s.item.State == job.Claimed && s.item.Claim.LeaseExpiresAt > job.At(s.now)
	waiting := x.scope.Sweeps && (s.exists && s.item.Open() && job.At(s.now).Sub(s.item.RungAt) < age ||
		s.mark.SilentSince != 0 && job.At(s.now).Sub(s.mark.SilentSince) < age)
	if running || waiting {
		moves = append(moves, move{do: passes})
	}
	if len(s.under) == 0 && slices.ContainsFunc(s.queue, func(m sent) bool { return !m.old }) {
		moves = append(moves, move{do: agesOn})
	}
	if s.losses < x.scope.Losses {
		for i := range s.queue {
			moves = append(moves, move{vanish, 0, uint8(i)})
		}
	}
	return moves
}

// receipts are the ways in which a receive can end: nothing or one message.
// What happens to two of one batch happens one after the other anyway.
func (s *state) receipts() [][]sent {
	ways := [][]sent{nil}
	for _, m := range s.queue {
		ways = append(ways, []sent{m})
	}
	return ways
}

func (x *explorer) applied(from *state, m move) (*state, string, *broken) {
	s := *from
	s.under = slices.Clone(from.under)
	s.queue = slices.Clone(from.queue)
	switch m.do {
	case begin:
		a := x.asks(from)[m.slot]
		s.serial++
		clock := s.now
		switch a.kind {
		case askHeartbeat:
			clock = clock.Add(time.Millisecond) // else it is no news to a claim of the same moment
		case askCancel:
			s.cancels++
		}
		u := underway{ask: a, serial: s.serial, clocks: []time.Time{clock}}
		s.under = append(s.under, u)
		what, b := x.advance(&s, len(s.under)-1, m)
		return &s, "starts: " + what, b
	case dies:
		what := "dies: " + string(s.under[m.slot].ask.kind)
		s.under = slices.Delete(s.under, int(m.slot), int(m.slot)+1)
		return &s, what, nil
	case passes:
		s.now = s.now.Add(age)
		return &s, "time passes", nil
	case agesOn:
		s.now = s.now.Add(longAgo)
		for i := range s.queue {
			s.queue[i].old = true
		}
		return &s, "much time passes", nil
	case vanish:
		what := fmt.Sprintf("message %d vanishes", s.queue[m.choice].bell)
		s.queue = slices.Delete(s.queue, int(m.choice), int(m.choice)+1)
		s.losses++
		return &s, what, nil
	}
	what, b := x.advance(&s, int(m.slot), m)
	return &s, what, b
}

// advance lets the call happen that a request is parked at, or fail, and runs
// the request to its next call.
func (x *explorer) advance(s *state, slot int, m move) (what string, b *broken) {
	u := s.under[slot]
	var f *flight
	var clock *time.Time
	if u.at == nil {
		f, clock = x.pool.revive(&u, transparent)
		u.at = &f.at
	}
	at := *u.at
	say := func(format string, args ...any) {
		if x.telling {
			what += fmt.Sprintf(format, args...)
		}
	}
	say("%s: %s", u.ask, at.port)
	var r reply
	if m.do != failBefore {
		r, b = x.effect(s, &u, &at, int(m.choice))
	}
	switch m.do {
	case failBefore:
		r = reply{err: errThrottled}
		say(" fails")
	case failAfter:
		r = reply{err: errLost}
		say(" happens, and the reply is lost")
	}
	for _, got := range r.received {
		say(" gets message %d", got.Bell)
	}
	if b != nil {
		return what, b
	}
	if f == nil {
		f, clock = x.pool.revive(&u, transparent)
	}
	*clock = s.now
	if u.ask.kind == askHeartbeat {
		*clock = clock.Add(time.Millisecond)
	}
	u.replies = append(slices.Clip(u.replies), r)
	u.clocks = append(slices.Clip(u.clocks), *clock)
	u.ports = append(slices.Clip(u.ports), at.port)
	f.hear(r)
	transparent(f)
	if !f.over {
		u.at = new(call)
		*u.at = f.at
		s.under[slot] = u
		f.die()
		return what, nil
	}
	s.under = slices.Delete(s.under, slot, slot+1)
	if f.answer.err != nil {
		say(", error: %v", f.answer.err)
		return what, nil
	}
	say(", answered %s", f.answer.code)
	return what, nil
}

// effect lets a call happen.
func (x *explorer) effect(s *state, u *underway, c *call, choice int) (r reply, b *broken) {
	switch c.port {
	case portGet, portGetMany, portCreate, portSave:
		return x.inStore(s, u, c)
	case portRing:
		s.number++
		s.queue = append(s.queue, sent{bell: c.message.Bell, number: s.number})
		slices.SortStableFunc(s.queue, func(a, b sent) int { return int(a.bell - b.bell) })
		s.rung |= 1 << c.message.Bell
		u.rangAt = s.number
	case portReceive:
		for _, m := range s.receipts()[choice] {
			sentAt := s.now
			if m.old {
				sentAt = s.now.Add(-longAgo)
			}
			r.received = append(r.received, job.Received{
				Message: job.Message{Job: onlyJob, Bell: m.bell}, Handle: m.handle(), Receives: 1, SentAt: job.At(sentAt),
			})
		}
	case portDelete:
		for _, handle := range c.ids {
			i := slices.IndexFunc(s.queue, func(m sent) bool { return m.handle() == handle })
			if i < 0 {
				continue
			}
			m := s.queue[i]
			// Numbers of messages stand for the times when they were sent.
			sentAt := job.Time(m.number)
			now := sentAt
			if m.old {
				now = sentAt.Add(longAgo)
			}
			if b = checkDelete(job.Message{Job: onlyJob, Bell: m.bell}, sentAt, s.item, s.exists, job.Time(s.rangAt), now); b != nil {
				return r, b
			}
			s.queue = slices.Delete(s.queue, i, i+1)
		}
	case portMark:
		r.mark = s.mark
	case portSaveMark:
		if r.ok = s.mark.Revision == c.was.Revision; r.ok {
			s.mark = c.is
			s.mark.Shard, s.mark.Cursor = 0, ""
		}
	case portVisible:
		r.visible = choice
	case portOpen:
		if s.exists && s.item.Open() && c.shard == 0 && c.cursor == "" {
			r.page = []dispatch.OpenJob{{ID: onlyJob, QueuedAt: s.item.QueuedAt}}
		}
	default:
		panic("no effect for " + c.port)
	}
	return r, nil
}

// inStore lets a call happen on a memory store that holds the job.
func (x *explorer) inStore(s *state, u *underway, c *call) (r reply, b *broken) {
	store := memory.NewStore()
	if s.exists {
		if _, created, err := store.Create(context.Background(), s.item); err != nil || !created {
			panic("a new store took no job")
		}
	}
	r = adapters{store: store}.perform(c)
	if c.port != portCreate && c.port != portSave {
		return r, nil
	}
	now, exists, err := store.Get(context.Background(), onlyJob)
	if err != nil {
		panic(err)
	}
	if exists == s.exists && now.Revision == s.item.Revision && now.WriteID == s.item.WriteID {
		if r.ok {
			return r, breaks(lost, "a write that did not happen was answered as done")
		}
		return r, nil
	}
	w := write{s.item, s.exists, now, u.ask, job.At(s.now.Add(maxSkew)), func(_ string, bell int64) bool { return s.rung&(1<<bell) != 0 }}
	if now.Bell != s.item.Bell {
		s.rangAt = u.rangAt
	}
	s.item, s.exists = now, exists
	return r, w.check()
}

// end brings the job to its end from a state in which nothing is under way: one
// healthy runner polls, and the sweep runs only where messages may be lost.
func (x *explorer) end(s *state) *broken {
	ctx := context.Background()
	clock := s.now.Add(-longAgo)
	now := func() time.Time { return clock }
	store, queue := memory.NewStore(), memory.NewQueue(now)
	publish(store)
	if _, created, err := store.Create(ctx, s.item); err != nil || !created {
		panic("a new store took no job")
	}
	for _, old := range []bool{true, false} {
		for _, m := range s.queue {
			if m.old == old {
				if err := queue.Ring(ctx, job.Message{Job: onlyJob, Bell: m.bell}); err != nil {
					panic(err)
				}
			}
		}
		clock = s.now
	}
	d := dispatch.New(store, queue, memory.NewArtifacts("", nil, now))
	d.Now, d.Log = now, slog.New(slog.DiscardHandler)
	d.Random = &flight{serial: s.serial + 1<<32}
	healthy := &runner{name: "healthy"}
	for range 30 {
		a := ask{kind: askList, limit: 10}
		for _, id := range a.carry(ctx, d).jobs {
			for _, g := range (ask{kind: askClaim, id: id, runner: healthy.name, leaseSeconds: tinyLease}).carry(ctx, d).grants {
				ask{kind: askComplete, id: g.id, runner: g.runner, tokenHash: g.tokenHash, right: true}.carry(ctx, d)
			}
		}
		if x.scope.Losses > 0 {
			ask{kind: askSweep}.carry(ctx, d)
		}
		j, found, err := store.Get(ctx, onlyJob)
		switch {
		case err != nil || !found:
			return breaks(lost, "the job is gone")
		case j.Final():
			return nil
		}
		clock = clock.Add(time.Minute)
	}
	return breaks(stuck, "nothing under way, and after 30 minutes of polling the job is still not final: %s", describe(s.item))
}
