package runner

import (
	"context"
	"log/slog"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
)

const spoolEvery = 30 * time.Second

// result makes a result of cases.
func result(held claim, cases [][]execute.Case) spool.Result {
	return spool.Result{JobID: held.ID, Attempt: held.Attempt, Token: held.Token, Tasks: cases, Since: time.Now()}
}

// report puts a result where it survives a crash, and delivers it.
func (r *Runner) report(calls context.Context, j *job, cases [][]execute.Case, by wire) {
	res := r.Spool.WithOutputs(result(j.claim, cases))
	r.delivering.Store(res.Key(), true)
	defer r.delivering.Delete(res.Key())
	if err := r.Spool.Put(res); err != nil { // then it must do without
		j.log.ErrorContext(calls, "result is not on disk", slog.Any("error", err))
	}
	err := by.deliver(calls, j, res)
	r.settle(calls, res, err, j.log.With(slog.Int64("took_ms", time.Since(j.claimed).Milliseconds())))
	if react(err) == drop { // the claim is still ours, and no work on it goes on
		r.release(calls, j, "infra_error", err.Error())
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

// deliverLeft delivers what an earlier process, or a job that ran out of
// patience, has left on disk, until ctx is done.
func (r *Runner) deliverLeft(ctx context.Context) {
	for {
		results, err := r.Spool.List(func(key string) bool {
			_, is := r.delivering.Load(key)
			return is
		})
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
