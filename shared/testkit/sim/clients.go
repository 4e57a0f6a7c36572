package sim

import (
	"fmt"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// client is somebody who sends requests and knows what an HTTP client knows.
type client interface {
	// next is what the client sends now; false: nothing.
	next(w *world) (ask, bool)
	// heard takes the answer of what it sent.
	heard(w *world, a ask, said answer)
	// waits reports whether it waits for an answer.
	waits() bool
}

// courier sends one request at a time and repeats an unanswered one,
// unchanged.
type courier struct {
	waiting bool
	unsent  *ask // to be repeated
	repeats int
}

func (c *courier) waits() bool { return c.waiting }

// repetition is the request that was not answered.
func (c *courier) repetition() (ask, bool) {
	if c.unsent == nil {
		return ask{}, false
	}
	c.waiting = true
	return *c.unsent, true
}

func (c *courier) sends(a ask) (ask, bool) {
	c.waiting = true
	c.repeats = 0
	return a, true
}

// answered reports whether the client knows how its request ended; if not, it
// repeats it a few times and then gives up.
func (c *courier) answered(a ask, said answer, patience int) bool {
	c.waiting = false
	c.unsent = nil
	if said.err == nil {
		return true
	}
	if c.repeats++; c.repeats <= patience {
		c.unsent = &a
	}
	return false
}

// runner claims and judges jobs.
type runner struct {
	courier
	name         string
	listed       []string
	held         []grant
	former       []grant // given up, not always in fact
	frozen       time.Time
	wrong        bool // it sends different results for one attempt
	syncs        bool // it says all it can in one call
	leaseSeconds int
}

func (r *runner) next(w *world) (ask, bool) {
	if r.frozen.After(w.clock) {
		return ask{}, false
	}
	switch {
	case w.happens(w.plan.die):
		w.trace.step(w, "runner %s dies and starts again", r.name)
		r.listed, r.held, r.unsent = nil, nil, nil
	case w.happens(w.plan.freeze):
		until := w.between(time.Second, 3*time.Duration(r.leaseSeconds)*time.Second)
		w.trace.step(w, "runner %s freezes for %s", r.name, until)
		r.frozen = w.clock.Add(until)
		return ask{}, false
	}
	if again, is := r.repetition(); is {
		return again, true
	}
	if len(r.former) > 0 && w.rng.IntN(10) == 0 {
		return r.sends(r.about(w, r.former[w.rng.IntN(len(r.former))]))
	}
	if r.syncs && w.rng.IntN(8) > 0 {
		return r.sends(r.sync(w))
	}
	if len(r.listed) > 0 && w.rng.IntN(10) > 0 {
		id := r.listed[0]
		r.listed = r.listed[1:]
		return r.sends(ask{kind: askClaim, id: id, runner: r.name, leaseSeconds: r.leaseSeconds})
	}
	if len(r.held) > 0 && w.rng.IntN(4) > 0 {
		return r.sends(r.about(w, r.held[w.rng.IntN(len(r.held))]))
	}
	if w.rng.IntN(3) > 0 {
		return r.sends(ask{kind: askList, runner: r.name, limit: 1 + w.rng.IntN(4)})
	}
	return r.sends(r.sync(w))
}

// sync says something about each claim, or nothing, and asks for more.
func (r *runner) sync(w *world) ask {
	a := ask{kind: askSync, runner: r.name, leaseSeconds: r.leaseSeconds, limit: w.rng.IntN(3)}
	for _, g := range r.held {
		switch w.rng.IntN(3) {
		case 0:
			a.done = append(a.done, r.result(w, g))
		case 1:
			a.active = append(a.active, ask{kind: askHeartbeat, id: g.id, runner: r.name, tokenHash: g.tokenHash})
		}
	}
	return a
}

// about is what a runner has to say about a claim.
func (r *runner) about(w *world, g grant) ask {
	switch w.rng.IntN(12) {
	case 0:
		return ask{kind: askRelease, id: g.id, runner: r.name, tokenHash: g.tokenHash, reason: job.ReasonInfraError}
	case 1:
		reasons := job.Reasons()
		return ask{kind: askRelease, id: g.id, runner: r.name, tokenHash: g.tokenHash, reason: reasons[w.rng.IntN(len(reasons))]}
	case 2:
		return ask{kind: askHeartbeat, id: g.id, runner: r.name}
	case 3, 4, 5, 6:
		return ask{kind: askHeartbeat, id: g.id, runner: r.name, tokenHash: g.tokenHash}
	default:
		return r.result(w, g)
	}
}

func (r *runner) result(w *world, g grant) ask {
	right := g.attempt%2 == 1
	if r.wrong && w.rng.IntN(4) == 0 {
		right = !right
	}
	return ask{kind: askComplete, id: g.id, runner: r.name, tokenHash: g.tokenHash, right: right}
}

func (r *runner) heard(w *world, a ask, said answer) {
	if !r.answered(a, said, 3) {
		if a.kind == askClaim || a.kind == askList || a.kind == askSync && len(a.done) == 0 {
			r.unsent = nil // not worth repeating
		}
		return
	}
	r.listed = append(r.listed, said.jobs...)
	r.held = append(r.held, said.grants...)
	switch a.kind {
	case askHeartbeat:
		switch told := said.action == dispatch.ActionCancel; {
		case said.code != job.OK || told && w.rng.IntN(4) == 0:
			r.drop(w, a.tokenHash, a.id)
		case told && a.tokenHash != "":
			reason := []job.Reason{job.ReasonCancelled, job.ReasonInfraError, job.ReasonDrain}[w.rng.IntN(3)]
			r.unsent = &ask{kind: askRelease, id: a.id, runner: r.name, tokenHash: a.tokenHash, reason: reason}
		}
	case askComplete, askRelease:
		r.drop(w, a.tokenHash, a.id)
	case askSync:
		for i, code := range said.done {
			if code != dispatch.ItemFailed {
				r.drop(w, a.done[i].tokenHash, a.done[i].id)
			}
		}
		for i, action := range said.active {
			if action == dispatch.ActionLost {
				r.drop(w, a.active[i].tokenHash, a.active[i].id)
			}
		}
	}
}

// drop forgets a claim; one in four runners does not, and speaks of it again.
func (r *runner) drop(w *world, tokenHash, id string) {
	kept := r.held[:0]
	for _, g := range r.held {
		if g.tokenHash != tokenHash && (tokenHash != "" || g.id != id) {
			kept = append(kept, g)
			continue
		}
		if w.rng.IntN(4) == 0 && len(r.former) < 4 {
			r.former = append(r.former, g)
		}
	}
	r.held = kept
}

// producer hands jobs in, and now and then wants them judged again or not at all.
type producer struct {
	courier
	made     int
	uploaded []string // created without code, to be submitted
	known    []string
	views    map[string]job.Job
	rejudges int
}

func (p *producer) next(w *world) (ask, bool) {
	if again, is := p.repetition(); is {
		return again, true
	}
	if len(p.uploaded) > 0 && w.rng.IntN(2) == 0 {
		return p.sends(ask{kind: askSubmit, id: p.uploaded[0]})
	}
	if p.made < w.plan.jobs && w.rng.IntN(3) == 0 {
		p.made++
		return p.sends(ask{kind: askCreate, id: fmt.Sprintf("job-%d", p.made), inline: w.rng.IntN(4) > 0})
	}
	if len(p.known) == 0 {
		return ask{}, false
	}
	id := p.known[w.rng.IntN(len(p.known))]
	switch {
	case w.happens(w.plan.cancel):
		return p.sends(ask{kind: askCancel, id: id})
	case p.rejudges < 3*w.plan.jobs && w.happens(w.plan.rejudge):
		p.rejudges++
		generation := p.views[id].Generation
		if w.rng.IntN(5) == 0 {
			generation += w.rng.IntN(3) - 1
		}
		return p.sends(ask{kind: askRejudge, id: id, generation: generation})
	case w.rng.IntN(4) == 0:
		return p.sends(ask{kind: askView, id: id})
	}
	return ask{}, false
}

func (p *producer) heard(w *world, a ask, said answer) {
	if !p.answered(a, said, 8) || said.code != job.OK {
		return
	}
	p.views[a.id] = said.view
	switch a.kind {
	case askCreate:
		p.known = append(p.known, a.id)
		if a.inline {
			w.acked[a.id] = true
			return
		}
		upload(w, a.id)
		p.uploaded = append(p.uploaded, a.id)
	case askRejudge:
		if said.view.State == job.Created { // it was cancelled before it was submitted
			p.uploaded = append(p.uploaded, a.id)
		}
	case askSubmit:
		w.acked[a.id] = said.view.QueuedAt != 0 // else it was cancelled before
		if len(p.uploaded) > 0 {
			p.uploaded = p.uploaded[1:]
		}
	}
}

// clockwork starts the sweep every minute, sometimes twice.
type clockwork struct {
	due  time.Time
	left int // to start now
	up   int // under way
}

func (c *clockwork) waits() bool { return false }

func (c *clockwork) next(w *world) (ask, bool) {
	if !w.clock.Before(c.due) && c.left == 0 {
		c.due = w.clock.Add(time.Minute)
		c.left = 1
		if !w.calm {
			c.left = 1 + w.rng.IntN(w.plan.sweeps)
		}
	}
	if c.left == 0 || c.up >= 3 {
		return ask{}, false
	}
	c.left--
	c.up++
	return ask{kind: askSweep}, true
}

func (c *clockwork) heard(*world, ask, answer) { c.up-- }
