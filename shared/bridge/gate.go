package bridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"runlease/shared/bridge/backend"
	"runlease/shared/producer"
)

// wait returns the pause after a run of failures: twice as long each time, less a
// random part of up to a half, so that not all come back at once.
func (p Pace) wait(tries int) time.Duration {
	wait := p.LastWait
	if tries < 20 {
		wait = min(p.FirstWait<<tries, p.LastWait)
	}
	return wait - rand.N(wait/2+1)
}

// gate stands before one of the two sides. While that is away it lets one call
// through at a time, and waits longer after each, so that an hour's outage costs a
// call a minute, however many wait.
type gate struct {
	pace Pace

	mu      sync.Mutex
	tries   int
	until   time.Time     // zero: the gate is open
	probing bool          // a call is trying whether it can be opened
	changed chan struct{} // closed when one of these has changed
	failure string        // the last one
	at      time.Time
}

func newGate(pace Pace) *gate { return &gate{pace: pace, changed: make(chan struct{})} }

// pass makes a call. An error that tells that the other side is away closes the
// gate for a while. What was refused because there are too many calls is repeated.
func (g *gate) pass(ctx context.Context, call func() error) error {
	for {
		err := g.once(ctx, call)
		if refusal, is := errors.AsType[*producer.Refusal](err); !is || refusal.Status != http.StatusTooManyRequests || ctx.Err() != nil {
			return err
		}
	}
}

func (g *gate) once(ctx context.Context, call func() error) error {
	probe, err := g.enter(ctx)
	if err != nil {
		return err
	}
	err = call()
	g.mu.Lock()
	defer g.mu.Unlock()
	if probe {
		g.probing = false
	}
	defer func() {
		close(g.changed)
		g.changed = make(chan struct{})
	}()
	if err != nil && ctx.Err() != nil { // it was broken off here
		return errors.Join(ctx.Err(), err)
	}
	if _, own := errors.AsType[ownError](err); err != nil && !own {
		g.failure, g.at = err.Error(), time.Now()
	}
	away, after := isAway(err)
	switch {
	case !away:
		g.tries, g.until = 0, time.Time{}
	case probe || g.until.IsZero(): // not one of several that failed together
		g.until = time.Now().Add(max(after, g.pace.wait(g.tries)))
		g.tries++
	}
	return err
}

// enter waits until a call may be made, and reports whether the call is the probe that
// tries whether the gate can open.
func (g *gate) enter(ctx context.Context) (probe bool, err error) {
	for {
		g.mu.Lock()
		wait := time.Until(g.until)
		if g.until.IsZero() || wait <= 0 && !g.probing {
			probe = !g.until.IsZero()
			g.probing = g.probing || probe
			g.mu.Unlock()
			return probe, nil
		}
		changed := g.changed
		if g.probing {
			wait = time.Hour
		}
		g.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, ctx.Err()
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// last is the last failure; "" if there was none.
func (g *gate) last() (text string, at time.Time, away bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failure, g.at, !g.until.IsZero()
}

// ownError is one of the bridge itself, which tells nothing of the other side.
type ownError struct{ error }

// isAway reports whether an error means that the other side cannot be spoken to at
// all, and how long it wants to be left alone. A refusal of one request is not that.
func isAway(err error) (away bool, after time.Duration) {
	if err == nil || backend.Status(err) != 0 {
		return false, 0
	}
	if _, own := errors.AsType[ownError](err); own {
		return false, 0
	}
	if refusal, is := errors.AsType[*producer.Refusal](err); is {
		switch refusal.Status {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
			return true, refusal.After
		}
		return refusal.Status >= http.StatusInternalServerError, refusal.After
	}
	return true, 0
}
