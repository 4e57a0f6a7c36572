package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"runlease/shared/runner/spool"
)

const (
	maxItems = 10 // of a kind in one call
	// What only extends leases may be given up early: nothing is lost by it.
	leastBeatTimeout = 5 * time.Second
)

// syncing is the wire with one call for everything. A single goroutine decides
// what is said and when; the calls have their own, so that nothing waits for one
// that is stuck. There are two at most:
//
//   - the main call has results and asks for jobs, and takes along the heartbeats
//     that are due soon
//   - a heartbeat that comes due while there is no reason for a main call, or
//     while that hangs, has a call beside it
type syncing struct {
	r     *Runner
	ended chan struct{} // closed when the loop is over

	mu      sync.Mutex
	tended  map[*job]*tended
	results []*outgoing // oldest first
	compat  bool        // the loop is over because the server has no sync

	// Of the loop's goroutine alone.
	main, beating bool      // such a call is under way
	failed        int       // so many main calls in a row
	unsure        int       // so many of them found no sync, by a stranger's word
	quiet         time.Time // no main call before; heartbeats do not care
	askAt         time.Time // for jobs, if there is no result to send
}

// tended is a job whose lease is kept.
type tended struct {
	every time.Duration // between two heartbeats
	least time.Duration // a quarter of the lease: no heartbeat earlier
	due   time.Time     // the next one
	soon  time.Time     // from here on, a main call takes it along
	lost  bool          // no more of them
	owed  bool          // the answer to the last one
}

// heard notes that the lease was extended by a call that began at a moment.
func (t *tended) heard(at time.Time) {
	t.owed = false
	if due := at.Add(t.every); !due.Before(t.due) {
		t.due, t.soon = due, at.Add(max(t.least, t.every-t.every/4))
	}
}

// outgoing is a result that waits to be sent, or for its answer.
type outgoing struct {
	j      *job
	body   json.RawMessage // a done
	since  time.Time
	at     time.Time // not before
	failed int
	answer chan error // room for one
}

// exchange is one call.
type exchange struct {
	main    bool
	began   time.Time
	timeout time.Duration
	slots   int
	results []*outgoing
	size    int // of the results, in bytes
	jobs    []*job
	reply   Synced
	err     error
}

var (
	// errSingly: a result must be delivered by a separate call.
	errSingly   = errors.New("not by sync")
	errNoAnswer = errors.New("the reply does not answer this item")
)

// sync works until work is done and all jobs have ended. false: the server has
// no sync, and what is under way has changed to separate calls.
func (r *Runner) sync(work, tell context.Context, jobs *sync.WaitGroup) bool {
	s := &syncing{r: r, ended: make(chan struct{}), tended: map[*job]*tended{}}
	defer close(s.ended)
	ctx, cancel := context.WithCancel(tell)
	defer cancel()
	replies := make(chan *exchange, 2)
	stopped := work.Done()
	for {
		wake := time.Hour // nothing is due: something happens first
		for {
			now := time.Now()
			e, next := s.next(now, work.Err() == nil)
			if e == nil {
				if !next.IsZero() {
					wake = next.Sub(now)
				}
				break
			}
			jobs.Go(func() { s.exchange(ctx, e); replies <- e })
		}
		timer := time.NewTimer(wake)
		select {
		case <-timer.C:
		case <-r.changed:
		case <-stopped:
			stopped = nil
		case e := <-replies:
			if s.isOver(ctx, e) {
				return false
			}
			for _, claim := range s.heed(ctx, e) {
				s.start(work, tell, claim, e, jobs)
			}
		}
		timer.Stop()
		if tell.Err() != nil || errors.Is(context.Cause(work), ErrRefused) || work.Err() != nil && s.idle() {
			return true
		}
	}
}

// idle: nothing is under way.
func (s *syncing) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.main && len(s.tended) == 0
}

