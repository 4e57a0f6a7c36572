package dispatch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// poolPage is how many of the oldest open jobs of each shard are looked at for the
// state of the pools: all together are read in one call.
const poolPage = 12

// PoolState is how a pool stands.
type PoolState struct {
	Name  string
	Depth Depth
	// Waiting and Running are jobs, counted if there are at most 96 open ones in all,
	// else the messages that are visible and hidden.
	Waiting, Running int
	Oldest           job.Time // when the oldest open job was queued, or 0 if there is none
	Runners, Slots   int      // that are present and may have jobs
	Waits            *Waits   // nil: not known
}

// Pools tells how each pool stands. Its cost is the same for any backlog.
func (d *Dispatcher) Pools(ctx context.Context) ([]PoolState, error) {
	there, err := d.fit(ctx)
	if err != nil {
		return nil, err
	}
	entries, more, err := d.oldestOpen(ctx, "", poolPage)
	if err != nil {
		return nil, err
	}
	jobs, err := d.readOpen(ctx, entries)
	if err != nil {
		return nil, err
	}
	waits := d.waitsOf(ctx)
	states := make([]PoolState, 0, 1+len(d.Queues))
	for _, pool := range d.Queues.all() {
		p := PoolState{Name: pool.Name()}
		if p.Depth, err = d.queueOf(pool).Depth(ctx); err != nil {
			return nil, err
		}
		p.Runners, p.Slots = slots(there, pool)
		p.count(entries, jobs, func(j job.Job) bool { return d.InPool(j) == pool }, d.now())
		if more {
			p.Waiting, p.Running = p.Depth.Visible, p.Depth.Hidden
		}
		if w, known := waits[d.metered(pool)]; known {
			p.Waits = &w
		}
		states = append(states, p)
	}
	return states, nil
}

// count counts the open jobs of a pool.
func (p *PoolState) count(entries []OpenJob, jobs map[string]job.Job, here func(job.Job) bool, now job.Time) {
	for _, e := range entries {
		switch j := jobs[e.ID]; {
		case !j.Open() || !here(j): // it has ended since, or is another pool's
			continue
		case j.Claimable(now):
			p.Waiting++
		default:
			p.Running++
		}
		if p.Oldest == 0 {
			p.Oldest = e.QueuedAt
		}
	}
}

// fit lists the runners that are present and may have jobs.
func (d *Dispatcher) fit(ctx context.Context) ([]roster.Runner, error) {
	if d.Roster == nil {
		return nil, nil
	}
	there, err := d.there(ctx)
	return slices.DeleteFunc(there, func(r roster.Runner) bool { return r.Barred() != "" }), err
}

// slots counts the runners among some that serve a pool, and how many jobs they hold
// at once.
func slots(among []roster.Runner, pool job.Pool) (runners, slots int) {
	for _, r := range among {
		if r.Pools.Has(pool) {
			runners++
			slots += max(1, r.Slots)
		}
	}
	return runners, slots
}

// PoolDemand is what a fleet that comes and goes is sized by.
type PoolDemand struct {
	roster.Demand
	Slots  int // of the runners that are there
	Wanted int
}

// Demand tells how many slots a pool needs so that what waits begins within a target.
// Its cost is the same for any backlog: it counts messages, which SQS knows, and looks
// at some jobs that ended recently.
// Refused with UnknownPool.
func (d *Dispatcher) Demand(ctx context.Context, name string, target time.Duration) (PoolDemand, Answer, error) {
	pool := job.PoolOf(name)
	if !d.Queues.has(pool) {
		return PoolDemand{}, d.noPool(name), nil
	}
	depth, err := d.queueOf(pool).Depth(ctx)
	if err != nil {
		return PoolDemand{}, Answer{}, err
	}
	p := PoolDemand{Demand: roster.Demand{Waiting: depth.Visible, Running: depth.Hidden}}
	if p.MeanRun, err = d.meanRun(ctx); err != nil {
		return PoolDemand{}, Answer{}, err
	}
	there, err := d.fit(ctx)
	if err != nil {
		return PoolDemand{}, Answer{}, err
	}
	_, p.Slots = slots(there, pool)
	p.Wanted = p.Demand.Wanted(target)
	return p, granted, nil
}

// The jobs whose run times are looked at.
const (
	runsRead = 40 // of them
	// runsKept is how long their mean counts.
	runsKept = time.Minute
)

// runsOf are the times to look at for them, the newest first, until there are some.
var runsOf = []time.Duration{10 * time.Minute, 24 * time.Hour}

// runs remembers the mean run time. The zero value is ready.
type runs struct {
	mu   sync.Mutex
	at   time.Time
	mean time.Duration
}

// meanRun is how long jobs ran recently, from claim to result; 0 if none has ended.
func (d *Dispatcher) meanRun(ctx context.Context) (time.Duration, error) {
	d.runs.mu.Lock()
	defer d.runs.mu.Unlock()
	now := d.Now().Round(0) // the wall clock, as in pace.go
	if since := now.Sub(d.runs.at); 0 <= since && since < runsKept {
		return d.runs.mean, nil
	}
	var total time.Duration
	count := 0
	for _, of := range runsOf {
		ended, _, err := d.Store.Ended(ctx, job.At(now.Add(-of)), runsRead)
		if err != nil {
			return 0, err
		}
		for some := range slices.Chunk(ended, 100) { // more than runsRead, if they ended in one millisecond
			ids := make([]string, len(some))
			for i, e := range some {
				ids[i] = e.ID
			}
			jobs, err := d.Store.GetMany(ctx, ids)
			if err != nil {
				return 0, fmt.Errorf("read jobs that ended: %w", err)
			}
			for _, j := range jobs {
				if n := len(j.Past); n > 0 && j.Past[n-1].How == job.HowCompleted {
					total += j.Past[n-1].EndedAt.Sub(j.Past[n-1].ClaimedAt)
					count++
				}
			}
		}
		if count > 0 {
			break
		}
	}
	d.runs.at, d.runs.mean = now, total/time.Duration(max(1, count))
	return d.runs.mean, nil
}
