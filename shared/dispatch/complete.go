package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/roster"
)

// CompleteRequest reports a result.
type CompleteRequest struct {
	ID        string
	Runner    string
	TokenHash string
	Tasks     []byte       // JSON: a list per task of a list of cases
	Outputs   job.Artifact // uploaded before; the zero Artifact: the outputs are in Tasks
}

// Complete accepts the result of the current claim: its outputs are stored,
// unless they are small enough to go with the verdict, then the verdict is
// written, then the message is deleted. Refused with
// NotFound, NotClaimed, InvalidToken, InvalidResult, OutputsMismatch,
// ResultConflict or JobCancelled.
func (d *Dispatcher) Complete(ctx context.Context, r CompleteRequest) (Answer, error) {
	var spent handles
	answer, err := d.complete(ctx, r, d.update, &spent)
	d.deleteSpent(ctx, spent)
	return answer, err
}

// complete is Complete up to the write. It adds the handle of the message that is
// left to be deleted, if there is one.
func (d *Dispatcher) complete(ctx context.Context, r CompleteRequest, update updater, spent *handles) (Answer, error) {
	d.heardOf(r.Runner, r.ID, (*roster.Conduct).Heard)
	c, err := update(ctx, r.ID, (&completion{d: d, r: r}).decide)
	if err != nil {
		return Answer{}, err
	}
	if c.after.Final() { // a job that was final before has no handle
		spent.add(c.before.Pool, c.before.Claim.Handle)
	}
	finished := c.write && c.after.State == job.Finished && c.before.State != job.Finished
	if finished && d.Roster != nil {
		at := c.after.EndedAt
		d.conduct.change(r.Runner, func(known *roster.Conduct) { known.Finished(at) })
	}
	if finished && c.after.Result.Status == job.StatusJE {
		d.Log.WarnContext(ctx, "job judged JE", "job_id", r.ID, "problem", c.after.Problem, "runner", r.Runner, "reason", c.after.Result.Message)
	}
	return c.Answer, nil
}

// completion is a report while it is decided. It keeps what it has done, so that
// a conflict neither judges nor stores again.
type completion struct {
	d      *Dispatcher
	r      CompleteRequest
	judged map[int]judgement // by version of the problem
	stored storedOutputs
}

func (c *completion) decide(ctx context.Context, j job.Job) (decision, error) {
	standing := j.Stand(c.r.Runner, c.r.TokenHash)
	op := job.CompleteOp{Now: c.d.now(), Runner: c.r.Runner, TokenHash: c.r.TokenHash}
	if standing.ProblemVersion == 0 {
		return decided(op.Apply(j)), nil
	}
	// Its result is judged, whichever runner made the attempt, by the version that
	// it was made for: a late one is evidence only if it is a legal result.
	result, err := c.judgeOnce(ctx, j.Problem, standing.ProblemVersion)
	switch {
	case err != nil:
		return decision{}, err
	case result.fault != nil && standing.Outcome != job.OK:
		return refused(j, Answer{Outcome: standing.Outcome}), nil
	case result.fault != nil:
		return refused(j, Answer{Outcome: InvalidResult, Detail: result.fault.Error()}), nil
	}
	op.Result = result.result
	if standing.Outcome == job.OK && !standing.Accepted && !j.CancelRequested {
		op.Result.Outputs, op.Result.Packed = c.storeOutputs(ctx, standing, result.cases)
		if c.stored.mismatch {
			return refused(j, Answer{Outcome: OutputsMismatch}), nil
		}
		if failure, failed := judge.FirstFailure(result.cases); failed && op.Result.Packed == nil {
			op.Result.Message = failure.Message
		}
	}
	return decided(op.Apply(j)), nil
}

// judgeOnce judges the report by a version of the problem, unless it has.
func (c *completion) judgeOnce(ctx context.Context, problem, version int) (judgement, error) {
	if result, known := c.judged[version]; known {
		return result, nil
	}
	result, err := c.d.judge(ctx, problem, version, c.r)
	if err != nil {
		return judgement{}, err
	}
	if c.judged == nil {
		c.judged = map[int]judgement{}
	}
	c.judged[version] = result
	return result, nil
}

// judgement is what a reported result comes to by one version of its problem.
type judgement struct {
	fault  *judge.Fault // it is not legal
	cases  [][]judge.Case
	result job.Result
}

// judge reads and judges a reported result.
func (d *Dispatcher) judge(ctx context.Context, problem, version int, r CompleteRequest) (judgement, error) {
	content, err := d.version(ctx, problem, version)
	if err != nil {
		return judgement{}, err
	}
	cases, err := judge.Parse(content.Tasks, r.Tasks)
	var verdict judge.Verdict
	if err == nil {
		verdict, err = judge.Judge(content.Tasks, cases)
	}
	var fault *judge.Fault
	if errors.As(err, &fault) {
		return judgement{fault: fault}, nil
	}
	if err != nil {
		return judgement{}, err
	}
	sent, err := digestOf(cases, r.Outputs)
	if err != nil {
		return judgement{}, err
	}
	return judgement{cases: cases, result: job.Result{
		Status:      int(verdict.Status),
		Score:       verdict.Score,
		RunTime:     verdict.ExecTime,
		MemoryUsage: verdict.MemoryUsage,
		Tasks:       verdict.Record(),
		Digest:      sent,
	}}, nil
}

// digestOf all that was sent tells a repetition from another result. It stays as
// it is from one version of the code to the next: a result may be repeated to
// a later version than the one it was accepted by.
func digestOf(cases [][]judge.Case, outputs job.Artifact) (string, error) {
	sent, err := json.Marshal(struct {
		Cases   [][]judge.Case
		Outputs job.Artifact
	}{cases, outputs})
	if err != nil {
		return "", fmt.Errorf("digest result: %w", err)
	}
	return digest(sent), nil
}
