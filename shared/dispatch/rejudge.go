package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Rejudge replaces a generation of a job by the next one. Refused with NotFound,
// NotSubmitted or GenerationConflict.
func (d *Dispatcher) Rejudge(ctx context.Context, id string, generation int) (job.Job, Answer, error) {
	op := job.RejudgeOp{Now: d.now(), Generation: generation}
	c, err := d.update(ctx, id, apply(op.Apply))
	return c.after, c.Answer, err
}
