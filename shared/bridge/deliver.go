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

var errComing = ownError{errors.New("it is just coming again")}

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
	select {
	case b.sending <- struct{}{}:
		defer func() { <-b.sending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	called := false
	// Both calls pass the gate at once: a wait between them would make the first one old.
	err = b.askBackEnd(ctx, func() error {
		called = false
		if s.Fault == nil {
			if tasks, err = b.shaped(ctx, s, tasks); err != nil {
				return err
			}
		}
		body, err := b.encode(tasks)
		if err != nil {
			return ownError{fmt.Errorf("encode the verdict: %w", err)}
		}
		// Not before: a submission that comes again waits for a call, not for a back end that is away.
		sent, free := b.fence.send(s.ID)
		if !free {
			return errComing
		}
		defer sent()
		if current, _, err := b.Journal.Submission(s.ID); err != nil {
			return ownError{err}
		} else if current.Round != s.Round {
			return errMoved
		}
		call, end := lasting(ctx)
		defer end()
		called = true
		return b.BackEnd.Complete(call, s.ID, body)
	})
	switch {
	case called:
		return b.answered(ctx, s, err)
	case errors.Is(err, errMoved):
		return nil
	}
	return err
}

// lastCall is how long a call may still take when the bridge ends: the effect of a
// call that is broken off is unknown.
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
	now, _, err := b.BackEnd.Meta(ctx, s.Problem)
	switch status := backend.Status(err); {
	case status == http.StatusUnauthorized: // out of its configuration; it takes the verdict anyway
		return tasks, nil
	case status == http.StatusNotFound:
		if err := b.done(ctx, s, "dropped", false, "its problem is gone"); err != nil {
			return nil, ownError{err}
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
		return nil, ownError{err}
	}
	return nil, errMoved
}

// answered acts on the back end's reply to a verdict. It deletes the token before
// it works on the verdict, so after a failure, or an answer that was lost, 403 is the
// end: the verdict is kept, and sent again if the submission is.
func (b *Bridge) answered(ctx context.Context, s journal.Submission, err error) error {
	before := b.failures[s.ID]
	if before.round != s.Round {
		before = failure{round: s.Round}
	}
	switch status := backend.Status(err); {
	case err == nil:
		return b.done(ctx, s, "accepted", false, "")
	case status == http.StatusForbidden && before.status != 0:
		b.Log.ErrorContext(ctx, "the back end has lost a verdict: a rejudge, possible 300 s after the submission was sent, repairs it", "submission", s.ID, "status", before.status)
		return b.done(ctx, s, "lost", true, "")
	case status == http.StatusForbidden:
		b.Log.WarnContext(ctx, "the back end has no token for a verdict: it has had another one, its answer to this one was lost, or it has lost it; if the submission is still pending, a rejudge repairs it", "submission", s.ID)
		return b.done(ctx, s, "late", true, "the back end has no token for it any more")
	case status == http.StatusNotFound:
		return b.done(ctx, s, "dropped", false, "the back end does not have it any more")
	case status == http.StatusBadRequest && before.status == status && before.times >= maxBadRequests:
		b.Log.ErrorContext(ctx, "the back end calls a verdict malformed: a rejudge, possible 300 s after the submission was sent, sends it again", "submission", s.ID, "error", err)
		return b.done(ctx, s, "lost", true, "")
	case status != 0:
		b.failures[s.ID] = failure{s.Round, status, before.times + 1}
	}
	return err
}

// failure is what the back end has answered to a verdict of a round before.
type failure struct{ round, status, times int }

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
