package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"runlease/shared/bridge/journal"
	"runlease/shared/judge"
	"runlease/shared/producer"
)

// judgedTask is a task of a job's verdict.
type judgedTask struct {
	Cases []struct {
		Status      judge.Status `json:"status"`
		ExecTime    int64        `json:"execTime"`
		MemoryUsage int64        `json:"memoryUsage"`
		ExitCode    int64        `json:"exitCode"`
		Reason      string       `json:"reason"`
	} `json:"cases"`
}

// reported is a case as the back end wants it. A field that is missing, null or of
// another kind would lose the verdict.
type reported struct {
	ExitCode    int64  `json:"exitCode"`
	Status      string `json:"status"`
	Stdout      string `json:"stdout"`
	Stderr      string `json:"stderr"`
	ExecTime    int64  `json:"execTime"`    // ms
	MemoryUsage int64  `json:"memoryUsage"` // KB
}

// alone is a verdict that the back end accepts for every problem, even if its tasks
// are gone or have changed: it looks at a task's points for AC only.
func alone(status, reason string) [][]reported {
	return [][]reported{{{ExitCode: -1, Status: status, Stderr: text(reason, maxText), ExecTime: -1, MemoryUsage: -1}}}
}

const (
	// maxText bounds stdout, and stderr, of a case, in bytes.
	maxText = 64 << 10
	// maxTexts bounds all of a verdict's. The back end takes 200 MB and grows by it;
	// JSON may make six bytes of one.
	maxTexts = 8 << 20
	// maxNumber is the largest number that the back end is known to keep.
	maxNumber = 1 << 40
)

// text makes a text that the back end can keep: UTF-8, cut after most bytes, with a
// note if it is cut.
func text(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "\n[cut here]"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func bounded(n int64) int64 { return max(-1, min(n, maxNumber)) }

// errMoved means that the submission has gone another way than to the back end.
var errMoved = ownError{errors.New("there is no verdict to send")}

// verdict makes what is reported for a submission; errMoved: it was put elsewhere.
func (b *Bridge) verdict(ctx context.Context, s journal.Submission) ([][]reported, error) {
	if s.Fault != nil {
		return alone(s.Fault.Status, s.Fault.Reason), nil
	}
	var j job
	err := b.callRunlease(ctx, http.MethodGet, "/jobs/"+s.JobID(), nil, &j)
	refusal, is := errors.AsType[*producer.Refusal](err)
	switch {
	case is && refusal.Status == http.StatusNotFound, err == nil && j.Generation < s.Generation:
		return nil, b.moved(s, journal.Received) // runlease has lost it
	case err != nil:
		return nil, err
	case j.State != jobFinished && j.State != jobCancelled:
		return nil, b.moved(s, journal.Handed) // somebody else had it judged again
	case len(j.Tasks) == 0:
		reason := "the job was cancelled"
		if j.Reason != nil {
			reason = *j.Reason
		}
		return alone(judge.JE.String(), reason), nil
	}
	cases := 0
	for _, t := range j.Tasks {
		cases += len(t.Cases)
	}
	most := min(maxText, maxTexts/max(1, 2*cases))
	tasks := make([][]reported, len(j.Tasks))
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(readers)
	for i, t := range j.Tasks {
		tasks[i] = make([]reported, len(t.Cases))
		for k := range t.Cases {
			reading.Go(func() (err error) {
				tasks[i][k], err = b.report(ctx, s, j, i, k, most)
				return err
			})
		}
	}
	return tasks, reading.Wait()
}

// readers is how many outputs of one verdict are read at once.
const readers = 8

// report makes the report of a case, with at most most bytes of each text.
func (b *Bridge) report(ctx context.Context, s journal.Submission, j job, task, number, most int) (reported, error) {
	out, err := b.outputs(ctx, s, j, task, number)
	if err != nil {
		return reported{}, err
	}
	c := j.Tasks[task].Cases[number]
	if strings.TrimSpace(out.Stderr) == "" && c.Reason != "" {
		out.Stderr = c.Reason
	}
	status := c.Status.String()
	if _, known := judge.ParseStatus(status); !known { // of a newer runlease
		status = judge.JE.String()
	}
	return reported{
		ExitCode: bounded(c.ExitCode), Status: status,
		Stdout: text(out.Stdout, most), Stderr: text(out.Stderr, most),
		ExecTime: bounded(c.ExecTime), MemoryUsage: bounded(c.MemoryUsage),
	}, nil
}

// moved puts a submission back, and is errMoved if that worked.
func (b *Bridge) moved(s journal.Submission, to journal.State) error {
	if err := b.advance(s, func(s *journal.Submission) { s.State = to }); err != nil {
		return err
	}
	return errMoved
}

type outputs struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
}

// outputsWait is how long a verdict waits for outputs that runlease fails to read.
const outputsWait = 10 * time.Minute

// outputs are what a case has written, or why that is not known.
func (b *Bridge) outputs(ctx context.Context, s journal.Submission, j job, task, number int) (out outputs, err error) {
	switch j.Outputs {
	case "missing":
		return outputs{Stderr: "[the outputs were not stored]"}, nil
	case "none":
		return outputs{}, nil
	}
	err = b.callRunlease(ctx, http.MethodGet, fmt.Sprintf("/jobs/%s/outputs?task=%d&case=%d", s.JobID(), task, number), nil, &out)
	refusal, is := errors.AsType[*producer.Refusal](err)
	if is && (refusal.Status == http.StatusNotFound || refusal.Status >= http.StatusInternalServerError && time.Since(s.ChangedAt) > outputsWait) {
		return outputs{Stderr: "[the outputs cannot be read: " + refusal.Message + "]"}, nil
	}
	return out, err
}

// encode makes the body of a verdict.
func (b *Bridge) encode(tasks [][]reported) ([]byte, error) {
	var body bytes.Buffer
	to := json.NewEncoder(&body)
	to.SetEscapeHTML(false)
	err := to.Encode(struct {
		Tasks [][]reported `json:"tasks"`
		Token string       `json:"token"`
	}{tasks, b.BackEnd.Token})
	return body.Bytes(), err
}
