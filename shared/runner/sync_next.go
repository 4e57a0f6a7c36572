package runner

import (
	"time"
)

const (
	maxItems = 10 // of a kind in one call
	// What only extends leases may be given up early: nothing is lost by it.
	leastBeatTimeout = 5 * time.Second
)

// next makes the call that is due and may be made now. Without one it returns how
// long to wait, unless something happens before.
func (s *syncLoop) next(now time.Time, asking bool) (*exchange, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &exchange{began: now, timeout: leastBeatTimeout, named: map[string]bool{}, look: now.Add(time.Hour)}
	if !s.main {
		s.addResultsAndSlots(e, asking)
	}
	s.addHeartbeats(e)
	if !e.main && len(e.jobs) == 0 {
		return nil, e.look.Sub(now)
	}
	if e.main || e.timeout > callTimeout {
		e.timeout = callTimeout
	}
	s.main, s.beating = s.main || e.main, s.beating || !e.main
	return e, 0
}

// addResultsAndSlots makes e a main call if there is a reason for one.
func (s *syncLoop) addResultsAndSlots(e *exchange, asking bool) {
	if s.pauseUntil.After(e.began) {
		e.lookAt(s.pauseUntil)
		return
	}
	for _, w := range s.results {
		switch {
		case w.at.After(e.began):
			e.lookAt(w.at)
		// What does not fit goes with the next call.
		case len(e.results) < maxItems && e.size+len(w.body) <= maxInline && e.name(w.j):
			e.results, e.size = append(e.results, w), e.size+len(w.body)
		}
	}
	if free := s.r.free(); !asking || free == 0 {
		// No jobs.
	} else if ask := s.nextAsk(); len(e.results) > 0 || !ask.After(e.began) { // a result has its slot filled by the same call
		e.slots, e.seat, e.line = min(free, 10), s.bell.seat, s.bell.line
		e.rung, s.bell.rang, s.bell.lookAt = s.bell.rang, false, time.Time{}
	} else {
		e.lookAt(ask)
	}
	e.main = len(e.results) > 0 || e.slots > 0
}

// nextAsk is when to ask for jobs, if there is no result to send.
func (s *syncLoop) nextAsk() time.Time {
	if at := s.bell.lookAt; !at.IsZero() && at.Before(s.askAt) {
		return at
	}
	return s.askAt
}

// addHeartbeats adds the heartbeats that are due; to a main call, also those due soon.
func (s *syncLoop) addHeartbeats(e *exchange) {
	for j, l := range s.leases {
		from := l.due
		if e.main {
			from = l.soon
		}
		switch {
		case l.lost:
		case from.After(e.began):
			e.lookAt(l.due)
		case !e.main && s.beating || len(e.jobs) == maxItems || !e.name(j): // after the reply
		default:
			e.jobs = append(e.jobs, j)
			e.timeout = max(e.timeout, l.every/2)
			l.sent(e.began)
		}
	}
}
