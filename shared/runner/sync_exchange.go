package runner

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// exchange is one call.
type exchange struct {
	main    bool
	began   time.Time
	timeout time.Duration
	slots   int
	seat    int64 // named if slots are
	line    int   // of the doorbell, when the call began
	rung    bool  // it follows a ring
	results []*waiting
	size    int // of the results, in bytes
	jobs    []*job
	named   map[string]bool // ids: of one job, one item
	look    time.Time       // if no call is made: when to look again
	reply   syncReply
	err     error
}

// name reports whether the call may have an item of a job.
func (e *exchange) name(j *job) bool {
	known := e.named[j.claim.ID]
	e.named[j.claim.ID] = true
	return !known
}

func (e *exchange) lookAt(at time.Time) {
	if at.Before(e.look) {
		e.look = at
	}
}

// exchange makes a call.
func (s *syncLoop) exchange(ctx context.Context, e *exchange) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	say := s.r.nothing()
	say.Slots, say.Seat, say.Rung = e.slots, e.seat, e.rung
	for _, w := range e.results {
		say.Done = append(say.Done, w.body)
	}
	for _, j := range e.jobs {
		say.Active = append(say.Active, active{j.claim.ID, j.claim.Token})
	}
	if len(e.named) == 1 { // of several, the call is about none alone
		for id := range e.named {
			ctx = of(ctx, id)
		}
	}
	e.reply, e.err = s.r.Client.sync(ctx, say)
}

// nothing is a sync that reports nothing and asks for nothing.
func (r *Runner) nothing() syncRequest {
	return syncRequest{LeaseSeconds: int(r.Lease.Seconds()), Done: []json.RawMessage{}, Active: []active{}}
}

const (
	// A stranger is believed that there is no sync after this many such replies in a
	// row, and if the server itself answers a list.
	strangersToAsk = 3
	askTimeout     = 5 * time.Second
)

// hasNoSync reports whether the server has no sync, as the reply to a call shows.
func (s *syncLoop) hasNoSync(ctx context.Context, e *exchange) bool {
	unknown, unsure := unknownRoute(e.err)
	if s.strangers++; !unsure {
		s.strangers = 0
	}
	if !unknown || s.strangers%strangersToAsk != 0 {
		return false
	}
	if unsure {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		if _, err := s.r.Client.list(ctx, 1); err != nil {
			return false
		}
	}
	s.r.Log.InfoContext(ctx, "the server has no sync: a call for each thing from now on", slog.Any("error", e.err))
	s.noSync.Store(true)
	return true
}
