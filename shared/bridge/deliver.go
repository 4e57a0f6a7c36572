package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"runlease/shared/bridge/backend"
	"runlease/shared/bridge/journal"
	"runlease/shared/judge"
)

const (
	// maxAgain is how often a submission is judged again because its problem has
	// another number of tasks by now.
	maxAgain = 3
	// maxBadRequests is how often a verdict is repeated that the back end calls
	// malformed.
	maxBadRequests = 3
)

var errComing = errors.New("it is just coming again")

// deliver sends a verdict, one at a time: of results that come at the same moment the
// back end loses some when it counts, and two of one submission it counts twice.
func (b *Bridge) deliver(ctx context.Context, s journal.Submission) error {
	tasks, err := b.verdict(ctx, s)
	if errors.Is(err, errMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	b.sending.Lock()
	defer b.sending.Unlock()
	sent, free := b.fence.send(s.ID)
	if !free {
		return errComing
	}
	defer sent()
	if current, _, err := b.Journal.Submission(s.ID); err != nil || current.Round != s.Round {
		return err
	}
	if s.Fault == nil {
		if tasks, err = b.shaped(ctx, s, tasks); errors.Is(err, errMoved) {
			return nil
		} else if err != nil {
			return err
		}
	}
	body, err := b.encode(tasks)
	if err != nil {
		return fmt.Errorf("encode the verdict: %w", err)
	}
	err = b.askBackEnd(ctx, func() error {
		call, end := lasting(ctx)
		defer end()
		return b.BackEnd.Complete(call, s.ID, body)
	})
	return b.answered(ctx, s, err)
}

// lastCall is how long a call may still take when the bridge is to end: broken off,
// nobody knows what it did.
const lastCall = 15 * time.Second

// lasting is a context that ends a while after another one.
func lasting(ctx context.Context) (call context.Context, end func()) {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastCall, cancel) })
	return call, func() { stop(); cancel() }
}

// shaped looks at the problem right before its verdict is sent: with an AC for a
// task that the back end does not have any more, it would lose the whole verdict.
// errMoved: the submission is judged again by the problem as it is now.
func (b *Bridge) shaped(ctx context.Context, s journal.Submission, tasks [][]reported) ([][]reported, error) {
	var now []backend.Task
	err := b.askBackEnd(ctx, func() (err error) { now, _, err = b.BackEnd.Meta(ctx, s.Problem); return err })
	switch status := backend.Status(err); {
	case status == http.StatusUnauthorized: // out of its configuration; it takes the verdict all the same
		return tasks, nil
	case status == http.StatusNotFound:
		if err := b.done(ctx, s, "dropped", false, "its problem is gone"); err != nil {
			return nil, err
		}
		return nil, errMoved
	case err != nil:
		return nil, err
	case len(now) == len(tasks) || len(tasks) == 1 && tasks[0][0].Status != judge.AC.String():
		return tasks, nil
	case s.Again >= maxAgain:
		return alone(judge.JE.String(), "the problem changes faster than it can be judged: rejudge the submission"), nil
	}
	b.Log.InfoContext(ctx, "the problem has changed, the submission is judged again", "submission", s.ID, "tasks", len(now), "judgedBy", len(tasks))
	err = b.advance(s, func(s *journal.Submission) { s.State, s.Again = journal.Received, s.Again+1 })
	if err != nil {
		return nil, err
	}
	return nil, errMoved
}

// answered goes by what the back end said to a verdict. It deletes the token before
// it works on the verdict, so after a failure, or an answer that was lost, 403 is the
// end: the verdict is kept, and sent again if the submission is.
func (b *Bridge) answered(ctx context.Context, s journal.Submission, err error) error {
	before := b.failures[s.ID]
	switch status := backend.Status(err); {
	case err == nil:
		return b.done(ctx, s, "accepted", false, "")
	case status == http.StatusForbidden && before.status != 0:
		b.Log.ErrorContext(ctx, "the back end has lost a verdict: a rejudge, possible 300 s after the submission was sent, repairs it", "submission", s.ID, "status", before.status)
		return b.done(ctx, s, "lost", true, "")
	case status == http.StatusForbidden:
		return b.done(ctx, s, "late", true, "the back end has no token for it any more")
	case status == http.StatusNotFound:
		return b.done(ctx, s, "dropped", false, "the back end does not have it any more")
	case status == http.StatusBadRequest && before.status == status && before.times >= maxBadRequests:
		b.Log.ErrorContext(ctx, "the back end calls a verdict malformed: a rejudge, possible 300 s after the submission was sent, sends it again", "submission", s.ID, "error", err)
		return b.done(ctx, s, "lost", true, "")
	case status != 0:
		b.failures[s.ID] = failure{status, before.times + 1}
	}
	return err
}

// failure is what the back end has answered to a verdict before.
type failure struct{ status, times int }

// done ends a round.
func (b *Bridge) done(ctx context.Context, s journal.Submission, outcome string, keep bool, why string) error {
	err := b.advance(s, func(s *journal.Submission) { s.State, s.Kept, s.File = journal.Done, keep, "" })
	if err != nil {
		return err
	}
	delete(b.failures, s.ID)
	b.counts.verdicts.WithLabelValues(outcome).Inc()
	b.Log.InfoContext(ctx, "the verdict was sent", "submission", s.ID, "round", s.Round, "outcome", outcome, "reason", why)
	return nil
}
