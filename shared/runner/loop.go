package runner

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/runner/cache"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
	"runlease/shared/runner/unpack"
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
	Log      *slog.Logger

	faults  atomic.Int32  // jobs in a row that failed because of this machine
	changed chan struct{} // full: look again, a slot is free or a result is there

	mu         sync.Mutex
	taken      int             // slots; a result that the server failed to take may make it more than there are
	delivering map[string]bool // keys of results that have their own goroutine
}

// job is one that is ours until it is carried to its end.
type job struct {
	claim Claim
	begin time.Time               // a moment before the server began its lease
	stop  context.CancelCauseFunc // of its work
	log   *slog.Logger
	slot  bool // it takes one; guarded by Runner.mu
}

// wire is how the server hears of a job that runs: by separate calls
// (compat_loop.go) or by the next sync (sync_loop.go).
type wire interface {
	// keep keeps the lease until ctx is done, and stops the work when the job is
	// not ours any more or was cancelled.
	keep(ctx context.Context, j *job)
	// deliver reports a result as Client.deliver does, with resultPatience.
	deliver(ctx context.Context, j *job, res spool.Result) error
}

// ErrRefused means that the server has refused the runner's token twice in a
// row.
var ErrRefused = errors.New("the server refuses the runner's token: check token and name, or have a new token issued")

// Why a job's work was stopped.
var (
	errLost      = errors.New("lease lost")
	errCancelled = errors.New("job cancelled")
)

const (
	defaultPoll = 5 * time.Second       // if the server does not say
	leastPoll   = 50 * time.Millisecond // if it says: at once, and has nothing
	spoolEvery  = 30 * time.Second
	// After jobs that failed because of this machine, it takes fewer: it would
	// else be the fastest of all runners, and use up the failures of every job.
	firstFaultPause = 5 * time.Second
	maxFaultPause   = 5 * time.Minute
)

// Run works until ctx is done; then it gives running jobs back and returns nil.
// A server that is away is waited for. The only error is ErrRefused.
func (r *Runner) Run(ctx context.Context) error {
	r.changed = make(chan struct{}, 1)
	r.delivering = map[string]bool{}

	// work ends with ctx, or when we are refused; tell ends Grace later.
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	tell, hush := context.WithCancel(context.WithoutCancel(ctx))
	defer hush()
	var ending, jobs sync.WaitGroup
	ending.Go(func() {
		select {
		case <-r.Client.Refused():
			stop(ErrRefused)
		case <-work.Done():
			r.Log.InfoContext(ctx, "stopping", slog.Int("jobs", r.Slots-r.free()))
		}
		_ = sleep(tell, r.Grace)
		hush()
	})
	jobs.Go(func() { r.emptySpool(work) })
	for (r.Compat || !r.sync(work, tell, &jobs)) && r.poll(work, tell, &jobs) {
		// There is a sync after all.
	}
	jobs.Wait()
	hush()
	ending.Wait()
	if cause := context.Cause(work); errors.Is(cause, ErrRefused) {
		return cause
	}
	return nil
}

// take gives a job a slot, or takes its slot back.
func (r *Runner) take(j *job, slot bool) {
	r.mu.Lock()
	if slot && !j.slot {
		r.taken++
	} else if !slot && j.slot {
		r.taken--
	}
	j.slot = slot
	r.mu.Unlock()
	r.look()
}

// free counts the slots that are.
func (r *Runner) free() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.Slots-r.taken, 0)
}

// look wakes the loop.
func (r *Runner) look() {
	select {
	case r.changed <- struct{}{}:
	default: // it has not looked since the last time
	}
}

// directed is the time that a server's pollSeconds tells to wait.
func directed(pollSeconds *float64) time.Duration {
	if pollSeconds == nil {
		return defaultPoll
	}
	return time.Duration(min(*pollSeconds, maxRetryAfter.Seconds()) * float64(time.Second))
}

func (r *Runner) faultPause() time.Duration {
	n := r.faults.Load()
	if n == 0 {
		return 0
	}
	return min(firstFaultPause<<min(n-1, 10), maxFaultPause)
}

// begin makes a job of a claim that was asked for at a moment; the context is
// that of its work.
func (r *Runner) begin(work context.Context, j *job, claim Claim, asked time.Time) context.Context {
	j.claim, j.begin = claim, asked
	j.log = r.Log.With(slog.String("job_id", claim.ID), slog.Int("attempt", claim.Attempt))
	j.log.InfoContext(work, "claimed", slog.Int("problem", claim.Problem), slog.Int("language", claim.Language))
	work, j.stop = context.WithCancelCause(work)
	return work
}

