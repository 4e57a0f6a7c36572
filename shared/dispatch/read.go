package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Get reads a job. Refused with NotFound.
func (d *Dispatcher) Get(ctx context.Context, id string) (job.Job, Answer, error) {
	j, found, err := d.Store.Get(ctx, id)
	if err == nil && !found {
		return job.Job{}, notFound, nil
	}
	return j, granted, err
}

// Query reads up to 100 jobs. It returns the jobs in the order of ids, and the ids of
// missing jobs in missing. Neither is nil.
func (d *Dispatcher) Query(ctx context.Context, ids []string) (jobs []job.Job, missing []string, err error) {
	jobs, missing = []job.Job{}, []string{}
	ids = unique(ids)
	if len(ids) == 0 {
		return jobs, missing, nil
	}
	found, err := d.Store.GetMany(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if j, exists := found[id]; exists {
			jobs = append(jobs, j)
		} else {
			missing = append(missing, id)
		}
	}
	return jobs, missing, nil
}
