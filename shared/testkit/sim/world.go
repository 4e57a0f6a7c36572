package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/memory"
	"runlease/shared/problem"
)

// What a client hears when nothing is known about its request, and what a port
// says when it did not take a call or its reply got lost.
var (
	errNoReply   = errors.New("no reply")
	errThrottled = errors.New("throttled")
	errLost      = errors.New("the reply was lost")
)

// The only problem: one task of one case.
const problemID = 1

var content = problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}}}

// maxSkew is how far a handler's clock may be off, either way.
const maxSkew = 2 * time.Second

// start is when every simulation begins.
var start = time.Unix(1_700_000_000, 0)

// plan is what goes wrong in one seed, and how often: chances out of 1000.
// Seeds differ in their plans too, because rare meetings need some faults
// without the others.
type plan struct {
	crash      int // a process dies between two port calls
	throttle   int // a port refuses a call
	replyLost  int // a call takes effect and its caller hears an error
	repeat     int // the same, and the adapter repeats the call by itself
	slow       int // a call takes a long time
	abandon    int // a client gives up waiting, and the request goes on
	twin       int // a request arrives twice
	loseRing   int // a message is sent and never arrives
	twinRing   int // a message arrives twice
	lateRing   int // a message arrives much later
	loseBatch  int // received messages never reach the receiver
	early      int // a received message is visible again at once
	sample     int // a receive looks at a part of the queue only
	purge      int // of 100,000: every message is lost
	staleIndex int // the index of open jobs shows less than there is
	die        int // a runner forgets everything and starts again
	freeze     int // a runner stops and goes on much later
	rejudge    int
	cancel     int
	gap        int           // nothing happens for a while
	longest    time.Duration // a request's life
	sweeps     int           // at once
	width      int           // requests under way
	jobs       int
	runners    int
	names      int // that the runners share
	operations int
}

func drawPlan(rng *rand.Rand) plan {
	// Each fault is absent in a third of the seeds, rare in another, frequent in the last.
	some := func(rare, often int) int { return []int{0, rare, often}[rng.IntN(3)] }
	p := plan{
		crash: some(5, 40), throttle: some(5, 40), replyLost: some(5, 40), repeat: some(5, 40),
		slow: some(5, 60), abandon: some(5, 30), twin: some(20, 150),
		loseRing: some(20, 200), twinRing: some(20, 200), lateRing: some(20, 200),
		loseBatch: some(20, 150), early: some(20, 200), sample: some(50, 300), purge: some(20, 500),
		staleIndex: some(50, 300), die: some(5, 40), freeze: some(10, 80), rejudge: some(30, 150), cancel: some(20, 100),
		gap: some(5, 30), longest: []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}[rng.IntN(3)],
		sweeps: 1 + rng.IntN(2), width: 2 + rng.IntN(6), jobs: 1 + rng.IntN(4), runners: 2 + rng.IntN(3),
		operations: 110 + rng.IntN(40),
	}
	p.names = 1 + rng.IntN(p.runners)
	return p
}

// world is one run: the memory adapters, what goes wrong with them, the clients
// and the books that are kept about it all.
type world struct {
	rng   *rand.Rand
	plan  plan
	calm  bool // no more faults
	clock time.Time

	store    *memory.Store
	queue    *memory.Queue
	adapters adapters

	letters map[string]letter         // receipt handle -> what it stands for
	late    map[job.Message]time.Time // not to be seen before
	rung    map[job.Message]bool      // sent
	rangAt  map[job.Message]job.Time  // by the request that wrote this bell
	books   map[string]map[int]int    // job -> generation -> attempt whose result was accepted
	acked   map[string]bool           // queued, and the producer knows
	clients []client
	flights []*journey
	serial  uint64
	pool    pool

	report Report
	broken *broken
	trace  *trace
}

// letter is a message as it was received.
type letter struct {
	message job.Message
	sentAt  job.Time
}

// journey is a flight with its circumstances.
type journey struct {
	*flight
	number  int
	owner   client // who waits for the answer; nil: no client any more
	began   time.Time
	arrived bool // the call that it is parked at has happened: reply is next
	reply   reply
	again   bool     // the adapter repeats the call
	rangAt  job.Time // when it rang last
}

func newWorld(seed uint64, out io.Writer) *world {
	w := &world{
		rng:     rand.New(rand.NewPCG(seed, 0x72756e6c65617365)),
		clock:   start,
		letters: make(map[string]letter),
		late:    make(map[job.Message]time.Time),
		rung:    make(map[job.Message]bool),
		rangAt:  make(map[job.Message]job.Time),
		books:   make(map[string]map[int]int),
		acked:   make(map[string]bool),
		report:  Report{Seed: seed},
		trace:   &trace{out: out},
	}
	w.plan = drawPlan(w.rng)
	w.store, w.queue = memory.NewStore(), memory.NewQueue(w.now)
	w.adapters = adapters{w.store, w.queue, memory.NewArtifacts("", nil, w.now)}
	publish(w.store)
	return w
}

