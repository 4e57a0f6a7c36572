package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"runlease/shared/ident"
	"runlease/shared/runner/spool"
)

// syncAgain is how long it takes to try again whether the server has a sync: it
// may have been another that said so, or it has got one.
const syncAgain = 5 * time.Minute

// runnerBarred is the code of a claim that is refused whatever the job. The lists that follow
// are empty and do not tell why, nor that it is for ever.
const runnerBarred = "runner_barred"

// poll lists and starts jobs until work is done, or, with true, until the server
// has a sync.
func (r *Runner) poll(work, calls context.Context, jobs *sync.WaitGroup) (synced bool) {
	began := time.Now()
	for failed := 0; ; {
		for r.free() == 0 {
			select {
			case <-r.changed:
			case <-work.Done():
				return false
			}
		}
		if !r.Compat && time.Since(began) > syncAgain {
			if _, err := r.Client.sync(work, r.nothing()); err == nil {
				r.Log.InfoContext(work, "the server has a sync now")
				return true
			}
			began = time.Now()
		}
		listing, err := r.Client.list(work, min(r.free(), 10))
		var wait time.Duration
		switch {
		case work.Err() != nil:
			return false
		case err != nil:
			wait = pause(failed, err)
			failed++
			r.Log.WarnContext(work, "list failed, asking again", slog.Any("error", err), slog.Int64("wait_ms", wait.Milliseconds()))
		default:
			if failed > 0 {
				r.Log.InfoContext(work, "server is back", slog.Int("failed", failed))
			}
			failed = 0
			wait = max(pollInterval(listing.PollSeconds), leastPoll)
		}
		for _, listed := range listing.Jobs {
			if !ident.Job(listed.ID) || r.free() == 0 {
				continue
			}
			j := &job{}
			r.occupy(j, true)
			jobs.Go(func() {
				defer r.occupy(j, false)
				r.claim(work, calls, j, listed.ID)
			})
		}
		if sleep(work, max(wait, r.faultPause())) != nil {
			return false
		}
	}
}

// claim claims a listed job and sees it through to its end.
func (r *Runner) claim(work, calls context.Context, j *job, id string) {
	asked := time.Now()
	// Not with work: a claim whose reply we do not wait for is a job that waits.
	held, err := r.Client.claim(calls, id, r.Lease)
	switch react(err) {
	case goOn:
		fault := held.check()
		if fault == nil && held.ID != id {
			fault = fmt.Errorf("it is of job %.80q", held.ID)
		}
		if fault != nil {
			r.Log.ErrorContext(calls, "the server gave a claim that cannot be one", slog.String("job_id", id), slog.Any("error", fault))
			return
		}
		r.carry(r.begin(work, j, held, asked), calls, j, separateCalls{r})
	case lost:
		if reply, is := errors.AsType[*replyError](err); is && reply.Code == runnerBarred { // by an act since the list
			r.Log.WarnContext(calls, "the server gives this runner no jobs", slog.String("job_id", id), slog.String("meaning", reply.Message))
			return
		}
		r.Log.DebugContext(calls, "another runner was faster", slog.String("job_id", id))
	default:
		r.Log.WarnContext(calls, "claim failed", slog.String("job_id", id), slog.Any("error", err))
	}
}

// separateCalls is the wire with calls for each job.
type separateCalls struct{ r *Runner }

func (w separateCalls) keep(ctx context.Context, j *job) {
	w.r.heartbeat(ctx, j, w.r.heartbeatInterval(j.claim))
}

func (w separateCalls) deliver(ctx context.Context, _ *job, res spool.Result) error {
	return w.r.Client.deliver(ctx, res, resultPatience)
}
