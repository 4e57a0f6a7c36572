package bridge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"runlease/shared/bridge/journal"
	"runlease/shared/language"
	"runlease/shared/producer"
	"runlease/shared/trace"
)

// The states of a job in runlease that matter here.
const (
	jobCreated   = "created"
	jobQueued    = "queued"
	jobFinished  = "finished"
	jobCancelled = "cancelled"
)

// job is what the bridge reads of a job.
type job struct {
	ID         string           `json:"submissionId"`
	State      string           `json:"state"`
	Generation int              `json:"generation"`
	Reason     *string          `json:"reason"`
	Outputs    string           `json:"outputs"` // stored, missing, none
	Tasks      []judgedTask     `json:"tasks"`   // null: the system's verdict
	Upload     *producer.Upload `json:"upload"`
}

// maxNames is how many jobs one submission may have: one for each different code
// that came under its id.
const maxNames = 100

// handIn hands a submission in to runlease, after its problem. A submission that comes
// again is the next generation of its job.
func (b *Bridge) handIn(ctx context.Context, s journal.Submission) error {
	// Normal-OJ has these languages too; the others have other numbers there.
	if s.Language < language.C || s.Language > language.Python3 {
		return b.end(s, "JE", fmt.Sprintf("no runner judges language %d", s.Language))
	}
	// A rejudge is often for the sake of a problem that has just been changed: it
	// needs a problem that was looked at since. For the rest a recent look will do.
	since := s.ReceivedAt
	switch {
	case s.Again > 0:
		since = s.ChangedAt
	case s.Round == 1:
		since = since.Add(-b.Pace.Problem)
	}
	p, fresh := b.problem(ctx, s.Problem, since, s.ID)
	switch {
	case !fresh:
		return nil
	case p.Fault != "":
		return b.end(s, "JE", p.Fault)
	case s.Kept && s.Checksum == p.Checksum:
		return b.advance(s, func(s *journal.Submission) { s.State, s.Kept = journal.Judged, false })
	}
	for n := range maxNames {
		id := s.JobID()
		if n > 0 { // another code has it
			id = fmt.Sprintf("%s-%d", s.ID, n+1)
		}
		j, err := b.queue(ctx, s, id)
		if err == nil {
			return b.advance(s, func(s *journal.Submission) {
				s.State, s.Job, s.Generation, s.Checksum, s.Kept = journal.Handed, id, j.Generation, p.Checksum, false
			})
		}
		refusal, is := errors.AsType[*producer.Refusal](err)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a disk that failed, or a folder that was put back in part
			return b.end(s, "JE", "the bridge has lost the code: rejudge the submission")
		case is && refusal.Code == "job_conflict":
			continue
		case is && refusal.Code == "problem_not_found":
			return errors.Join(err, b.forget(s.Problem))
		case is && refusal.Status == http.StatusUnprocessableEntity:
			return b.end(s, "CE", refusal.Error())
		case is && (refusal.Status == http.StatusBadRequest || refusal.Status == http.StatusRequestEntityTooLarge):
			return b.end(s, "JE", refusal.Error())
		}
		return err
	}
	return b.end(s, "JE", "too many different codes came under this id")
}

// end gives a submission a verdict of the bridge's own.
func (b *Bridge) end(s journal.Submission, status, reason string) error {
	b.Log.Info("a submission is not judged", "submission", s.ID, "verdict", status, "reason", reason)
	return b.advance(s, func(s *journal.Submission) {
		s.State, s.Fault = journal.Judged, &journal.Fault{Status: status, Reason: reason}
	})
}

// queue sees that a job with the submission's code is queued, and returns it with
// the generation whose verdict is still to come. All of it can be repeated.
func (b *Bridge) queue(ctx context.Context, s journal.Submission, id string) (j job, err error) {
	ctx = trace.With(ctx, trace.OfJob(id))
	code, err := b.Journal.Open(s.File)
	if err != nil {
		return j, fmt.Errorf("open the code: %w", err)
	}
	defer func() { _ = code.Close() }()
	create := struct {
		ID       string `json:"submissionId"`
		Problem  int    `json:"problemId"`
		Language int    `json:"language"`
		Code     any    `json:"code"`
	}{id, s.Problem, s.Language, producer.Announced{Size: s.Size, SHA256: s.SHA256}}
	if s.Size <= language.MaxInline {
		zip, err := io.ReadAll(code)
		if err != nil {
			return j, fmt.Errorf("read the code: %w", err)
		}
		create.Code = base64.StdEncoding.EncodeToString(zip)
	}
	if err := b.callRunlease(ctx, http.MethodPost, "/jobs", create, &j); err != nil {
		return j, err
	}
	if j.Upload != nil {
		err := b.askRunlease(ctx, func() error {
			return b.Runlease.Send(ctx, *j.Upload, io.NewSectionReader(code, 0, s.Size), s.Size)
		})
		if err != nil {
			return j, fmt.Errorf("upload the code: %w", err)
		}
	}
	if j.State == jobCreated {
		if err := b.callRunlease(ctx, http.MethodPost, "/jobs/"+id+"/submit", struct{}{}, &j); err != nil {
			return j, err
		}
	}
	if j.State == jobQueued { // new, or not begun: its claim takes the problem as it is then
		return j, nil
	}
	generation := struct {
		Generation int `json:"generation"`
	}{j.Generation}
	err = b.callRunlease(ctx, http.MethodPost, "/jobs/"+id+"/rejudge", generation, &j)
	return j, err
}

// callRunlease is a call that waits while runlease is away.
func (b *Bridge) callRunlease(ctx context.Context, method, path string, body, data any) error {
	return b.askRunlease(ctx, func() error { return b.Runlease.Call(ctx, method, path, body, data) })
}
