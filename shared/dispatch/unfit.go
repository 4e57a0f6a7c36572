package dispatch

import (
	"context"
	"sync"
	"time"

	"runlease/shared/job"
	"runlease/shared/problem"
)

// A message about a job that its receiver cannot judge goes back at once, since
// another can. But where none can, every poll would receive it again, for ever;
// so this process remembers what runners have reported recently. While it knows of a
// runner that can judge the job, the message stays visible. Otherwise it does so for the
// first receives, since a new process knows no runner, and is hidden for longer each
// time after that, a minute at most: what the queue costs is then the same as
// without the job, and a runner that can judge it gets it a minute after its start.
const (
	// unknownReceives is how often a message is given back at once by a process that
	// knows no runner that can judge its job.
	unknownReceives = 10
	// unfitMany messages of such jobs in a search stand before others. They step aside for
	// listHide; the runners that can judge them find the rest.
	unfitMany = 10
	// maxReceived is how many messages one receive gives out.
	maxReceived = 10
)

// pass notes a message of a job that the runner cannot judge.
func (t *tally) pass(handle string, hide time.Duration, anybody bool) {
	t.back = append(t.back, Hiding{handle, hide})
	t.last--
	t.all--
	if anybody {
		t.unfit++
		t.others++
	}
}

// unfit decides how long a message is hidden whose job the receiver cannot judge;
// needs is what its problem asks for, as far as it is known; anybody: another can,
// or it is not known yet that none can.
func (d *Dispatcher) unfit(ctx context.Context, j job.Job, needs job.Needs, receives int, lacks job.Why) (hide time.Duration, anybody bool) {
	if receives <= unknownReceives || d.able.toJudge(j, d.InPool(j), needs, d.Now(), d.present()) {
		return 0, true
	}
	if j.Lacks != lacks {
		if _, err := d.updateFrom(ctx, j, apply(job.NoteOp{Lacks: lacks}.Apply)); err != nil {
			d.Log.WarnContext(ctx, "why a job waits is not noted", "job_id", j.ID, "error", err)
		}
	}
	return min(time.Duration(receives-unknownReceives)*time.Second, time.Minute), false
}

// present is how long a runner counts as there: twice the longest time between
// two of its polls.
func (d *Dispatcher) present() time.Duration {
	if d.Benches != nil {
		return max(present, 2*d.Pace.Seated)
	}
	return present
}

// able remembers when a runner was heard last that can do the same: most fleets
// have a few kinds of runners. The zero value is ready.
type able struct {
	mu   sync.Mutex
	last map[job.Candidate]time.Time // without the runner's name
}

// maxKinds bounds able. With more kinds, made up or not, it forgets the others, which
// costs them a wait of a minute at most.
const maxKinds = 256

func (a *able) hear(runner job.Candidate, now time.Time) {
	runner.Runner = ""
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.last[runner]; a.last == nil || !known && len(a.last) >= maxKinds {
		a.last = make(map[job.Candidate]time.Time)
	}
	a.last[runner] = now.Round(0) // the wall clock, as in presence.hear
}

// toJudge reports whether a runner has been heard within a time that can judge a
// job.
func (a *able) toJudge(j job.Job, pool job.Pool, needs job.Needs, now time.Time, within time.Duration) bool {
	j.Pool = pool
	a.mu.Lock()
	defer a.mu.Unlock()
	for kind, at := range a.last {
		if now.Sub(at) <= within && !j.MayHave(kind, needs, 0).Lasting() {
			return true
		}
	}
	return false
}

// needed is what a problem asks of runners, and when it was read. Lists go by it for a
// short time: a list is a hint, and the claim that follows reads the problem.
type needed struct {
	job.Needs
	at time.Time
}

const (
	needsKept = 30 * time.Second
	maxNeeds  = 512
)

// needsOf reads what a job's problem asks of a runner that does not do everything.
func (d *Dispatcher) needsOf(ctx context.Context, j job.Job, runner job.Candidate) job.Needs {
	if runner.Checkers && runner.Languages.Has(job.C) && runner.Languages.Has(job.CPP) && runner.Languages.Has(job.Python3) {
		return job.Needs{} // it runs every checker
	}
	now := d.Now().Round(0)
	n, found := d.needs.get(j.Problem)
	if found && now.Sub(n.at) < needsKept {
		return n.Needs
	}
	p, found, err := d.Store.Problem(ctx, j.Problem)
	if err != nil || !found {
		d.Log.WarnContext(ctx, "problem of a listed job not read", "job_id", j.ID, "error", err)
		return job.Needs{}
	}
	n = needed{needsIn(p.Current), now}
	d.needs.put(j.Problem, n)
	return n.Needs
}

// needsIn is what a version of a problem asks of a runner.
func needsIn(c problem.Content) job.Needs {
	n := job.Needs{Checker: c.Rules.NeedsChecker()}
	if c.Rules.Checker.IsProgram() {
		n.Program = new(job.Language(c.Rules.Checker.Language))
	}
	return n
}
