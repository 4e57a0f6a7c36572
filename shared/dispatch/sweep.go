package dispatch

import (
	"context"
	"time"

	"runlease/shared/deployment"
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
	// A look at a queue that shows passingFew messages at most is repeated, passingLooks
	// times at most in a run: with a doorbell their receivers have been rung and are on their way,
	// and such messages are no sign that others are not lost.
	passing      = time.Second
	passingFew   = 3
	passingLooks = 3
	// ringsWithin bounds what a run spends on ringing: how far it has come is written after it.
	ringsWithin = 10 * time.Second
)

// Swept is what one run of the sweep did.
type Swept struct {
	Looked    int // at jobs
	Ended     int // jobs that were over
	Rang      int // bells, for jobs that had lost their message
	Rejudged  int // jobs, for the rejudges of many
	Failed    int // jobs that could not be written; the next run sees them again
	OldestAge time.Duration

	rang map[job.Pool]int
}

// Sweep ends what is over and rings again for what lost its message. It looks
// at the oldest jobs of every shard and at a page of the rest, behind a cursor
// that the next run takes up. It goes on with the rejudges of many. Running it twice at once is safe: every write is
// conditional, and a bell too many costs a look.
func (d *Dispatcher) Sweep(ctx context.Context) (Swept, error) {
	mark, err := d.Store.Mark(ctx)
	if err != nil {
		return Swept{}, err
	}
	now := d.now()
	next := mark
	depths, silent, err := d.listen(ctx, mark, &next, now)
	if err != nil {
		return Swept{}, err
	}

	swept := Swept{rang: make(map[job.Pool]int)}
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
	case len(silent) > 0:
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
	d.goOn(ctx, depths, &swept)
	d.Measure(ctx, deployment.OldestOpenJob, "", swept.OldestAge.Seconds())
	ringing, cancel := context.WithTimeout(ctx, ringsWithin)
	defer cancel()
	for _, pool := range d.Queues.all() {
		d.measureDemand(ctx, pool, depths[pool])
		if err := d.ringForVisible(ringing, pool, depths[pool].Visible+swept.rang[pool]); err != nil {
			d.Log.WarnContext(ctx, "waiting runners not rung", "pool", pool.Name(), "error", err)
		}
	}
	if next.Equal(mark) {
		return swept, nil
	}
	next.Revision++
	_, err = d.Store.SaveMark(ctx, mark, next)
	return swept, err
}

// listen asks the queues how many messages they hold, and notes in the next mark which
// show none. It returns the queues that have shown none for silentFor.
func (d *Dispatcher) listen(ctx context.Context, mark Mark, next *Mark, now job.Time) (depths map[job.Pool]Depth, silent map[job.Pool]bool, err error) {
	depths, silent = make(map[job.Pool]Depth), make(map[job.Pool]bool)
	next.Silent = nil
	looks := passingLooks
	for _, pool := range d.Queues.all() {
		if depths[pool], err = d.depth(ctx, pool, &looks); err != nil {
			return nil, nil, err
		}
		since := mark.SilenceOf(pool)
		switch {
		case depths[pool].Visible > 0:
			since = 0
		case since == 0:
			since = now
		}
		next.silence(pool, since)
		if since != 0 && now.Sub(since) >= silentFor {
			silent[pool] = true
		}
	}
	return depths, silent, nil
}

// depth is that of a pool's queue, without messages that are just passing, as long as
// there are looks left.
func (d *Dispatcher) depth(ctx context.Context, pool job.Pool, looks *int) (depth Depth, err error) {
	depth, err = d.queueOf(pool).Depth(ctx)
	for ; *looks > 0; *looks-- {
		if err != nil || d.Benches == nil || depth.Visible == 0 || depth.Visible > passingFew {
			break
		}
		if err = d.Pause(ctx, passing); err == nil {
			depth, err = d.queueOf(pool).Depth(ctx)
		}
	}
	return depth, err
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
func (d *Dispatcher) repair(ctx context.Context, open []OpenJob, silent map[job.Pool]bool, swept *Swept) error {
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
			d.deleteSpentBy(ctx, c)
		case c.write:
			swept.Rang++
			swept.rang[c.after.Pool]++
		}
	}
	return nil
}

// sweepOne ends a job that is over, or rings for a job that needs it. The queue of a
// removed pool shows nothing any more: its jobs move.
func (d *Dispatcher) sweepOne(silent map[job.Pool]bool) decide {
	return func(_ context.Context, j job.Job) (decision, error) {
		now := d.now()
		next, out := job.EndOp{Now: now}.Apply(j)
		if !out.Write {
			next, out = job.RingOp{Now: now, Silent: silent[j.Pool] || !d.Queues.has(j.Pool), Pool: d.InPool(j)}.Apply(j)
		}
		return decided(next, out), nil
	}
}