// next makes a call of what is due, if it may be made now; else it says when
// there will be something (zero: when something happens).
func (s *syncing) next(now time.Time, asking bool) (e *exchange, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	later := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	e = &exchange{began: now, timeout: leastBeatTimeout}
	said := map[string]bool{} // ids: of one job, one item
	switch {
	case s.main:
	case s.quiet.After(now):
		later(s.quiet)
	default:
		for _, o := range s.results {
			if o.at.After(now) {
				later(o.at)
				continue
			}
			// What does not fit goes with the next call.
			if len(e.results) < maxItems && e.size+len(o.body) <= maxInline && !said[o.j.claim.ID] {
				e.results, said[o.j.claim.ID] = append(e.results, o), true
				e.size += len(o.body)
			}
		}
		if free := s.r.free(); asking && free > 0 {
			// A result has its free slot filled by the same call.
			if !s.askAt.After(now) || len(e.results) > 0 {
				e.slots = min(free, 10)
			} else {
				later(s.askAt)
			}
		}
		e.main = len(e.results) > 0 || e.slots > 0
	}
	for j, t := range s.tended {
		from := t.due
		if e.main {
			from = t.soon
		}
		switch {
		case t.lost:
		case from.After(now):
			later(t.due)
		case said[j.claim.ID] || !e.main && s.beating || len(e.jobs) == maxItems: // after the reply
		default:
			e.jobs, said[j.claim.ID] = append(e.jobs, j), true
			e.timeout = max(e.timeout, t.every/2)
		}
	}
	if !e.main && len(e.jobs) == 0 {
		return nil, next
	}
	for _, j := range e.jobs {
		// Without a reply by then, again: two more are sent before the lease ends.
		t := s.tended[j]
		t.due = now.Add(t.every / 2)
		if t.owed {
			t.due = now.Add(t.every)
		}
		t.soon, t.owed = t.due, true
	}
	if e.main || e.timeout > callTimeout {
		e.timeout = callTimeout
	}
	s.main, s.beating = s.main || e.main, s.beating || !e.main
	return e, next
}

// exchange makes a call.
func (s *syncing) exchange(ctx context.Context, e *exchange) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	say := Sync{Slots: e.slots, LeaseSeconds: int(s.r.Lease.Seconds()), Done: []json.RawMessage{}, Active: []Active{}}
	for _, o := range e.results {
		say.Done = append(say.Done, o.body)
	}
	for _, j := range e.jobs {
		say.Active = append(say.Active, Active{j.claim.ID, j.claim.Token})
	}
	e.reply, e.err = s.r.Client.Sync(ctx, say)
}

const (
	// A stranger is believed that there is no sync if it has said so that often,
	// and the server itself answers a list.
	unsureToAsk = 3
	askTimeout  = 5 * time.Second
)

// isOver sees whether the server has no sync.
func (s *syncing) isOver(ctx context.Context, e *exchange) bool {
	unknown, unsure := unknownRoute(e.err)
	if !unsure {
		s.unsure = 0
	} else if s.unsure++; s.unsure%unsureToAsk != 0 {
		return false
	} else {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		if _, err := s.r.Client.List(ctx, 1); err != nil {
			return false
		}
	}
	if !unknown {
		return false
	}
	s.r.Log.InfoContext(ctx, "the server has no sync: a call for each thing from now on", slog.Any("error", e.err))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compat = true
	return true
}

// heed does what a reply says, and returns the jobs that it brought.
func (s *syncing) heed(ctx context.Context, e *exchange) []Claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if e.main {
		s.main = false
	} else {
		s.beating = false
	}
	if e.err != nil {
		s.missed(ctx, e, now)
		return nil
	}
	if e.main {
		if s.failed > 0 {
			s.r.Log.InfoContext(ctx, "server is back", slog.Int("failed", s.failed))
		}
		s.failed = 0
	}
	for _, o := range e.results {
		err := errNoAnswer
		for _, d := range e.reply.Done {
			if d.ID == o.j.claim.ID {
				err = &ReplyError{Code: d.Code, Message: d.Message}
			}
		}
		if react(err) == again {
			s.r.take(o.j, true) // where results are not taken, no more are made
			s.putOff(o, now.Add(pause(o.failed, err)), err)
			o.failed++
			continue
		}
		s.answer(o, err)
	}
	for _, j := range e.jobs {
		t := s.tended[j]
		if t == nil {
			continue // it ended meanwhile
		}
		for _, a := range e.reply.Active {
			if a.ID != j.claim.ID {
				continue
			}
			switch a.Action {
			case "lost":
				t.lost = true
				j.stop(errLost)
			case "cancel":
				j.stop(errCancelled)
				t.heard(e.began)
			default:
				t.heard(e.began)
			}
		}
	}
	if e.slots > 0 {
		wait := around(directed(e.reply.PollSeconds))
		if len(e.reply.Jobs) == 0 {
			wait = max(wait, leastPoll)
		}
		s.askAt = now.Add(max(wait, s.r.faultPause()))
	}
	if n := len(e.reply.Jobs); n > e.slots {
		s.r.Log.ErrorContext(ctx, "the server gave more jobs than were asked for", slog.Int("jobs", n), slog.Int("slots", e.slots))
		return e.reply.Jobs[:e.slots]
	}
	return e.reply.Jobs
}

