package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/runner/cache"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
)

// Executor runs a submission on its cases. An error is a fault of the executor
// or of the machine, never of the submission; when ctx is done it must stop all
// it has started and return ctx's cause.
type Executor interface {
	Run(ctx context.Context, in execute.Input) ([][]execute.Case, error)
}

// Runner pulls jobs and has them judged, several at a time.
type Runner struct {
	Client   *Client
	Executor Executor
	Cache    *cache.Cache  // of test data
	Spool    *spool.Spool  // of results that are not accepted yet
	Dir      string        // for the files of running jobs; it must exist
	Slots    int           // jobs at a time, 1 to 10
	Lease    time.Duration // asked for with every claim, whole seconds
	Grace    time.Duration // how long a stop may take to tell the server
	Compat   bool          // do as if the server had no sync
	Doorbell bool          // wait for the server's ring, where it has a doorbell
	IdleExit time.Duration // end after that long without a job; 0: never
	// Leave returns once this machine is about to go, and by when (zero: unknown),
	// or an error once ctx has ended. Running jobs then finish, and no more are taken.
	// nil: it stays.
	Leave func(ctx context.Context) (by time.Time, err error)
	// Retire tells the server that this name does not come back, when the runner ends
	// by IdleExit or Leave.
	Retire bool
	Log    *slog.Logger

	faults     atomic.Int32  // jobs in a row that failed because of this machine
	changed    chan struct{} // full: look again, a slot is free or a result is there
	delivering sync.Map      // keys of results that have their own goroutine
	retired    chan struct{} // closed once the server says that the runner is retired

	mu        sync.Mutex
	taken     int // slots; a result that the server failed to take may make it more than there are
	leaving   bool
	running   int       // jobs, until their results are accepted or put off
	idleSince time.Time // if none is
}

// errRefused means that the server has refused the runner's token twice in a
// row.
var errRefused = errors.New("the server refuses the runner's token: check token and name, or have a new token issued")

var (
	errIdle = errors.New("no job has come")
	errLeft = errors.New("the machine goes")
	errOver = errors.New("the runner is retired")
)

const (
	// After jobs that failed because of this machine, it takes fewer: it would
	// else be the fastest of all runners, and use up the failures of every job.
	firstFaultPause = 5 * time.Second
	maxFaultPause   = 5 * time.Minute
)

// Run works until ctx is done, no job has come for IdleExit, Leave has returned, or the
// server says that the runner is retired; then it gives back what still runs and returns nil. A server that is away is waited for. An error
// means that the server has refused the runner's token twice in a row.
func (r *Runner) Run(ctx context.Context) error {
	r.changed, r.retired = make(chan struct{}, 1), make(chan struct{})
	// Work ends with ctx, or when we are refused; calls to the server end Grace later.
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	calls, endCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer endCalls()
	var ending, jobs sync.WaitGroup
	ending.Go(func() {
		select {
		case <-r.Client.refused:
			stop(errRefused)
		case <-work.Done():
			r.Log.InfoContext(ctx, "stopping", slog.Int("jobs", r.holds()))
		}
		_ = sleep(calls, r.Grace)
		endCalls()
	})
	jobs.Go(func() { r.deliverLeft(work) })
	if r.idleSince = time.Now(); r.IdleExit > 0 {
		jobs.Go(func() {
			if r.awaitIdle(work, r.IdleExit) {
				r.Log.InfoContext(work, "no job for so long: ending", slog.Int64("idle_ms", r.IdleExit.Milliseconds()))
				stop(errIdle)
			}
		})
	}
	if r.Leave != nil {
		jobs.Go(func() { r.leave(work, stop) })
	}
	jobs.Go(func() {
		select {
		case <-r.retired:
			if r.awaitIdle(work, 0) {
				stop(errOver)
			}
		case <-work.Done():
		}
	})
	for (r.Compat || !r.sync(work, calls, &jobs)) && r.poll(work, calls, &jobs) {
		// There is a sync after all.
	}
	jobs.Wait()
	if cause := context.Cause(work); r.Retire && (errors.Is(cause, errIdle) || errors.Is(cause, errLeft)) {
		r.retire(calls)
	}
	endCalls()
	ending.Wait()
	if cause := context.Cause(work); errors.Is(cause, errRefused) {
		return cause
	}
	return nil
}

// leaveLook is how often a runner that leaves looks whether it may go.
const leaveLook = time.Second

// leaveMargin is left before the machine goes, beside Grace, to give jobs back.
const leaveMargin = 5 * time.Second

// leave ends the runner before its machine goes: once nothing runs and no result is
// left, or in time to give back what still runs.
func (r *Runner) leave(work context.Context, stop context.CancelCauseFunc) {
	by, err := r.Leave(work)
	if err != nil {
		return
	}
	r.takeNoMore()
	r.Log.InfoContext(work, "this machine is about to go: taking no more jobs", slog.Int("jobs", r.holds()), slog.Time("by", by))
	until := work
	if !by.IsZero() {
		var cancel context.CancelFunc
		until, cancel = context.WithDeadline(work, by.Add(-r.Grace-leaveMargin))
		defer cancel()
	}
	r.awaitIdle(until, 0)
	stop(errLeft)
}

// takeNoMore has no more jobs asked for.
func (r *Runner) takeNoMore() {
	r.mu.Lock()
	r.leaving = true
	r.mu.Unlock()
	r.wake()
}

// retire tells the server that this name does not come back. Its failure does no harm: a
// record that was not heard for long counts as gone too.
func (r *Runner) retire(ctx context.Context) {
	retired, err := r.Client.retire(ctx)
	if err != nil || !retired {
		r.Log.WarnContext(ctx, "the server has not noted that this runner is gone", slog.Any("error", err))
	}
}

// occupy has a job take a slot, or leave it.
func (r *Runner) occupy(j *job, slot bool) {
	r.mu.Lock()
	if slot && !j.slot {
		r.taken++
	} else if !slot && j.slot {
		r.taken--
	}
	j.slot = slot
	r.mu.Unlock()
	r.wake()
}

// free counts the free slots.
func (r *Runner) free() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leaving {
		return 0
	}
	return max(r.Slots-r.taken, 0)
}

// holds counts the slots that are taken.
func (r *Runner) holds() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return min(r.Slots, r.taken)
}

// wake has the loop look again.
func (r *Runner) wake() {
	select {
	case r.changed <- struct{}{}:
	default: // it has not looked since the last time
	}
}

func (r *Runner) faultPause() time.Duration {
	n := r.faults.Load()
	if n == 0 {
		return 0
	}
	return min(firstFaultPause<<min(n-1, 10), maxFaultPause)
}

// count notes that one job more runs, or one less.
func (r *Runner) count(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running += n
	r.idleSince = time.Now()
}

// awaitIdle returns true once no job has run for a while and no result is left on
// disk, which may be lost with the machine; false if ctx is done.
func (r *Runner) awaitIdle(ctx context.Context, idle time.Duration) bool {
	for {
		r.mu.Lock()
		left := max(idle, leaveLook)
		if r.running == 0 && r.taken == 0 {
			left = idle - time.Since(r.idleSince)
		}
		r.mu.Unlock()
		if left <= 0 {
			if results, err := r.Spool.List(nil); err == nil && len(results) == 0 {
				return true
			}
			left = min(spoolEvery, max(idle, leaveLook))
		}
		if sleep(ctx, left) != nil {
			return false
		}
	}
}
