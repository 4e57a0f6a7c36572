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
// draft again changes nothing. The pool is in force at once, for jobs that are
// handed in from then on; "": it stays what it is. Refused with UnknownPool.
func (d *Dispatcher) PutProblem(ctx context.Context, id int, c problem.Content, pool string) (Drafted, Answer, error) {
	if pool != "" && !d.Queues.has(job.PoolOf(pool)) {
		return Drafted{}, d.noPool(pool), nil
	}
	before, made, err := d.updateProblem(ctx, id, func(_ context.Context, p problem.Problem) (problemDecision, error) {
		p.ID = id
		next, changed := p.PutDraft(c)
		if home := job.PoolOf(pool); pool != "" && next.Pool != home {
			next.Pool, changed = home, true
		}
		return problemDecision{granted, next, changed}, nil
	})
	if err != nil {
		return Drafted{}, Answer{}, err
	}
	drafted := Drafted{Problem: made.after, New: before.Revision == 0}
	if c.Testdata != (job.Artifact{}) {
		up, err := d.URLs.DraftURL(ctx, testdataKey(id, c.Testdata.SHA256), c.Testdata)
		if err != nil {
			return Drafted{}, Answer{}, err
		}
		drafted.Upload = &up
	}
	return drafted, granted, nil
}

// Publish makes a problem's draft its current version and reports whether that
// changed anything. Test data is kept for good before a version has it: a failure
// in the middle leaves bytes, never a version without them. Refused with ProblemNotFound, UploadMissing,
// UploadMismatch or InvalidTestdata.
func (d *Dispatcher) Publish(ctx context.Context, id int) (p problem.Problem, changed bool, answer Answer, err error) {
	before, made, err := d.updateProblem(ctx, id, func(ctx context.Context, p problem.Problem) (problemDecision, error) {
		if p.Revision == 0 {
			return problemDecision{Answer: Answer{Outcome: ProblemNotFound}}, nil
		}
		next, changed := p.Publish()
		if changed && (next.Current.Testdata != (job.Artifact{}) || next.Current.Rules.Checker.IsProgram()) {
			answer, err := d.testdataUploaded(ctx, id, next.Current)
			if err != nil || !answer.OK() {
				return problemDecision{Answer: answer, after: p}, err
			}
		}
		return problemDecision{granted, next, changed}, nil
	})
	return made.after, made.OK() && made.after.Version != before.Version, made.Answer, err
}

// Problem reads a problem. Refused with ProblemNotFound.
func (d *Dispatcher) Problem(ctx context.Context, id int) (problem.Problem, Answer, error) {
	p, found, err := d.Store.Problem(ctx, id)
	if err == nil && !found {
		return problem.Problem{}, Answer{Outcome: ProblemNotFound}, nil
	}
	return p, granted, err
}

// ProblemVersion reads a version that was published, and where its test data can
// be had; the zero Download if it has none. Refused with VersionNotFound.
func (d *Dispatcher) ProblemVersion(ctx context.Context, id, number int) (c problem.Content, testdata Download, answer Answer, err error) {
	c, found, err := d.Store.ProblemVersion(ctx, id, number)
	switch {
	case err != nil:
		return problem.Content{}, Download{}, Answer{}, err
	case !found:
		return problem.Content{}, Download{}, Answer{Outcome: VersionNotFound}, nil
	case c.Testdata == (job.Artifact{}):
		return c, Download{}, granted, nil
	}
	testdata, answer, err = d.download(ctx, testdataKey(id, c.Testdata.SHA256), testdataName(id), c.Testdata)
	return c, testdata, answer, err
}

// problemDecision is the full answer to a request about a problem, and what is
// to be written for it.
type problemDecision struct {
	Answer
	after problem.Problem
	write bool
}

// updateProblem is update for problems; a problem that does not exist yet has
// Revision 0.
func (d *Dispatcher) updateProblem(ctx context.Context, id int, decide func(context.Context, problem.Problem) (problemDecision, error)) (before problem.Problem, made problemDecision, err error) {
	before, _, err = d.Store.Problem(ctx, id)
	if err != nil {
		return before, made, err
	}
	for range 1 + maxConflicts {
		made, err := decide(ctx, before)
		if err != nil || !made.write {
			return before, made, err
		}
		after := &made.after
		after.Revision = before.Revision + 1
		if after.WriteID, err = d.writeID(); err != nil {
			return before, made, err
		}
		current, saved, err := d.Store.SaveProblem(ctx, before, *after)
		if err != nil || saved {
			return before, made, err
		}
		before = current
	}
	return before, made, fmt.Errorf("update problem: %w", errContended)
}
