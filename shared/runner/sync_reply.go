package runner

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errNoAnswer = errors.New("the reply does not answer this item")

// handle does what a reply says, and returns the jobs that it brought.
func (s *syncLoop) handle(ctx context.Context, e *exchange) []claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.main, s.beating = s.main && !e.main, s.beating && e.main
	if e.err != nil {
		s.handleFailure(ctx, e, now)
		return nil
	}
	if e.main && s.failed > 0 {
		s.r.Log.InfoContext(ctx, "server is back", slog.Int("failed", s.failed))
		s.failed = 0
	}
	s.handleResults(e, now)
	s.handleHeartbeats(e)
	if e.slots > 0 {
		s.handleBarred(ctx, e.reply.Barred)
		wait := jittered(pollInterval(e.reply.PollSeconds))
		if len(e.reply.Jobs) == 0 {
			wait = max(wait, leastPoll)
			if e.rung {
				wait = min(wait, jittered(lookAgain))
			}
		}
		s.askAt = now.Add(max(s.sit(e, wait), s.r.faultPause()))
	}
	if n := len(e.reply.Jobs); n > e.slots {
		s.r.Log.ErrorContext(ctx, "the server gave more jobs than were asked for", slog.Int("jobs", n), slog.Int("slots", e.slots))
		return e.reply.Jobs[:e.slots]
	}
	return e.reply.Jobs
}

// bars tells, by why a runner gets no jobs, what it waits for.
var bars = map[string]string{
	"runner_paused":      "an operator has paused it, and will resume it",
	"runner_draining":    "an operator drains it: its machine may go now",
	"runner_quarantined": "too many of its attempts ended badly; now and then it gets one job, whose result lets it back, or an operator releases it",
	"runner_silent":      "the server has not heard of the jobs that it holds",
}

const runnerRetired = "runner_retired"

// handleBarred tells once why the server gives this runner no jobs, and ends it if
// that is for ever.
func (s *syncLoop) handleBarred(ctx context.Context, why string) {
	if why == s.barred {
		return
	}
	switch s.barred = why; why {
	case "":
		s.r.Log.InfoContext(ctx, "the server gives this runner jobs again")
	case runnerRetired:
		s.r.Log.WarnContext(ctx, "this runner is retired for ever: ending. Start one under another name")
		s.r.takeNoMore()
		close(s.r.retired)
	default:
		s.r.Log.WarnContext(ctx, "the server gives this runner no jobs", slog.String("why", why), slog.String("meaning", bars[why]))
	}
}

func (s *syncLoop) handleResults(e *exchange, now time.Time) {
	for _, w := range e.results {
		err := errNoAnswer
		for _, d := range e.reply.Done {
			if d.ID == w.j.claim.ID {
				err = &replyError{Code: d.Code, Message: d.Message}
			}
		}
		if react(err) != again {
			s.answer(w, err)
			continue
		}
		s.r.occupy(w.j, true) // where results are not taken, no more are made
		s.putOff(w, now.Add(pause(w.failed, err)), err)
		w.failed++
	}
}

func (s *syncLoop) handleHeartbeats(e *exchange) {
	for _, j := range e.jobs {
		l := s.leases[j]
		if l == nil {
			continue // it ended meanwhile
		}
		for _, a := range e.reply.Active {
			switch {
			case a.ID != j.claim.ID:
			case a.Action == "lost":
				l.lost = true
				j.stop(errLost)
			default:
				if a.Action == "cancel" {
					j.stop(errCancelled)
				}
				l.extended(e.began)
			}
		}
	}
}

// handleFailure deals with a call that was not answered, or refused as a whole.
func (s *syncLoop) handleFailure(ctx context.Context, e *exchange, now time.Time) {
	for _, j := range e.jobs {
		if l := s.leases[j]; l != nil {
			l.soon = now // the next call takes it along
		}
	}
	wait := time.Duration(0)
	if e.main {
		wait = pause(s.failed, e.err)
		s.failed++
		s.pauseUntil = now.Add(wait)
	}
	s.r.Log.WarnContext(ctx, "sync failed", slog.Any("error", e.err), slog.Int64("wait_ms", wait.Milliseconds()),
		slog.Int("results", len(e.results)), slog.Int("heartbeats", len(e.jobs)))
	if e.slots > 0 { // whether for a ring or not
		s.askAt = now
	}
	refusedIt, large := refusedBody(e.err)
	for _, w := range e.results {
		switch then := react(e.err); {
		case large, refusedIt && e.size > safeBody: // the same, if it is a firewall
			s.answer(w, errSeparately)
		case then == again || then == refused:
			s.putOff(w, s.pauseUntil, e.err)
		default: // one of them is too much, or a fault of ours: on its own, it has an answer
			s.answer(w, errSeparately)
		}
	}
}
