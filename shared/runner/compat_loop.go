package runner

import (
	"context"
	"encoding/json"
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

// poll lists and starts jobs until work is done, or, with true, until the server
// has a sync.
func (r *Runner) poll(work, tell context.Context, jobs *sync.WaitGroup) (synced bool) {
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
			nothing := Sync{LeaseSeconds: int(r.Lease.Seconds()), Done: []json.RawMessage{}, Active: []Active{}}
			if _, err := r.Client.Sync(work, nothing); err == nil {
				r.Log.InfoContext(work, "the server has a sync now")
				return true
			}
			began = time.Now()
		}
		listing, err := r.Client.List(work, min(r.free(), 10))
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
			wait = max(directed(listing.PollSeconds), leastPoll)
		}
		for _, listed := range listing.Jobs {
			if !ident.Job(listed.ID) || r.free() == 0 {
				continue
			}
			j := &job{}
			r.take(j, true)
			jobs.Go(func() {
				defer r.take(j, false)
				r.claim(work, tell, j, listed.ID)
			})
		}
		if sleep(work, max(wait, r.faultPause())) != nil {
			return false
		}
	}
}

// claim claims a listed job and sees it through to its end.
func (r *Runner) claim(work, tell context.Context, j *job, id string) {
	asked := time.Now()
	// Not with work: a claim whose reply we do not wait for is a job that waits.
	claim, err := r.Client.Claim(tell, id, r.Lease)
	switch react(err) {
	case goOn:
		fault := claim.check()
		if fault == nil && claim.ID != id {
			fault = fmt.Errorf("it is of job %.80q", claim.ID)
		}
		if fault != nil {
			r.Log.ErrorContext(tell, "the server gave a claim that cannot be one", slog.String("job_id", id), slog.Any("error", fault))
			return
		}
		r.carry(r.begin(work, j, claim, asked), tell, j, singly{r})
	case lost:
		r.Log.DebugContext(tell, "another runner was faster", slog.String("job_id", id))
	default:
		r.Log.WarnContext(tell, "claim failed", slog.String("job_id", id), slog.Any("error", err))
	}
}

// singly is the wire with separate calls for every job.
type singly struct{ r *Runner }

func (w singly) keep(ctx context.Context, j *job) {
	w.r.heartbeat(ctx, j, w.r.every(j.claim))
}

func (w singly) deliver(ctx context.Context, _ *job, res spool.Result) error {
	return w.r.Client.deliver(ctx, res, resultPatience)
}

// every is the time between two heartbeats.
func (r *Runner) every(claim Claim) time.Duration {
	if claim.HeartbeatSeconds > 0 {
		return time.Duration(claim.HeartbeatSeconds) * time.Second
	}
	// The server did not say: a third leaves room for two lost ones.
	return max(r.Lease/3, time.Second)
}

// heartbeat keeps a lease until ctx is done, the first time after wait, and
// stops the work when the job is not ours any more. While the server is away the
// work goes on: an expired claim is still good until another replaces it.
func (r *Runner) heartbeat(ctx context.Context, j *job, wait time.Duration) {
	every, failed := r.every(j.claim), 0
	for sleep(ctx, wait) == nil {
		cancelled, err := r.Client.Heartbeat(ctx, j.claim)
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
