package linear

import (
	"context"
	"encoding/json"
	"fmt"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	domain "runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
	"runlease/shared/testkit/zips"
)

// Problem is the problem of every job: one task of one case.
const Problem = 1

// Dispatcher is the use cases as a System, without HTTP.
type Dispatcher struct{ *dispatch.Dispatcher }

// Publish makes the problem of all jobs.
func (d Dispatcher) Publish(ctx context.Context) error {
	content := problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}}}
	if _, _, err := d.PutProblem(ctx, Problem, content, ""); err != nil {
		return err
	}
	if _, _, answer, err := d.Dispatcher.Publish(ctx, Problem); err != nil || !answer.OK() {
		return fmt.Errorf("publish the problem: %s, %w", answer.Outcome, err)
	}
	return nil
}

var zip = zips.Code("")

// Do runs one use case. An error leaves the outcome unknown.
func (d Dispatcher) Do(ctx context.Context, in Input) Output {
	var out Output
	var answer dispatch.Answer
	var j domain.Job
	var err error
	switch in.Op {
	case Create:
		var created dispatch.Created
		created, answer, err = d.Create(ctx, dispatch.CreateRequest{Inline: zip, CreateOp: domain.CreateOp{
			ID: in.Job, Problem: Problem, Language: domain.CPP,
			Code: domain.Artifact{Size: int64(len(zip)), SHA256: auth.Hash(string(zip))},
		}})
		out.New = created.New
	case Claim:
		var c dispatch.Claimed
		c, answer, err = d.Claim(ctx, dispatch.ClaimRequest{ID: in.Job, Runner: in.Runner, LeaseSeconds: new(LeaseSeconds)})
		out.Token, out.View.Attempt, out.View.Generation = c.Token, c.Job.Attempt, c.Job.Generation
	case Heartbeat:
		var action dispatch.Action
		action, answer, err = d.Heartbeat(ctx, in.Job, in.Runner, hash(in.Token))
		out.Action = string(action)
	case Complete:
		answer, err = d.Complete(ctx, dispatch.CompleteRequest{
			ID: in.Job, Runner: in.Runner, TokenHash: hash(in.Token), Tasks: result(in.Status),
		})
	case Release:
		answer, err = d.Release(ctx, in.Job, in.Runner, hash(in.Token), domain.Reason(in.Reason), "")
	case Cancel:
		j, answer, err = d.Cancel(ctx, in.Job)
	case Rejudge:
		j, answer, err = d.Rejudge(ctx, in.Job, in.Generation, "")
	case Get:
		j, answer, err = d.Get(ctx, in.Job)
	case Sweep:
		return d.sweep(ctx)
	default:
		return Output{Code: "no such operation"}
	}
	if err != nil {
		return Output{Code: Unknown}
	}
	out.Code = string(answer.Outcome)
	if !answer.OK() {
		return Output{Code: out.Code}
	}
	if j.ID != "" {
		out.View = d.view(j)
	}
	return out
}

// sweep is known to have done its work if it left nothing undone.
func (d Dispatcher) sweep(ctx context.Context) Output {
	if swept, err := d.Sweep(ctx); err != nil || swept.Failed > 0 {
		return Output{Code: Perhaps}
	}
	return Output{Code: OK}
}

func (d Dispatcher) view(j domain.Job) View {
	v := View{
		State: string(j.State), Attempt: j.Attempt, Generation: j.Generation, Failures: j.Failures,
		Holder: j.Claim.Runner, Silent: j.LeaseExpired(domain.At(d.Now())), Asked: j.CancelRequested, Status: Pending,
	}
	if j.Result != nil {
		v.Status = j.Result.Status
	}
	return v
}

func hash(token string) string {
	if token == "" {
		return ""
	}
	return auth.Hash(token)
}

// result is the one case of the one task, as a runner reports it.
func result(status int) json.RawMessage {
	word := "AC"
	if status == 1 {
		word = "WA"
	}
	return json.RawMessage(`[[{"exitCode":0,"status":"` + word + `","stdout":"","stderr":"","execTime":1,"memoryUsage":1}]]`)
}
