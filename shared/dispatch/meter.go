package dispatch

import (
	"context"

	"runlease/shared/deployment"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/roster"
)

// Meter hears of what is measured while a request is served: seconds, or 1 for
// something that is counted. The pool is "" where a value belongs to none. It must
// neither fail nor wait.
type Meter func(ctx context.Context, m deployment.Metric, pool string, value float64)

// Measure tells the Meter, if there is one.
func (d *Dispatcher) Measure(ctx context.Context, m deployment.Metric, pool string, value float64) {
	if d.Meter != nil {
		d.Meter(ctx, m, pool, value)
	}
}

// metered is how metrics name a pool: not at all where there is one, and as the default
// one where it is not there any more.
func (d *Dispatcher) metered(pool job.Pool) string {
	switch {
	case len(d.Queues) == 0:
		return ""
	case !d.Queues.has(pool):
		pool = ""
	}
	return pool.Name()
}

// measureStep measures the step between two states of a job. Every write of a job
// comes by here once, so that no use case has to think of it.
func (d *Dispatcher) measureStep(ctx context.Context, before, after job.Job) {
	if d.Meter == nil {
		return
	}
	if ended, any := after.EndedSince(before); any {
		if ended.How == job.HowLost {
			d.Measure(ctx, deployment.LostLeases, d.metered(after.Pool), 1)
		}
		if after.State == job.Finished {
			d.measureVerdict(ctx, after, ended)
		}
	}
	if after.State == job.Claimed && after.Attempt > before.Attempt {
		d.Measure(ctx, deployment.QueueWait, d.metered(after.Pool), after.Claim.ClaimedAt.Sub(before.WaitsSince()).Seconds())
	}
}

// measureDemand measures what Demand reckons for the usual target. While nothing
// waits, the run time of jobs does not matter, and nothing is read.
func (d *Dispatcher) measureDemand(ctx context.Context, pool job.Pool, depth Depth) {
	if d.Meter == nil {
		return
	}
	demand := roster.Demand{Waiting: depth.Visible, Running: depth.Hidden}
	if demand.Waiting > 0 {
		var err error
		if demand.MeanRun, err = d.meanRun(ctx); err != nil {
			d.Log.WarnContext(ctx, "run times of the last jobs not read", "error", err)
		}
	}
	d.Measure(ctx, deployment.WantedSlots, d.metered(pool), float64(demand.Wanted(roster.TargetWait)))
}

func (d *Dispatcher) measureVerdict(ctx context.Context, j job.Job, ended job.Past) {
	d.Measure(ctx, deployment.ClaimToResult, d.metered(j.Pool), j.EndedAt.Sub(ended.ClaimedAt).Seconds())
	if j.Result.RunTime >= 0 {
		d.Measure(ctx, deployment.RunTime, d.metered(j.Pool), float64(j.Result.RunTime)/1000)
	}
	if m, counted := deployment.Judged(judge.Status(j.Result.Status).String()); counted {
		d.Measure(ctx, m, d.metered(j.Pool), 1)
	}
}
