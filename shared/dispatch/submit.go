package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Submit queues a job whose code has been uploaded. Refused with NotFound,
// UploadMissing, UploadMismatch or InvalidCode.
func (d *Dispatcher) Submit(ctx context.Context, id string) (job.Job, Answer, error) {
	c, err := d.update(ctx, id, func(ctx context.Context, j job.Job) (decision, error) {
		if j.State == job.Created {
			answer, err := d.codeUploaded(ctx, j)
			if err != nil || !answer.OK() {
				return refused(j, answer), err
			}
		}
		return decided(job.SubmitOp{Now: d.now()}.Apply(j)), nil
	})
	return c.after, c.Answer, err
}
