package runner

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// More rings are no reason to ask more often: a server rings all that wait, and
	// that is for one job each.
	looksPerSecond = 10
	looksAtOnce    = 20
	maxHeard       = 16 // seats that were rung are remembered
	// lookAgain is the pause after a ring that brought no job: the call for it may
	// have missed the message, since SQS samples its servers.
	lookAgain = 2 * time.Second
	// seatedPoll is the longest pause of a runner that the server believes to wait
	// for a ring, and that does not.
	seatedPoll = 15 * time.Second
)

// listening is what the loop knows of its doorbell. The runner sits on the seat
// that the last reply named, until that is rung. A ring may come before the reply
// that names its seat, and a reply may name a seat of an earlier connection: then
// the runner sits nowhere, and asks again at once.
type listening struct {
	hears   bool          // it is connected
	line    int           // connections so far
	seat    int64         // 0: none
	heard   []int64       // seats that were rung, the last ones
	lookAt  time.Time     // for jobs, because of a ring; zero: no ring
	rang    bool          // since the last call for jobs began
	limiter *rate.Limiter // of such looks

	// Used by the loop's goroutine alone.
	known bool               // whether there is a doorbell
	url   string             // as the server gave it; empty if there is none
	stop  context.CancelFunc // of the doorbell there
	ended chan struct{}      // it has stopped
}

// connected has the loop ask at once, without a seat: what was rung while there
// was no connection was not heard.
func (s *syncLoop) connected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bell.hears = true
	s.bell.line++
	s.look()
}

// disconnected has the loop poll again.
func (s *syncLoop) disconnected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bell.hears, s.bell.seat = false, 0
	if soon := time.Now().Add(jittered(defaultPoll)); soon.Before(s.askAt) {
		s.askAt = soon
	}
	s.r.wake()
}

// rung notes a ring for a seat; 0: for any runner that hears it.
func (s *syncLoop) rung(seat int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bell.rang = true
	s.bell.heard = append(s.bell.heard, seat)
	s.bell.heard = s.bell.heard[max(0, len(s.bell.heard)-maxHeard):]
	if seat == s.bell.seat {
		s.bell.seat = 0
	}
	s.look()
}

// look has the loop ask for jobs at once; while it asks already, right after that
// call, which may have looked before the ring.
func (s *syncLoop) look() {
	if s.bell.lookAt.IsZero() {
		now := time.Now()
		s.bell.lookAt = now.Add(max(s.bell.limiter.ReserveN(now, 1).DelayFrom(now), s.r.faultPause()))
	}
	s.r.wake()
}

// sit notes the seat that the reply to a call for jobs names, and returns how long
// the runner may wait with the next one.
func (s *syncLoop) sit(e *exchange, wait time.Duration) time.Duration {
	s.bell.seat = e.reply.Seat
	if !s.bell.hears || e.line != s.bell.line || slices.Contains(s.bell.heard, e.reply.Seat) {
		s.bell.seat = 0
	}
	if s.bell.seat != e.reply.Seat {
		return min(wait, jittered(seatedPoll))
	}
	return wait
}

// listen goes to the doorbell that the reply to a call for jobs names, unless it hears
// that one already.
func (s *syncLoop) listen(ctx context.Context, e *exchange, jobs *sync.WaitGroup) {
	b := &s.bell
	if !s.r.Doorbell || e.err != nil || e.slots == 0 || b.known && b.url == e.reply.Doorbell {
		return
	}
	if b.stop != nil {
		b.stop()
	}
	b.known, b.url, b.stop = true, e.reply.Doorbell, nil
	if b.url == "" {
		s.r.Log.InfoContext(ctx, "the server has no doorbell: jobs are polled for")
		return
	}
	at, err := doorbellURL(s.r.Client.base, b.url)
	if err != nil {
		s.r.Log.WarnContext(ctx, "the doorbell cannot be heard: jobs are polled for", slog.Any("error", err))
		return
	}
	before, ended := b.ended, make(chan struct{})
	ctx, b.stop = context.WithCancel(ctx)
	b.ended = ended
	jobs.Go(func() {
		defer close(ended)
		if before != nil {
			<-before // at most one connection
		}
		(&doorbell{s, at}).hear(ctx)
	})
}
