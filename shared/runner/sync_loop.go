package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// syncLoop does everything with one route. A single goroutine decides what is said
// and when. Each call has another, so that nothing waits for a stuck call. At
// most two are under way: a main call, which carries results, asks for jobs and takes
// along the heartbeats that are due soon, and a heartbeat call for leases that come due
// while no main call can take them.
//
// The main call (sync_next.go, sync_exchange.go, sync_reply.go):
//
//	         a result waits, or a slot is free and askAt has come
//	       +------------------------------------------------------+
//	       |                                                      v
//	+-------------+  answered: jobs begin, askAt = pollSeconds  +-----------+
//	|    none     | <------------------------------------------ | under way |
//	+-------------+  failed: none before pauseUntil             +-----------+
//
// A lease (leases.go), while its job runs:
//
//	         it is due, or nearly so and a main call begins
//	       +------------------------------------------------------+
//	       |                                                      v
//	+-------------+  continue: due after its interval           +------+  lost: the work
//	|    kept     | <------------------------------------------ | sent | ---------------> (over)
//	+-------------+  cancel: the same, and the work is stopped  +------+  is stopped
//	                 no answer: due after half of it
//
// A result (sync_results.go); its job's slot is free meanwhile:
//
//	+-------------+   with the next main call that has room     +------+  accepted or refused
//	|    waits    | ------------------------------------------> | sent | ---------------> (over)
//	+-------------+ <------------------------------------------ +------+
//	       |         not taken, no answer: after a pause
//	       +--> (over): patience ended, or it has to go by a separate call
//
// The doorbell (sync_doorbell.go, doorbell.go), if the server has one:
//
//	+-------------+  connected: ask at once, no seat      +-------+  a reply names a seat   +--------+
//	|   unheard   | ------------------------------------> | heard | ----------------------> | seated |
//	+-------------+ <------------------------------------ +-------+ <---------------------- +--------+
//	   polls           connection lost, from here as        polls     a ring: ask at once,    polls
//	                   from there: poll soon                          and again if it came    seldom
//	                                                                  during a call
type syncLoop struct {
	r      *Runner
	ended  chan struct{} // closed when the loop is over
	noSync atomic.Bool   // it is over because the server has no sync

	mu      sync.Mutex
	leases  map[*job]*lease
	results []*waiting // oldest first
	askAt   time.Time  // for jobs, if there is no result to send and no ring
	bell    listening
	barred  string // why there are no jobs, as the server said last

	// Used by the loop's goroutine alone.
	main, beating bool      // such a call is under way
	failed        int       // main calls in a row
	strangers     int       // replies in a row by which a stranger says that there is no sync
	pauseUntil    time.Time // no main call before; heartbeats do not wait
}

// sync works until work is done and all jobs have ended. It returns false if the
// server has no sync; what is under way has then changed to separate calls.
func (r *Runner) sync(work, calls context.Context, jobs *sync.WaitGroup) bool {
	s := &syncLoop{r: r, ended: make(chan struct{}), leases: map[*job]*lease{}}
	s.bell.limiter = rate.NewLimiter(looksPerSecond, looksAtOnce)
	defer close(s.ended)
	ctx, cancel := context.WithCancel(calls)
	defer cancel()
	hearing, unhear := context.WithCancel(work)
	defer unhear()
	replies := make(chan *exchange, 2)
	stopped := work.Done()
	for {
		var timer *time.Timer
		for {
			e, wait := s.next(time.Now(), work.Err() == nil)
			if e == nil {
				timer = time.NewTimer(wait)
				break
			}
			jobs.Go(func() { s.exchange(ctx, e); replies <- e })
		}
		select {
		case <-timer.C:
		case <-r.changed:
		case <-stopped:
			stopped = nil
		case e := <-replies:
			if s.hasNoSync(ctx, e) {
				return false
			}
			for _, held := range s.handle(ctx, e) {
				s.start(work, calls, held, e, jobs)
			}
			s.listen(hearing, e, jobs)
		}
		timer.Stop()
		if calls.Err() != nil || errors.Is(context.Cause(work), errRefused) || work.Err() != nil && s.idle() {
			return true
		}
	}
}

// idle reports whether nothing is under way.
func (s *syncLoop) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.main && len(s.leases) == 0
}

// start begins the work on a job that a call has brought.
func (s *syncLoop) start(work, calls context.Context, held claim, e *exchange, jobs *sync.WaitGroup) {
	if err := held.check(); err != nil {
		s.r.Log.ErrorContext(work, "the server gave a claim that cannot be one", slog.String("job_id", fmt.Sprintf("%.80q", held.ID)), slog.Any("error", err))
		return
	}
	if held.HeartbeatSeconds == 0 {
		held.HeartbeatSeconds = e.reply.HeartbeatSeconds
	}
	j := &job{}
	s.r.occupy(j, true)
	work = s.r.begin(work, j, held, e.began)
	s.hold(j, e.began) // not from the reply on: the lease began before it
	jobs.Go(func() {
		defer s.r.occupy(j, false)
		defer s.forget(j)
		s.r.carry(work, calls, j, s)
	})
}