// carry sees a job through to its end.
func (r *Runner) carry(work, tell context.Context, j *job, by wire) {
	defer j.stop(nil)
	beat, quiet := context.WithCancel(tell)
	var beats sync.WaitGroup
	beats.Go(func() { by.keep(beat, j) })
	defer beats.Wait()
	defer quiet()

	claim, log := j.claim, j.log
	cases, err := r.judge(work, claim)
	if fault, ok := errors.AsType[*unpack.Fault](err); ok {
		log.WarnContext(tell, "job cannot be judged", slog.String("reason", fault.Why))
		status := execute.JE
		if fault.NoSource {
			status = execute.CE
		}
		cases, err = execute.Same(claim.Meta.Tasks, status, fault.Why), nil
	}
	if err == nil {
		r.faults.Store(0)
		r.report(tell, j, cases, by)
		return
	}
	cause := context.Cause(work)
	switch {
	case errors.Is(cause, errLost), errors.Is(cause, ErrRefused):
		log.WarnContext(tell, "stopped", slog.Any("error", cause))
	case errors.Is(cause, errCancelled):
		r.release(tell, claim, "cancelled", "", log)
	case cause != nil:
		r.release(tell, claim, "drain", "", log)
	case react(err) == lost || react(err) == drop:
		log.WarnContext(tell, "job is gone", slog.Any("error", err))
	default:
		// A program may kill itself: that must not make a runner take fewer jobs.
		if !errors.Is(err, execute.ErrKilled) {
			r.faults.Add(1)
		}
		log.ErrorContext(tell, "job failed because of this runner", slog.Any("error", err))
		r.release(tell, claim, "infra_error", err.Error(), log)
	}
}

// report puts a result where it survives a crash, and delivers it.
func (r *Runner) report(tell context.Context, j *job, cases [][]execute.Case, by wire) {
	res := r.Spool.WithOutputs(result(j.claim, cases))
	r.own(res.Key(), true)
	defer r.own(res.Key(), false)
	if err := r.Spool.Put(res); err != nil { // then it must do without
		j.log.ErrorContext(tell, "result is not on disk", slog.Any("error", err))
	}
	err := by.deliver(tell, j, res)
	r.settle(tell, res, err, j.log.With(slog.Int64("took_ms", time.Since(j.begin).Milliseconds())))
	if react(err) == drop { // the claim is still ours, and nobody is at it
		r.release(tell, j.claim, "infra_error", err.Error(), j.log)
	}
}

// settle forgets a result that nothing more can be done for.
func (r *Runner) settle(ctx context.Context, res spool.Result, err error, log *slog.Logger) {
	switch react(err) {
	case goOn:
		log.InfoContext(ctx, "result accepted")
	case lost:
		log.WarnContext(ctx, "result came too late", slog.Any("error", err))
	case drop:
		log.ErrorContext(ctx, "result refused", slog.Any("error", err))
	default:
		log.WarnContext(ctx, "result not delivered yet, it stays on disk", slog.Any("error", err))
		return
	}
	if err := r.Spool.Remove(res); err != nil {
		log.ErrorContext(ctx, "delivered result is still on disk", slog.Any("error", err))
	}
}

// emptySpool delivers what an earlier process, or a job that ran out of
// patience, has left, until ctx is done.
func (r *Runner) emptySpool(ctx context.Context) {
	for {
		results, err := r.Spool.List(r.owned)
		if err != nil {
			r.Log.ErrorContext(ctx, "unreadable results were set aside", slog.Any("error", err))
		}
		for _, res := range results {
			log := r.Log.With(slog.String("job_id", res.JobID), slog.Int("attempt", res.Attempt))
			// Whatever its age: the clock may have been set since, and the server
			// knows what it still wants.
			err := r.Client.deliver(ctx, res, 0)
			if ctx.Err() != nil {
				return
			}
			r.settle(ctx, res, err, log)
			if react(err) == again { // the others will fare no better
				break
			}
		}
		if sleep(ctx, spoolEvery) != nil {
			return
		}
	}
}

// own marks a result that has a goroutine to deliver it.
func (r *Runner) own(key string, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if mine {
		r.delivering[key] = true
	} else {
		delete(r.delivering, key)
	}
}

func (r *Runner) owned(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.delivering[key]
}

// release gives a job back.
func (r *Runner) release(tell context.Context, claim Claim, reason, detail string, log *slog.Logger) {
	detail = strings.ReplaceAll(detail, r.Dir, "") // of no use there
	err := repeat(tell, releasePatience, func() error { return r.Client.Release(tell, claim, reason, detail) })
	if err != nil {
		// Its lease ends by itself.
		log.WarnContext(tell, "release failed", slog.String("reason", reason), slog.Any("error", err))
		return
	}
	log.InfoContext(tell, "released", slog.String("reason", reason))
}
