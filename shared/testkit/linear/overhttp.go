package linear

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"

	"runlease/shared/testkit/wire"
)

// HTTP is the API as a System, over the wire. A Sweep has no route: it is
// started beside it.
type HTTP struct {
	Client wire.Client
	Sweep  func(context.Context) Output
}

// reply is what is read of every reply.
type reply struct {
	Code string
	Data struct {
		Token                         string
		Action                        string
		State                         string
		Attempt, Generation, Failures int
		CancelRequested               bool
		Status                        int
		Holder                        *struct {
			Runner  string
			Expired bool
		}
	}
}

// Do makes one request. A 5xx, or no reply, leaves the outcome unknown.
func (h HTTP) Do(ctx context.Context, in Input) Output {
	job := "/jobs/" + in.Job
	switch in.Op {
	case Create:
		status, r := h.call(ctx, in, "POST", "/jobs", map[string]any{
			"submissionId": in.Job, "problemId": Problem, "language": 1, "code": base64.StdEncoding.EncodeToString(zip),
		})
		return Output{Code: r.Code, New: status == http.StatusCreated}
	case Claim:
		_, r := h.call(ctx, in, "POST", "/runner"+job+"/claim", map[string]any{"leaseSeconds": LeaseSeconds})
		return Output{Code: r.Code, Token: r.Data.Token, View: View{Attempt: r.Data.Attempt, Generation: r.Data.Generation}}
	case Heartbeat:
		_, r := h.call(ctx, in, "POST", "/runner/heartbeat", map[string]any{"submissionId": in.Job})
		return Output{Code: r.Code, Action: r.Data.Action}
	case Complete:
		_, r := h.call(ctx, in, "PUT", "/runner"+job+"/complete", map[string]any{"token": in.Token, "tasks": result(in.Status)})
		return Output{Code: r.Code}
	case Release:
		_, r := h.call(ctx, in, "POST", "/runner"+job+"/release", map[string]any{"token": in.Token, "reason": in.Reason})
		return Output{Code: r.Code}
	case Cancel:
		return h.view(h.call(ctx, in, "POST", job+"/cancel", nil))
	case Rejudge:
		return h.view(h.call(ctx, in, "POST", job+"/rejudge", map[string]any{"generation": in.Generation}))
	case Get:
		return h.view(h.call(ctx, in, "GET", job, nil))
	case Sweep:
		return h.Sweep(ctx)
	default: // time passes by itself, not by a request
		return Output{Code: "no such operation"}
	}
}

// Publish makes the problem of all jobs.
func (h HTTP) Publish(ctx context.Context) error {
	path := fmt.Sprintf("/problems/%d", Problem)
	tasks := []map[string]int{{"taskScore": 100, "caseCount": 1, "memoryLimit": 65536, "timeLimit": 1000}}
	if status, r := h.call(ctx, Input{}, "PUT", path, map[string]any{"tasks": tasks}); r.Code != OK {
		return fmt.Errorf("put the problem: %d %s", status, r.Code)
	}
	if status, r := h.call(ctx, Input{}, "POST", path+"/publish", nil); r.Code != OK {
		return fmt.Errorf("publish the problem: %d %s", status, r.Code)
	}
	return nil
}

func (h HTTP) view(_ int, r reply) Output {
	if r.Code != OK {
		return Output{Code: r.Code}
	}
	d := r.Data
	v := View{State: d.State, Attempt: d.Attempt, Generation: d.Generation, Failures: d.Failures, Asked: d.CancelRequested, Status: d.Status}
	if d.Holder != nil {
		v.Holder, v.Silent = d.Holder.Runner, d.Holder.Expired
	}
	return Output{Code: OK, View: v}
}

// call makes a request as the runner that it names, or else as the producer.
func (h HTTP) call(ctx context.Context, in Input, method, path string, body any) (int, reply) {
	as, headers := "", []string{}
	switch in.Op {
	case Claim, Heartbeat, Complete, Release:
		as = in.Runner
		if in.Op == Heartbeat {
			headers = []string{"X-Claim-Token", in.Token}
		}
	default: // the producer asks
	}
	got, err := h.Client.Do(ctx, method, path, as, body, headers...)
	var r reply
	if err != nil || got.Status >= 500 || got.Into(&r) != nil {
		return got.Status, reply{}
	}
	if got.Status < 300 {
		r.Code = OK
	}
	return got.Status, r
}
