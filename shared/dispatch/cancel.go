package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Cancel asks for the end of a job. Refused with NotFound or JobFinished. The
// message of a job that ends here is deleted by its next receiver.
func (d *Dispatcher) Cancel(ctx context.Context, id string) (job.Job, Answer, error) {
	c, err := d.update(ctx, id, apply(job.CancelOp{Now: d.now()}.Apply))
	return c.after, c.Answer, err
}