// missed deals with a call that was not answered, or refused as a whole.
func (s *syncing) missed(ctx context.Context, e *exchange, now time.Time) {
	for _, j := range e.jobs {
		if t := s.tended[j]; t != nil {
			t.soon = now // the next call takes it along
		}
	}
	wait := time.Duration(0)
	if e.main {
		wait = pause(s.failed, e.err)
		s.failed++
		s.quiet = now.Add(wait)
	}
	s.r.Log.WarnContext(ctx, "sync failed", slog.Any("error", e.err), slog.Int64("wait_ms", wait.Milliseconds()),
		slog.Int("results", len(e.results)), slog.Int("heartbeats", len(e.jobs)))
	refusedIt, large := refusedBody(e.err)
	for _, o := range e.results {
		switch then := react(e.err); {
		case large, refusedIt && e.size > wordy: // the same, if it is a firewall
			s.answer(o, errSingly)
		case then == again || then == refused:
			s.putOff(o, s.quiet, e.err)
		default: // one of them is too much, or a fault of ours: on its own, it has an answer
			s.answer(o, errSingly)
		}
	}
}

// putOff sends a result again at a moment, unless patience is at its end.
func (s *syncing) putOff(o *outgoing, at time.Time, err error) {
	o.at = at
	if at.Sub(o.since) > resultPatience {
		s.answer(o, err)
	}
}

// answer ends the wait for a result.
func (s *syncing) answer(o *outgoing, err error) {
	s.results = slices.DeleteFunc(s.results, func(other *outgoing) bool { return other == o })
	o.answer <- err
}

// start begins the work on a job that a call has brought.
func (s *syncing) start(work, tell context.Context, claim Claim, e *exchange, jobs *sync.WaitGroup) {
	if err := claim.check(); err != nil {
		s.r.Log.ErrorContext(work, "the server gave a claim that cannot be one", slog.String("job_id", fmt.Sprintf("%.80q", claim.ID)), slog.Any("error", err))
		return
	}
	if claim.HeartbeatSeconds == 0 {
		claim.HeartbeatSeconds = e.reply.HeartbeatSeconds
	}
	lease := s.r.Lease
	if claim.LeaseSeconds > 0 {
		lease = time.Duration(claim.LeaseSeconds) * time.Second
	}
	t := &tended{least: lease / 4, every: max(s.r.every(claim), lease/4)}
	t.heard(e.began) // not when the reply came: the lease began before it
	j := &job{}
	s.r.take(j, true)
	work = s.r.begin(work, j, claim, e.began)

	s.mu.Lock()
	defer s.mu.Unlock()
	for other, t := range s.tended {
		if other.claim.ID == claim.ID { // an older claim of ours, which this one has replaced
			t.lost = true
			other.stop(errLost)
		}
	}
	s.tended[j] = t
	jobs.Go(func() {
		defer s.r.take(j, false)
		defer s.forget(j)
		s.r.carry(work, tell, j, s)
	})
}

func (s *syncing) forget(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tended, j)
}

// keep leaves the heartbeats to the loop for as long as there is one.
func (s *syncing) keep(ctx context.Context, j *job) {
	select {
	case <-ctx.Done():
	case <-s.ended:
		if s.inCompat() {
			s.r.heartbeat(ctx, j, 0)
		}
	}
}

// deliver hands a result to the loop and waits for its answer. The job's slot
// is free meanwhile: the call that has the result fills it.
func (s *syncing) deliver(ctx context.Context, j *job, res spool.Result) error {
	body, err := json.Marshal(done{res.JobID, complete{Token: res.Token, Tasks: res.Tasks}})
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if len(body) > maxInline || res.Packed != "" {
		return s.r.Client.deliver(ctx, res, resultPatience)
	}
	now := time.Now()
	o := &outgoing{j: j, body: body, since: now, at: now, answer: make(chan error, 1)}
	s.mu.Lock()
	s.results = append(s.results, o)
	s.mu.Unlock()
	s.r.take(j, false)
	select {
	case err := <-o.answer:
		if !errors.Is(err, errSingly) {
			return err
		}
	case <-s.ended:
		if !s.inCompat() {
			return cmp.Or(context.Cause(ctx), ErrRefused)
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.r.take(j, true)
	return s.r.Client.deliver(ctx, res, resultPatience)
}

func (s *syncing) inCompat() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compat
}
