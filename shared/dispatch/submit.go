package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Submit queues a job whose code has been uploaded. Refused with NotFound,
// UploadMissing or UploadMismatch.
func (d *Dispatcher) Submit(ctx context.Context, id string) (job.Job, Answer, error) {
	var refusal Answer // nothing is written then, so it is the last decision
	c, err := d.update(ctx, id, func(j job.Job) (job.Job, job.Decision, error) {
		if j.State == job.Created {
			answer, err := d.uploaded(ctx, codeKey(j.ID, j.Code.SHA256), j.Code, "code")
			if err != nil || !answer.OK() {
				refusal = answer
				return j, job.Decision{Outcome: answer.Outcome}, err
			}
		}
		next, out := job.SubmitOp{Now: d.now()}.Apply(j)
		return next, out, nil
	})
	if refusal.Outcome != "" || err != nil {
		return job.Job{}, refusal, err
	}
	return c.after, c.answer(), nil
}

// uploaded checks that an object is there and is what was announced.
func (d *Dispatcher) uploaded(ctx context.Context, key string, want job.Artifact, what string) (Answer, error) {
	got, exists, err := d.Objects.Stat(ctx, key)
	switch {
	case err != nil:
		return Answer{}, err
	case !exists:
		return Answer{UploadMissing, what}, nil
	case got != want:
		return Answer{UploadMismatch, what}, nil
	}
	return granted, nil
}
