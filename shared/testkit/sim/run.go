package sim

import (
	"context"
	"fmt"
	"io"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// Report is what one seed showed.
type Report struct {
	Seed                        uint64
	Operations                  int // requests of clients about jobs; polls of the calm are not counted
	Steps                       int // port calls and replies
	Lost, Doubled, Stuck, Stale int
	Fault                       string        // the promise that was broken; empty: none
	Recovery                    time.Duration // from the last fault until every job was final
	Seen                        Seen
}

// Seen counts what happened, so that a simulation that no longer reaches
// something shows.
type Seen struct {
	Created, Queued, Claimed, Replaced, Heartbeats, Accepted, Cancelled, Released int
	UsedUp, Rejudged, Evidence, Disputed, Attached, RungAgain, Deleted, Conflicts int
	Crashed, Repeated, GaveUp                                                     int // GaveUp: released because of a cancel
	// Of a sync: what it did, and how often it spoke of several jobs.
	SyncClaimed, SyncReplaced, SyncHeartbeats, SyncAccepted, SyncTogether int
}

// Failed reports whether a promise was broken.
func (r Report) Failed() bool { return r.Fault != "" }

// Run runs one seed.
func Run(seed uint64) Report { return run(seed, nil) }

// Replay runs one seed and writes its trace: one line per step with the virtual
// time. The same seed gives the same bytes.
func Replay(seed uint64, out io.Writer) Report { return run(seed, out) }

func run(seed uint64, out io.Writer) Report {
	w := newWorld(seed, out)
	w.populate()
	for w.broken == nil && w.report.Operations < w.plan.operations {
		w.turn()
	}
	w.trace.step(w, "the faults stop")
	w.calm = true
	if w.broken == nil {
		w.settle()
	}
	for _, j := range w.flights {
		j.die()
	}
	w.pool.close()
	w.report.count(w.broken)
	return w.report
}

func (r *Report) count(b *broken) {
	if b == nil {
		return
	}
	r.Fault = b.Error()
	switch b.class {
	case lost:
		r.Lost++
	case doubled:
		r.Doubled++
	case stuck:
		r.Stuck++
	case stale:
		r.Stale++
	}
}

func (w *world) populate() {
	w.clients = append(w.clients, &producer{views: make(map[string]job.Job)}, &clockwork{due: w.clock})
	for i := range w.plan.runners {
		w.clients = append(w.clients, &runner{
			name:         fmt.Sprintf("runner-%d", i%w.plan.names),
			wrong:        w.rng.IntN(4) == 0,
			syncs:        w.rng.IntN(2) == 0,
			leaseSeconds: []int{30, 60, 120}[w.rng.IntN(3)],
		})
	}
}

// turn starts a request, moves one on, or lets something happen.
func (w *world) turn() {
	switch {
	case !w.calm && w.plan.purge > 0 && w.rng.IntN(100_000) < w.plan.purge:
		w.trace.step(w, "the queue loses every message")
		w.queue.Purge()
	case w.happens(w.plan.gap):
		w.pass(w.between(0, 90*time.Second))
	case len(w.flights) > 0 && w.happens(w.plan.abandon):
		w.abandon(w.flights[w.rng.IntN(len(w.flights))])
	case len(w.flights) < w.plan.width && w.rng.IntN(4) == 0 && w.begin():
	case len(w.flights) > 0:
		w.step(w.flights[w.rng.IntN(len(w.flights))])
	default:
		w.pass(w.between(0, 5*time.Second))
	}
}

// begin lets a client send something.
func (w *world) begin() bool {
	c := w.clients[w.rng.IntN(len(w.clients))]
	if c.waits() {
		return false
	}
	a, does := c.next(w)
	if !does {
		return false
	}
	if a.kind != askSweep {
		w.report.Operations++
	}
	w.send(a, c)
	if w.happens(w.plan.twin) {
		w.send(a, nil)
	}
	return true
}

// abandon leaves a request to itself: its client hears nothing and may send it
// again beside the first.
func (w *world) abandon(j *journey) {
	if j.owner == nil {
		return
	}
	w.trace.step(w, "the client of request %d gives up waiting", j.number)
	owner := j.owner
	j.owner = nil
	owner.heard(w, j.ask, answer{err: errNoReply})
}

// The bounds of the calm.
const (
	calmPoll = 5 * time.Second
	// calmFor is far beyond what the slowest repair takes: a message of a writer
	// that died keeps coming back for 15 minutes, a message may be 20 minutes
	// late, and the sweep needs a silent queue for two minutes and two looks.
	calmFor = 2 * time.Hour
)

// settle lets what is under way end, then polls with one healthy runner and the
// sweep until every job is final.
func (w *world) settle() {
	for len(w.flights) > 0 && w.broken == nil {
		w.step(w.flights[0])
	}
	w.lastWords()
	began := w.clock
	healthy := &runner{name: "healthy", leaseSeconds: 60, syncs: w.rng.IntN(2) == 0}
	sweep := &clockwork{due: w.clock}
	for w.broken == nil && w.clock.Sub(began) < calmFor {
		if w.allFinal() {
			w.report.Recovery = w.clock.Sub(began)
			w.checkEnd()
			return
		}
		if a, due := sweep.next(w); due {
			w.finish(a)
			sweep.heard(w, a, answer{})
		}
		w.poll(healthy)
		w.pass(calmPoll)
	}
	if w.broken == nil {
		w.fail(breaks(stuck, "after %s of calm: %s", calmFor, w.openJobs()))
	}
}

// lastWords lets the clients repeat what was not answered, and runners that come
// back say what they still believe.
func (w *world) lastWords() {
	for _, c := range w.clients {
		switch c := c.(type) {
		case *runner:
			for _, g := range append(c.held, c.former...) {
				w.operation(c.result(w, g))
			}
		case *producer:
			if a, unsent := c.repetition(); unsent {
				c.heard(w, a, w.operation(a))
			}
		}
	}
}

// poll takes a job, if there is one, and judges it.
func (w *world) poll(r *runner) {
	if r.syncs {
		w.pollBySync(r)
		return
	}
	for _, id := range w.finish(ask{kind: askList, runner: r.name, limit: 10}).jobs {
		claimed := w.operation(ask{kind: askClaim, id: id, runner: r.name, leaseSeconds: r.leaseSeconds})
		for _, g := range claimed.grants {
			w.operation(ask{kind: askHeartbeat, id: g.id, runner: r.name, tokenHash: g.tokenHash})
			w.operation(r.result(w, g))
		}
	}
}

// pollBySync does the same by the one route.
func (w *world) pollBySync(r *runner) {
	grants := w.finish(ask{kind: askSync, runner: r.name, limit: 10, leaseSeconds: r.leaseSeconds}).grants
	if len(grants) == 0 {
		return
	}
	a := ask{kind: askSync, runner: r.name, leaseSeconds: r.leaseSeconds}
	for _, g := range grants {
		a.active = append(a.active, ask{kind: askHeartbeat, id: g.id, runner: r.name, tokenHash: g.tokenHash})
	}
	w.operation(a)
	a.active = nil
	for _, g := range grants {
		a.done = append(a.done, r.result(w, g))
	}
	w.operation(a)
}

// operation is a request that counts.
func (w *world) operation(a ask) answer {
	w.report.Operations++
	return w.finish(a)
}

// finish sends a request and takes it to its end.
func (w *world) finish(a ask) answer {
	j := w.send(a, nil)
	for !j.over {
		w.step(j)
	}
	if j.answer.err != nil && w.broken == nil {
		w.fail(breaks(stuck, "%s failed without a fault: %v", a, j.answer.err))
	}
	return j.answer
}

func (w *world) ids() []string {
	p := w.clients[0].(*producer)
	ids := make([]string, p.made)
	for i := range ids {
		ids[i] = fmt.Sprintf("job-%d", i+1)
	}
	return ids
}

func (w *world) allFinal() bool {
	for _, id := range w.ids() {
		if j, _, _ := w.store.Get(context.Background(), id); j.Open() {
			return false
		}
	}
	return true
}

func (w *world) openJobs() string {
	s := ""
	for _, id := range w.ids() {
		if j, _, _ := w.store.Get(context.Background(), id); j.Open() {
			s += describe(j) + "; "
		}
	}
	return s
}

// checkEnd: what a producer was told is queued has ended, and a finished job has
// exactly the result that was accepted.
func (w *world) checkEnd() {
	for _, id := range w.ids() {
		j, found, _ := w.store.Get(context.Background(), id)
		switch attempt, has := w.books[id][j.Generation]; {
		case w.acked[id] && (!found || !j.Final()):
			w.fail(breaks(lost, "%s was acknowledged and is not final (found %v)", id, found))
		case j.State == job.Finished && (!has || attempt != j.Result.Attempt):
			w.fail(breaks(lost, "the result of %s is of attempt %d, accepted was that of %d", id, j.Result.Attempt, attempt))
		}
	}
}

// upload puts a job's code where the presigned URL leads.
func upload(w *world, id string) {
	a := codeArtifact
	key := "code/" + id + "/" + a.SHA256 + ".zip"
	if err := w.adapters.objects.Put(context.Background(), key, codeBytes, a); err != nil {
		panic(err)
	}
}

var (
	_ dispatch.Store   = parkedStore{}
	_ dispatch.Queue   = parkedQueue{}
	_ dispatch.Objects = parkedObjects{}
	_ dispatch.Store   = (*memory.Store)(nil)
)
