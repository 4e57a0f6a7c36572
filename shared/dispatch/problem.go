package dispatch

import (
	"context"
	"fmt"

	"runlease/shared/job"
	"runlease/shared/problem"
)

// Drafted is a problem after its draft was written.
type Drafted struct {
	Problem problem.Problem
	New     bool    // the problem did not exist
	Upload  *Upload // where to put the test data, if the draft names some
}

// PutProblem writes a problem's draft; the content has been checked. The same
// draft again changes nothing.
func (d *Dispatcher) PutProblem(ctx context.Context, id int, c problem.Content) (Drafted, error) {
	before, after, err := d.updateProblem(ctx, id, func(p problem.Problem) (problem.Problem, bool, error) {
		p.ID = id
		next, changed := p.PutDraft(c)
		return next, changed, nil
	})
	if err != nil {
		return Drafted{}, err
	}
	drafted := Drafted{Problem: after, New: before.Revision == 0}
	if c.Testdata != (job.Artifact{}) {
		up, err := d.URLs.PutURL(ctx, testdataKey(id, c.Testdata.SHA256), c.Testdata)
		if err != nil {
			return Drafted{}, err
		}
		drafted.Upload = &up
	}
	return drafted, nil
}

// Publish makes a problem's draft its current version and says whether that
// changed anything. Refused with ProblemNotFound, UploadMissing or
// UploadMismatch.
func (d *Dispatcher) Publish(ctx context.Context, id int) (p problem.Problem, changed bool, answer Answer, err error) {
	var refusal Answer // nothing is written then, so it is the last decision
	before, after, err := d.updateProblem(ctx, id, func(p problem.Problem) (problem.Problem, bool, error) {
		if p.Revision == 0 {
			refusal = Answer{Outcome: ProblemNotFound}
			return p, false, nil
		}
		next, changed := p.Publish()
		if td := next.Current.Testdata; changed && td != (job.Artifact{}) {
			answer, err := d.uploaded(ctx, testdataKey(id, td.SHA256), td, "testdata")
			if err != nil || !answer.OK() {
				refusal = answer
				return p, false, err
			}
		}
		return next, changed, nil
	})
	if refusal.Outcome != "" || err != nil {
		return problem.Problem{}, false, refusal, err
	}
	return after, after.Version != before.Version, granted, nil
}

// Problem reads a problem. Refused with ProblemNotFound.
func (d *Dispatcher) Problem(ctx context.Context, id int) (problem.Problem, Answer, error) {
	p, found, err := d.Store.Problem(ctx, id)
	if err == nil && !found {
		return problem.Problem{}, Answer{Outcome: ProblemNotFound}, nil
	}
	return p, granted, err
}

// updateProblem is update for problems; a problem that does not exist yet has
// Revision 0.
func (d *Dispatcher) updateProblem(ctx context.Context, id int, decide func(problem.Problem) (problem.Problem, bool, error)) (before, after problem.Problem, err error) {
	before, _, err = d.Store.Problem(ctx, id)
	if err != nil {
		return before, after, err
	}
	for range 1 + maxConflicts {
		after, changed, err := decide(before)
		if err != nil || !changed {
			return before, before, err
		}
		after.Revision = before.Revision + 1
		if after.WriteID, err = d.writeID(); err != nil {
			return before, after, err
		}
		current, saved, err := d.Store.SaveProblem(ctx, before, after)
		if err != nil || saved {
			return before, after, err
		}
		before = current
	}
	return before, after, fmt.Errorf("update problem: %w", errContended)
}
