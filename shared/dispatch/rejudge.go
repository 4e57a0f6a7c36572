package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Rejudge replaces a generation of a job by the next one. Refused with NotFound,
// NotSubmitted or GenerationConflict.
func (d *Dispatcher) Rejudge(ctx context.Context, id string, generation int) (job.Job, Answer, error) {
	op := job.RejudgeOp{Now: d.now(), Generation: generation}
	c, err := d.update(ctx, id, func(ctx context.Context, j job.Job) (decision, error) {
		made := decided(op.Apply(j))
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
	})
	return c.after, c.Answer, err
}