// publish makes version 1 of the problem.
func publish(s *memory.Store) {
	p := problem.Problem{ID: problemID, Current: content, Version: 1, Revision: 1, WriteID: "p"}
	if _, saved, err := s.SaveProblem(context.Background(), problem.Problem{}, p); err != nil || !saved {
		panic("a new store took no problem")
	}
}

func measure(body []byte) job.Artifact {
	sum := sha256.Sum256(body)
	return job.Artifact{Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

func (w *world) now() time.Time { return w.clock }

func (w *world) pass(d time.Duration) { w.clock = w.clock.Add(d) }

// happens draws a chance out of 1000. Nothing happens once all is calm.
func (w *world) happens(chance int) bool {
	return !w.calm && chance > 0 && w.rng.IntN(1000) < chance
}

// between draws a time.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rng.Int64N(int64(most-least)+1))
}

// send starts a request.
func (w *world) send(a ask, owner client) *journey {
	w.serial++
	var skew time.Duration
	if !w.calm {
		skew = w.between(-maxSkew, maxSkew)
	}
	j := &journey{number: int(w.serial), owner: owner, began: w.clock}
	w.trace.step(w, "request %d starts: %s (its clock is off by %s)", j.number, a, skew)
	j.flight = w.pool.depart(a, w.report.Seed<<20+w.serial, func() time.Time { return w.clock.Add(skew) })
	w.flights = append(w.flights, j)
	if !j.over && a.kind == askSync && len(a.done)+len(a.active) > 0 && j.at.port == portGetMany {
		w.report.Seen.SyncTogether++
	}
	w.land(j)
	return j
}

// step moves one request on: its call happens, or it hears the reply, or
// something goes wrong.
func (w *world) step(j *journey) {
	w.report.Steps++
	w.pass(w.between(0, 15*time.Millisecond))
	if w.happens(w.plan.slow) {
		w.pass(w.between(time.Second, w.plan.longest/2))
	}
	switch {
	case w.clock.Sub(j.began) > w.plan.longest && !w.calm:
		w.trace.step(w, "request %d is ended at %s: it took too long", j.number, j.at.port)
		j.die()
	case w.happens(w.plan.crash):
		w.trace.step(w, "request %d dies %s %s", j.number, j.where(), j.at.port)
		w.report.Seen.Crashed++
		j.die()
	case !j.arrived && w.happens(w.plan.throttle):
		w.trace.step(w, "request %d: %s is throttled", j.number, j.at.port)
		j.arrived, j.reply = true, reply{err: errThrottled}
	case !j.arrived || j.again:
		j.arrived, j.again = true, false
		j.reply = w.perform(j)
		if w.happens(w.plan.repeat) {
			j.again = true
			w.report.Seen.Repeated++
			w.trace.step(w, "request %d: the reply of %s got lost, it will be called again", j.number, j.at.port)
		}
	default:
		j.arrived = false
		r := j.reply
		if w.happens(w.plan.replyLost) {
			r = reply{err: errLost}
			w.trace.step(w, "request %d: the reply of %s got lost", j.number, j.at.port)
		}
		j.hear(r)
	}
	w.land(j)
}

func (j *journey) where() string {
	if j.arrived {
		return "after"
	}
	return "before"
}

// land takes a request that is over out of the air and tells its client.
func (w *world) land(j *journey) {
	if !j.over {
		return
	}
	for i, f := range w.flights {
		if f == j {
			w.flights = append(w.flights[:i], w.flights[i+1:]...)
			break
		}
	}
	if j.answer.err != nil {
		w.trace.step(w, "request %d is over: %v", j.number, j.answer.err)
	} else {
		w.trace.step(w, "request %d is over: %s %v%v", j.number, j.answer.code, j.answer.jobs, j.answer.grants)
	}
	if j.answer.err == nil {
		w.checkAnswer(j)
	}
	if j.owner != nil {
		j.owner.heard(w, j.ask, j.answer)
	}
}

// checkAnswer: who hears that a result was accepted can rely on it.
func (w *world) checkAnswer(j *journey) {
	accepted := func(a ask, code job.Outcome) {
		if a.kind != askComplete || code != job.OK {
			return
		}
		stored, found, _ := w.store.Get(context.Background(), a.id)
		for _, past := range stored.Past {
			if past.TokenHash == a.tokenHash && w.books[a.id][past.Generation] == past.Attempt {
				return
			}
		}
		w.fail(breaks(lost, "%s was answered OK, but no result of that attempt was accepted (found %v)", a, found))
	}
	accepted(j.ask, j.answer.code)
	for i, code := range j.answer.done {
		accepted(j.ask.done[i], code)
	}
}

// fail notes the first promise that was broken; the run ends with it.
func (w *world) fail(b *broken) {
	if b == nil || w.broken != nil {
		return
	}
	w.broken = b
	w.trace.step(w, "BROKEN %s", b)
}

// latest is what the fastest clock shows.
func (w *world) latest() job.Time { return job.At(w.clock.Add(maxSkew)) }

// perform lets the call happen that a request is parked at.
func (w *world) perform(j *journey) reply {
	c := &j.at
	switch c.port {
	case portCreate, portSave:
		return w.write(j)
	case portRing:
		return w.ring(j)
	case portReceive:
		return w.receive(j)
	case portDelete:
		w.delete(j)
	case portOpen:
		r := w.adapters.perform(c)
		if w.happens(w.plan.staleIndex) {
			r.page, r.cursor = r.page[:len(r.page)/2], ""
		}
		return r
	}
	if w.trace.on() && (c.port != portHide || len(c.hidings) > 0) {
		w.trace.step(w, "request %d: %s %v", j.number, c.port, c.ids)
	}
	return w.adapters.perform(c)
}

func (w *world) write(j *journey) reply {
	c := &j.at
	before, existed, _ := w.store.Get(context.Background(), c.after.ID)
	r := w.adapters.perform(c)
	now, _, _ := w.store.Get(context.Background(), c.after.ID)
	if now.Revision == before.Revision && now.WriteID == before.WriteID {
		w.trace.step(w, "request %d: %s %s changes nothing (ok %v)", j.number, c.port, c.after.ID, r.ok)
		w.report.Seen.Conflicts++
		if c.port == portSave && r.ok && before.WriteID != c.after.WriteID {
			w.fail(breaks(lost, "a write that did not happen was answered as saved"))
		}
		return r
	}
	if w.trace.on() {
		w.trace.step(w, "request %d: %s %s", j.number, c.port, describe(now))
	}
	change := write{before, existed, now, j.ask, w.latest(), w.wasRung}
	w.fail(change.check())
	if !r.ok {
		w.fail(breaks(stale, "a write that was answered as refused took effect"))
	}
	if now.Bell != before.Bell {
		w.rangAt[job.Message{Job: now.ID, Bell: now.Bell}] = j.rangAt
	}
	w.report.Seen.note(before, now)
	if j.ask.kind == askSync {
		w.report.Seen.noteSync(before, now)
	}
	w.book(before, now)
	return r
}

// note counts a write by what it did.
func (s *Seen) note(before, now job.Job) {
	one := func(count *int, is bool) {
		if is {
			*count++
		}
	}
	entered := func(state job.State) bool { return now.State == state && before.State != state }
	again := now.State == before.State && now.Attempt == before.Attempt && now.Generation == before.Generation
	one(&s.Created, before.Revision == 0)
	one(&s.Queued, entered(job.Queued) && before.Attempt == 0 && now.Generation == 0)
	one(&s.Claimed, now.Attempt != before.Attempt)
	one(&s.Replaced, now.Attempt != before.Attempt && before.State == job.Claimed)
	one(&s.Heartbeats, again && now.Claim.LeaseExpiresAt != before.Claim.LeaseExpiresAt)
	one(&s.Accepted, entered(job.Finished) && now.Result.Attempt != 0)
	one(&s.UsedUp, entered(job.Finished) && now.Result.Attempt == 0)
	one(&s.Cancelled, entered(job.Cancelled))
	one(&s.GaveUp, entered(job.Cancelled) && before.State == job.Claimed && now.Past[len(now.Past)-1].Reason != "")
	one(&s.Released, entered(job.Queued) && before.State == job.Claimed && now.Generation == before.Generation)
	one(&s.Rejudged, now.Generation != before.Generation)
	one(&s.Evidence, again && len(now.Past) > 0 && late(now) > late(before))
	one(&s.Disputed, now.Disputed && !before.Disputed)
	one(&s.Attached, again && now.Claim.Handle != "" && before.Claim.Handle == "")
	one(&s.RungAgain, again && now.Bell != before.Bell)
}

// noteSync counts what a sync wrote.
func (s *Seen) noteSync(before, now job.Job) {
	switch {
	case now.Attempt != before.Attempt && before.State == job.Claimed:
		s.SyncReplaced++
	case now.Attempt != before.Attempt:
		s.SyncClaimed++
	case now.State == job.Finished && before.State != job.Finished && now.Result.Attempt != 0:
		s.SyncAccepted++
	case now.State == before.State && now.Claim.LeaseExpiresAt != before.Claim.LeaseExpiresAt:
		s.SyncHeartbeats++
	}
}

func late(j job.Job) int {
	n := 0
	for _, past := range j.Past {
		if past.Late != nil {
			n++
		}
	}
	return n
}

// book keeps accounts that owe nothing to the fields of the job: at most one
// result in a generation.
func (w *world) book(before, now job.Job) {
	if now.State != job.Finished || before.State == job.Finished || now.Result == nil {
		return
	}
	results := w.books[now.ID]
	if results == nil {
		results = make(map[int]int)
		w.books[now.ID] = results
	}
	if _, has := results[now.Generation]; has {
		w.fail(breaks(doubled, "generation %d of %s has two results", now.Generation, now.ID))
	}
	results[now.Generation] = now.Result.Attempt
}

func (w *world) wasRung(id string, bell int64) bool { return w.rung[job.Message{Job: id, Bell: bell}] }

func (w *world) ring(j *journey) reply {
	m := j.at.message
	j.rangAt = job.At(w.clock)
	w.rung[job.Message{Job: m.Job, Bell: m.Bell}] = true
	switch {
	case w.happens(w.plan.loseRing):
		w.trace.step(w, "request %d: %s %s/%d, and the message is lost", j.number, portRing, m.Job, m.Bell)
		return reply{}
	case w.happens(w.plan.twinRing):
		w.trace.step(w, "request %d: the message is doubled", j.number)
		w.adapters.perform(&j.at)
	case w.happens(w.plan.lateRing):
		w.late[m] = w.clock.Add(w.between(time.Second, 20*time.Minute))
		w.trace.step(w, "request %d: the message is not seen for %s", j.number, w.late[m].Sub(w.clock))
	}
	w.trace.step(w, "request %d: %s %s/%d", j.number, portRing, m.Job, m.Bell)
	return w.adapters.perform(&j.at)
}

func (w *world) receive(j *journey) reply {
	c := j.at
	if w.happens(w.plan.sample) {
		c.limit = w.rng.IntN(c.limit + 1)
		if c.limit == 0 {
			return reply{}
		}
	}
	r := w.adapters.perform(&c)
	seen := r.received[:0]
	for _, m := range r.received {
		w.letters[m.Handle] = letter{m.Message, m.SentAt}
		at, late := w.late[m.Message]
		switch {
		case late && at.After(w.clock):
			w.hide(m.Handle, at.Sub(w.clock))
			continue
		case w.happens(w.plan.loseBatch):
			w.trace.step(w, "request %d: message %s/%d gets lost on its way", j.number, m.Job, m.Bell)
			continue
		case w.happens(w.plan.early):
			w.trace.step(w, "request %d: message %s/%d is visible again at once", j.number, m.Job, m.Bell)
			w.hide(m.Handle, 0)
		}
		w.trace.step(w, "request %d: %s %s/%d, time %d", j.number, portReceive, m.Job, m.Bell, m.Receives)
		seen = append(seen, m)
	}
	r.received = seen
	if !w.calm {
		w.rng.Shuffle(len(seen), func(i, k int) { seen[i], seen[k] = seen[k], seen[i] })
	}
	return r
}

func (w *world) hide(handle string, d time.Duration) {
	if err := w.queue.Hide(context.Background(), []dispatch.Hiding{{Handle: handle, For: d}}); err != nil {
		panic(err)
	}
}

// delete judges what is about to be deleted.
func (w *world) delete(j *journey) {
	for _, handle := range j.at.ids {
		l, known := w.letters[handle]
		if !known {
			w.fail(breaks(lost, "a message that was not received is deleted: %q", handle))
			continue
		}
		stored, exists, _ := w.store.Get(context.Background(), l.message.Job)
		w.report.Seen.Deleted++
		w.trace.step(w, "request %d deletes message %s/%d", j.number, l.message.Job, l.message.Bell)
		w.fail(checkDelete(l.message, l.sentAt, stored, exists, w.rangAt[job.Message{Job: stored.ID, Bell: stored.Bell}], w.latest()))
	}
}

// describe is a job in one line of a trace.
func describe(j job.Job) string {
	s := fmt.Sprintf("%s v%d %s generation %d attempt %d failures %d bell %d", j.ID, j.Revision, j.State, j.Generation, j.Attempt, j.Failures, j.Bell)
	if j.State == job.Claimed {
		s += fmt.Sprintf(" held by %s with %s until %s", j.Claim.Runner, short(j.Claim.TokenHash), j.Claim.LeaseExpiresAt.Std().Sub(start))
	}
	if j.CancelRequested {
		s += " cancel asked"
	}
	if j.Result != nil {
		s += fmt.Sprintf(" result of attempt %d", j.Result.Attempt)
	}
	return s
}
