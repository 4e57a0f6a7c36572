package linear

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// HTTP is the API as a System, over the wire. A Sweep has no route: it is
// started beside it.
type HTTP struct {
	URL, RunnerToken, ProducerToken string
	Client                          *http.Client
	Sweep                           func(context.Context) Output
}

// wire is what is read of every reply.
type wire struct {
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

func (h HTTP) view(_ int, r wire) Output {
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
func (h HTTP) call(ctx context.Context, in Input, method, path string, body any) (int, wire) {
	var unknown wire
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return 0, unknown
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, h.URL+path, sent)
	if err != nil {
		return 0, unknown
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	switch in.Op {
	case Claim, Heartbeat, Complete, Release:
		request.Header.Set("X-Runner-Token", h.RunnerToken)
		request.Header.Set("X-Runner-Name", in.Runner)
		if in.Op == Heartbeat && in.Token != "" {
			request.Header.Set("X-Claim-Token", in.Token)
		}
	default:
		request.Header.Set("Authorization", "Bearer "+h.ProducerToken)
	}
	response, err := h.Client.Do(request)
	if err != nil {
		return 0, unknown
	}
	defer response.Body.Close()
	var r wire
	if err := json.NewDecoder(response.Body).Decode(&r); err != nil || response.StatusCode >= 500 {
		return response.StatusCode, unknown
	}
	if response.StatusCode < 300 {
		r.Code = OK
	}
	return response.StatusCode, r
}
