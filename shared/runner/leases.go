package runner

import (
	"context"
	"log/slog"
	"time"
)

// lease is a lease that the sync loop keeps.
type lease struct {
	every      time.Duration // between two heartbeats
	least      time.Duration // a quarter of the lease: no heartbeat earlier
	due        time.Time     // the next one
	soon       time.Time     // from here on, a main call takes it along
	lost       bool          // no more of them
	unanswered bool          // the last one
}

// sent notes a heartbeat. Without a reply it is due again after half of the
// interval: two more are sent before the lease ends.
func (l *lease) sent(now time.Time) {
	wait := l.every / 2
	if l.unanswered {
		wait = l.every
	}
	l.due, l.unanswered = now.Add(wait), true
	l.soon = l.due
}

// extended notes that the lease was extended by a call that began at a moment.
func (l *lease) extended(at time.Time) {
	l.unanswered = false
	if due := at.Add(l.every); !due.Before(l.due) {
		l.due, l.soon = due, at.Add(max(l.least, l.every-l.every/4))
	}
}

// hold begins to keep the lease of a job, which began at a moment.
func (s *syncLoop) hold(j *job, at time.Time) {
	term := s.r.Lease
	if j.claim.LeaseSeconds > 0 {
		term = time.Duration(j.claim.LeaseSeconds) * time.Second
	}
	l := &lease{least: term / 4, every: max(s.r.heartbeatInterval(j.claim), term/4)}
	l.extended(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, l := range s.leases {
		if other.claim.ID == j.claim.ID { // an older claim of ours, which this one has replaced
			l.lost = true
			other.stop(errLost)
		}
	}
	s.leases[j] = l
}

func (s *syncLoop) forget(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, j)
}

// keep leaves the heartbeats to the loop for as long as there is one.
func (s *syncLoop) keep(ctx context.Context, j *job) {
	select {
	case <-ctx.Done():
	case <-s.ended:
		if s.noSync.Load() {
			s.r.heartbeat(ctx, j, 0)
		}
	}
}

// heartbeatInterval is the time between two heartbeats.
func (r *Runner) heartbeatInterval(held claim) time.Duration {
	if held.HeartbeatSeconds > 0 {
		return time.Duration(held.HeartbeatSeconds) * time.Second
	}
	// The server did not say: a third leaves room for two lost ones.
	return max(r.Lease/3, time.Second)
}

// heartbeat keeps a lease by separate calls until ctx is done, the first one after
// wait, and stops the work when the job is not ours any more. While the server is
// away the work goes on: an expired claim is still good until another replaces it.
func (r *Runner) heartbeat(ctx context.Context, j *job, wait time.Duration) {
	every, failed := r.heartbeatInterval(j.claim), 0
	for sleep(ctx, wait) == nil {
		cancelled, err := r.Client.heartbeat(ctx, j.claim)
		switch {
		case ctx.Err() != nil:
			return
		case cancelled:
			j.stop(errCancelled)
		}
		wait = every
		switch react(err) {
		case goOn:
			failed = 0
		case lost, drop:
			j.stop(errLost)
			return
		default:
			wait = min(every, pause(failed, err))
			failed++
			j.log.WarnContext(ctx, "heartbeat failed", slog.Any("error", err))
		}
	}
}
