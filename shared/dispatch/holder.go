package dispatch

import (
	"context"

	"runlease/shared/job"
)

// held reads a job for its current holder.
func (d *Dispatcher) held(ctx context.Context, id, runner, tokenHash string) (job.Job, Answer, error) {
	j, found, err := d.Store.Get(ctx, id)
	if err != nil {
		return job.Job{}, Answer{}, err
	}
	if !found {
		return job.Job{}, notFound, nil
	}
	return j, Answer{Outcome: j.HeldBy(runner, tokenHash)}, nil
}
