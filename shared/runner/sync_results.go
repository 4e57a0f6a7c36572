package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"runlease/shared/runner/spool"
)

// waiting is a result that waits to be sent, or for its answer.
type waiting struct {
	j      *job
	body   json.RawMessage // a done
	since  time.Time
	at     time.Time // not before
	failed int
	answer chan error // room for one
}

// errSeparately means that a result must be delivered by a call for it alone.
var errSeparately = errors.New("not by sync")

// deliver hands a result to the loop and waits for its answer. The job's slot
// is free meanwhile: the call that has the result fills it.
func (s *syncLoop) deliver(ctx context.Context, j *job, res spool.Result) error {
	body, err := json.Marshal(done{res.JobID, complete{Token: res.Token, Tasks: res.Tasks}})
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if len(body) > maxInline || res.Packed != "" {
		return s.r.Client.deliver(ctx, res, resultPatience)
	}
	now := time.Now()
	w := &waiting{j: j, body: body, since: now, at: now, answer: make(chan error, 1)}
	s.mu.Lock()
	s.results = append(s.results, w)
	s.mu.Unlock()
	s.r.occupy(j, false)
	select {
	case err := <-w.answer:
		if !errors.Is(err, errSeparately) {
			return err
		}
	case <-s.ended:
		if !s.noSync.Load() {
			return cmp.Or(context.Cause(ctx), errRefused)
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.r.occupy(j, true)
	return s.r.Client.deliver(ctx, res, resultPatience)
}

// putOff sends a result again at a moment, unless patience is at its end.
func (s *syncLoop) putOff(w *waiting, at time.Time, err error) {
	w.at = at
	if at.Sub(w.since) > resultPatience {
		s.answer(w, err)
	}
}

// answer ends the wait for a result.
func (s *syncLoop) answer(w *waiting, err error) {
	s.results = slices.DeleteFunc(s.results, func(other *waiting) bool { return other == w })
	w.answer <- err
}
