package dispatch

import (
	"context"
	"fmt"

	"runlease/shared/job"
)

// Delete removes a final job with its code and the outputs of its result. The
// objects go first: as long as one of them is left, the job is there and the
// request can be repeated. Uploads of attempts without a result stay until the bucket
// removes them: no record has their names, and an attempt may use sixteen. In a bucket
// that keeps old versions each removal leaves a marker, also where there was no object.
// Refused with NotFound or NotFinal.
func (d *Dispatcher) Delete(ctx context.Context, id string) (Answer, error) {
	j, answer, err := d.Get(ctx, id)
	for range 1 + maxConflicts {
		switch {
		case err != nil || !answer.OK():
			return answer, err
		case !j.Final():
			return Answer{Outcome: NotFinal, Detail: "it is " + string(j.State) + ", cancel it first"}, nil
		}
		keys, err := objectsOf(j)
		if err != nil {
			return Answer{}, err
		}
		if j.CodeInline {
			if err := d.Store.RemoveCode(ctx, j); err != nil {
				return Answer{}, err
			}
		}
		if err := d.Objects.Remove(ctx, keys); err != nil {
			return Answer{}, err
		}
		current, deleted, err := d.Store.DeleteJob(ctx, j)
		switch {
		case err != nil:
			return Answer{}, err
		case deleted:
			return granted, nil
		case current.ID == "":
			return notFound, nil
		}
		j = current
	}
	return Answer{}, fmt.Errorf("delete job: %w", errContended)
}

// objectsOf lists the keys of a final job's code and outputs. Code that is in the
// store is an object too if a runner has asked where it is.
func objectsOf(j job.Job) (keys []string, err error) {
	if j.Code.SHA256 != "" {
		keys = append(keys, codeKey(j.ID, j.Code.SHA256))
	}
	switch {
	case j.Result == nil || !j.Result.HasOutputs():
	case len(j.Result.Packed) > 0: // their zip is there if somebody has asked for it
		key, _, _, err := zipOfPacked(j)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	default:
		keys = append(keys, j.Result.Outputs)
	}
	return keys, nil
}
