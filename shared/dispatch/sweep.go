package dispatch

import (
	"context"
	"time"

	"runlease/shared/job"
)

// The bounds of one run of the sweep. They do not grow with the backlog.
const (
	sweepOldest = 10  // jobs of every shard, the oldest first
	sweepPage   = 100 // jobs in a page behind the cursor
	// sweepPages are looked at in a run while the queue is silent: then many
	// jobs may have lost their messages at once.
	sweepPages = 10
	// silentFor is how far apart two looks at an empty queue are before they count.
	silentFor = 30 * time.Second
)

// Swept is what one run of the sweep did.
type Swept struct {
	Looked    int // at jobs
	Ended     int // jobs that were over
	Rang      int // bells, for jobs that had lost their message
	Failed    int // jobs that could not be written; the next run sees them again
	OldestAge time.Duration
}

// Sweep ends what is over and rings again for what lost its message. It looks
// at the oldest jobs of every shard and at a page of the rest, behind a cursor
// that the next run takes up. Running it twice at once is safe: every write is
// conditional, and a bell too many costs a look.
func (d *Dispatcher) Sweep(ctx context.Context) (Swept, error) {
	mark, err := d.Store.Mark(ctx)
	if err != nil {
		return Swept{}, err
	}
	visible, err := d.Queue.Visible(ctx)
	if err != nil {
		return Swept{}, err
	}
	now := d.now()
	next := mark
	switch {
	case visible > 0:
		next.SilentSince = 0
	case mark.SilentSince == 0:
		next.SilentSince = now
	}
	silent := next.SilentSince != 0 && now.Sub(next.SilentSince) >= silentFor

	var swept Swept
	ids, oldest, err := d.oldest(ctx)
	if err != nil {
		return swept, err
	}
	if oldest != 0 {
		swept.OldestAge = max(0, now.Sub(oldest))
	}
	if err := d.repair(ctx, ids, silent, &swept); err != nil {
		return swept, err
	}
	pages := 1
	switch {
	case len(ids) == 0:
		pages = 0
	case silent:
		pages = sweepPages
	}
	for range pages {
		page, cursor, err := d.Store.Open(ctx, next.Shard, next.Cursor, sweepPage)
		if err != nil {
			return swept, err
		}
		if err := d.repair(ctx, page, silent, &swept); err != nil {
			return swept, err
		}
		next.Cursor = cursor
		if cursor == "" {
			next.Shard = (next.Shard + 1) % Shards
		}
	}
	if err := d.ringForVisible(ctx, visible+swept.Rang); err != nil {
		d.Log.WarnContext(ctx, "waiting runners not rung", "error", err)
	}
	if next == mark {
		return swept, nil
	}
	next.Revision++
	_, err = d.Store.SaveMark(ctx, mark, next)
	return swept, err
}

// oldest lists the oldest open jobs of every shard.
func (d *Dispatcher) oldest(ctx context.Context) (jobs []OpenJob, first job.Time, err error) {
	for shard := range Shards {
		page, _, err := d.Store.Open(ctx, shard, "", sweepOldest)
		if err != nil {
			return nil, 0, err
		}
		if len(page) > 0 && (first == 0 || page[0].QueuedAt < first) {
			first = page[0].QueuedAt
		}
		jobs = append(jobs, page...)
	}
	return jobs, first, nil
}

// repair ends or rings for each job that needs it.
func (d *Dispatcher) repair(ctx context.Context, open []OpenJob, silent bool, swept *Swept) error {
	if len(open) == 0 {
		return nil
	}
	ids := make([]string, len(open))
	for i, o := range open {
		ids[i] = o.ID
	}
	jobs, err := d.Store.GetMany(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		j, exists := jobs[id]
		if !exists {
			continue
		}
		swept.Looked++
		c, err := d.updateFrom(ctx, j, d.sweepOne(silent))
		if err == nil {
			err = d.keepCode(ctx, c.after, d.now())
		}
		switch {
		case err != nil:
			swept.Failed++
			d.Log.WarnContext(ctx, "job not swept", "job_id", id, "error", err)
		case c.write && c.after.Final():
			swept.Ended++
			d.deleteSpent(ctx, c.before.Claim.Handle)
		case c.write:
			swept.Rang++
		}
	}
	return nil
}

// sweepOne ends a job that is over, or rings for one that needs it.
func (d *Dispatcher) sweepOne(silent bool) decide {
	return func(_ context.Context, j job.Job) (decision, error) {
		now := d.now()
		next, out := job.EndOp{Now: now}.Apply(j)
		if !out.Write {
			next, out = job.RingOp{Now: now, Silent: silent}.Apply(j)
		}
		return decided(next, out), nil
	}
}
