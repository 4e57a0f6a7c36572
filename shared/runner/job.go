package runner

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
	"runlease/shared/runner/unpack"
)

// job is a claimed job, ours until carry returns.
type job struct {
	claim   claim
	claimed time.Time               // a moment before the server began its lease
	stop    context.CancelCauseFunc // of its work
	log     *slog.Logger
	slot    bool // it takes one; guarded by Runner.mu
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

// Why a job's work was stopped.
var (
	errLost      = errors.New("lease lost")
	errCancelled = errors.New("job cancelled")
)

// begin makes a job of a claim that was asked for at a moment; the context is
// that of its work.
func (r *Runner) begin(work context.Context, j *job, held claim, asked time.Time) context.Context {
	j.claim, j.claimed = held, asked
	j.log = r.Log.With(slog.String("job_id", held.ID), slog.Int("attempt", held.Attempt))
	j.log.InfoContext(work, "claimed", slog.Int("problem", held.Problem), slog.Int("language", held.Language))
	work, j.stop = context.WithCancelCause(work)
	return work
}

// carry sees a job through to its end: its verdict is reported, or it is given back.
func (r *Runner) carry(work, calls context.Context, j *job, by wire) {
	r.count(1)
	defer r.count(-1)
	defer j.stop(nil)
	beating, stopBeating := context.WithCancel(calls)
	var beats sync.WaitGroup
	beats.Go(func() { by.keep(beating, j) })
	defer beats.Wait()
	defer stopBeating()

	cases, err := r.judge(work, j.claim)
	if fault, ok := errors.AsType[*unpack.Fault](err); ok {
		j.log.WarnContext(calls, "job cannot be judged", slog.String("reason", fault.Why))
		status := execute.JE
		if fault.NoSource {
			status = execute.CE
		}
		cases, err = execute.Same(j.claim.Meta.Tasks, status, fault.Why), nil
	}
	if err == nil {
		r.faults.Store(0)
		r.report(calls, j, cases, by)
		return
	}
	cause := context.Cause(work)
	switch {
	case errors.Is(cause, errLost), errors.Is(cause, errRefused):
		j.log.WarnContext(calls, "stopped", slog.Any("error", cause))
	case errors.Is(cause, errCancelled):
		r.release(calls, j, "cancelled", "")
	case cause != nil:
		r.release(calls, j, "drain", "")
	case react(err) == lost || react(err) == drop:
		j.log.WarnContext(calls, "job is gone", slog.Any("error", err))
	default:
		// A program may kill itself, and a problem may want a sandbox: that must not
		// make a runner take fewer jobs.
		if !errors.Is(err, execute.ErrKilled) && !errors.Is(err, execute.ErrNoSandbox) {
			r.faults.Add(1)
		}
		j.log.ErrorContext(calls, "job failed because of this runner", slog.Any("error", err))
		r.release(calls, j, "infra_error", err.Error())
	}
}

// release gives a job back.
func (r *Runner) release(calls context.Context, j *job, reason, detail string) {
	detail = strings.ReplaceAll(detail, r.Dir, "") // of no use there
	err := repeat(calls, releasePatience, func() error { return r.Client.release(calls, j.claim, reason, detail) })
	if err != nil {
		// Its lease ends by itself.
		j.log.WarnContext(calls, "release failed", slog.String("reason", reason), slog.Any("error", err))
		return
	}
	j.log.InfoContext(calls, "released", slog.String("reason", reason))
}
