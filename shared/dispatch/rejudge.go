package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Rejudge replaces a generation of a job by the next one, which is judged in a pool;
// "": where this one was, as far as that pool is still there. Refused with NotFound,
// UnknownPool, NotSubmitted or GenerationConflict.
func (d *Dispatcher) Rejudge(ctx context.Context, id string, generation int, pool string) (job.Job, Answer, error) {
	if pool != "" && !d.Queues.has(job.PoolOf(pool)) {
		return job.Job{}, d.noPool(pool), nil
	}
	op := job.RejudgeOp{Now: d.now(), Generation: generation}
	c, err := d.update(ctx, id, func(ctx context.Context, j job.Job) (decision, error) {
		op.Pool = new(d.poolFor(j, pool))
		return d.nextGeneration(op, "")(ctx, j)
	})
	return c.after, c.Answer, err
}

// poolFor returns where the next generation of j is judged, in a pool that was asked
// for by name; "": where this one was.
func (d *Dispatcher) poolFor(j job.Job, asked string) job.Pool {
	if asked != "" {
		j.Pool = job.PoolOf(asked)
	}
	return d.InPool(j)
}

// nextGeneration rejudges a job; its message is in a group, "": as all that is rejudged.
func (d *Dispatcher) nextGeneration(op job.RejudgeOp, group string) decide {
	return func(ctx context.Context, j job.Job) (decision, error) {
		made := decided(op.Apply(j))
		made.group = group
		if made.write && j.CodeInline {
			found, err := d.Store.KeepCode(ctx, j, op.Now.Add(CodeKept))
			if err != nil {
				return decision{}, err
			}
			if !found { // its days are over, and the store has not forgotten it yet
				return refused(j, notFound), nil
			}
		}
		return made, nil
	}
}
