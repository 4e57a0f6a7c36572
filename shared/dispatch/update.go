package dispatch

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"runlease/shared/job"
)

// errContended means that others wrote between each of our reads and the write
// that followed.
var errContended = errors.New("too many concurrent writes")

// maxConflicts is how often a decision is made again after a conflict.
const maxConflicts = 3

// decision is the full answer to a request about a job, and the write that it needs.
type decision struct {
	Answer
	after job.Job // the job as it was read, unless write is set
	write bool
	grant grant  // of a claim
	group string // of the message that it rings by; "": the job's
}

// change is a job before and after an update.
type change struct {
	before job.Job
	decision
}

// rang reports whether the change rang the job's bell: a runner may have it now.
func (c change) rang() bool { return c.write && c.after.Bell != c.before.Bell }

// unknown is the change of a job that does not exist.
var unknown = change{decision: decision{Answer: notFound}}

// decide looks at a job and decides what becomes of it. It is called again with
// a newer job if another wrote meanwhile.
type decide func(ctx context.Context, j job.Job) (decision, error)

// apply makes a decide of an Op's Apply.
func apply(op func(job.Job) (job.Job, job.Decision)) decide {
	return func(_ context.Context, j job.Job) (decision, error) { return decided(op(j)), nil }
}

// decided is the decision that an Op's Apply has made.
func decided(after job.Job, by job.Decision) decision {
	return decision{Answer: Answer{Outcome: by.Outcome}, after: after, write: by.Write}
}

// refused is the decision that leaves j as it is.
func refused(j job.Job, why Answer) decision { return decision{Answer: why, after: j} }

// updater is update, or a function like it that has read the job before.
type updater func(ctx context.Context, id string, decide decide) (change, error)

// update reads a job, decides, and writes the difference unless another
// write came in between. If that makes the job claimable, its bell is rung
// first: a message without a write costs a look, a write without a message
// would leave the job waiting.
func (d *Dispatcher) update(ctx context.Context, id string, decide decide) (change, error) {
	j, found, err := d.Store.Get(ctx, id)
	if err != nil {
		return change{}, err
	}
	if !found {
		return unknown, nil
	}
	c, err := d.updateFrom(ctx, j, decide)
	if err == nil && c.rang() {
		d.ringRunner(ctx, d.InPool(c.after))
	}
	return c, err
}

// updateFrom is update for a job that has just been read.
func (d *Dispatcher) updateFrom(ctx context.Context, before job.Job, decide decide) (change, error) {
	var rung int64 // by us: a conflict does not ask for the same bell twice
	var in job.Pool
	for range 1 + maxConflicts {
		decision, err := decide(ctx, before)
		if err != nil || !decision.write {
			return change{before, decision}, err
		}
		after := &decision.after
		if after.Bell != before.Bell && (after.Bell != rung || after.Pool != in) {
			if err := d.ringIn(ctx, *after, decision.group); err != nil {
				return change{}, err
			}
			rung, in = after.Bell, after.Pool
		}
		after.Revision = before.Revision + 1
		if after.WriteID, err = d.writeID(); err != nil {
			return change{}, err
		}
		current, saved, err := d.Store.Save(ctx, before, *after)
		switch {
		case err != nil:
			return change{}, err
		case saved:
			d.measureStep(ctx, before, *after)
			d.noteBadEnd(ctx, before, *after)
			return change{before, decision}, nil
		case current.ID == "": // expired under our hands
			return unknown, nil
		}
		before = current
	}
	return change{}, fmt.Errorf("update job: %w", errContended)
}

func (d *Dispatcher) ring(ctx context.Context, j job.Job) error { return d.ringIn(ctx, j, "") }

// ringIn is ring by a message of a group; "": the job's.
func (d *Dispatcher) ringIn(ctx context.Context, j job.Job, group string) error {
	m := j.Message()
	m.Group = cmp.Or(group, m.Group)
	return d.queueOf(j.Pool).Ring(ctx, m)
}

// deleteSpent deletes messages whose bell is spent. It may fail: then they come
// back and their receivers delete them.
func (d *Dispatcher) deleteSpent(ctx context.Context, spent handles) {
	for _, of := range spent {
		if err := d.queueOf(of.pool).Delete(ctx, of.handles); err != nil {
			d.Log.WarnContext(ctx, "messages not deleted", "error", err)
		}
	}
}

// deleteSpentBy deletes the message of the claim that a change has ended.
func (d *Dispatcher) deleteSpentBy(ctx context.Context, c change) {
	var spent handles
	spent.add(c.before.Pool, c.before.Claim.Handle)
	d.deleteSpent(ctx, spent)
}

// hide moves the clocks of messages. It may fail: then they come back too early,
// and their receivers hide them again.
func (d *Dispatcher) hide(ctx context.Context, pool job.Pool, hidings []Hiding) {
	if len(hidings) == 0 {
		return
	}
	if err := d.queueOf(pool).Hide(ctx, hidings); err != nil {
		d.Log.WarnContext(ctx, "messages not hidden", "error", err)
	}
}

// hideAll is hide for the queues of several pools.
func (d *Dispatcher) hideAll(ctx context.Context, all hidings) {
	for pool, hidings := range all {
		d.hide(ctx, pool, hidings)
	}
}

// writeID makes the fresh id of a write.
func (d *Dispatcher) writeID() (string, error) {
	var id [8]byte
	if _, err := io.ReadFull(d.Random, id[:]); err != nil {
		return "", fmt.Errorf("make write id: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}
