package dispatch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// The codes of pauses.
const (
	PoolNotFound  job.Outcome = "pool_not_found" // Detail: the pools that there are
	NotPaused     job.Outcome = "not_paused"
	TooManyPauses job.Outcome = "too_many_pauses"
)

// exists refuses a target that does not exist: with PoolNotFound or ProblemNotFound.
func (d *Dispatcher) exists(ctx context.Context, target string) (Answer, error) {
	if pool, is := roster.PoolOf(target); is && !d.Queues.has(job.PoolOf(pool)) {
		return Answer{Outcome: PoolNotFound, Detail: d.noPool(pool).Detail}, nil
	}
	if id := (roster.Pause{Target: target}).Problem(); id != 0 {
		return d.problemExists(ctx, id)
	}
	return granted, nil
}

func (d *Dispatcher) problemExists(ctx context.Context, id int) (Answer, error) {
	_, found, err := d.Store.Problem(ctx, id)
	if err == nil && !found {
		return Answer{Outcome: ProblemNotFound}, nil
	}
	return granted, err
}

// PauseJobs lets no jobs of the order's target be given out. A target that is paused
// stays so as it is. Refused with TooManyPauses, PoolNotFound and ProblemNotFound.
func (d *Dispatcher) PauseJobs(ctx context.Context, target string, o roster.Order) (*roster.Pause, Answer, error) {
	o.Act, o.At = roster.ActPause, d.now()
	all, err := d.Roster.Pauses(ctx)
	if err != nil {
		return nil, Answer{}, err
	}
	if was := roster.Pauses(all).On(target); was != nil {
		return was, granted, nil
	}
	if answer, err := d.exists(ctx, target); err != nil || !answer.OK() {
		return nil, answer, err
	}
	if len(all) >= roster.MaxPauses {
		return nil, Answer{Outcome: TooManyPauses, Detail: fmt.Sprintf("there are %d, resume one first", len(all))}, nil
	}
	p := roster.Pause{Target: target, At: o.At, By: o.By, Why: o.Why}
	if p.WriteID, err = d.writeID(); err != nil {
		return nil, Answer{}, err
	}
	current, err := d.Roster.SavePause(ctx, p, o.Entry(target, p.WriteID))
	d.pauses.forget()
	return &current, granted, err
}

// ResumeJobs ends the pause of a target, also of a pool that is not there any more.
// Refused with NotPaused, PoolNotFound and ProblemNotFound.
func (d *Dispatcher) ResumeJobs(ctx context.Context, target string, o roster.Order) (Answer, error) {
	o.Act, o.At = roster.ActResume, d.now()
	all, err := d.Roster.Pauses(ctx)
	if err != nil {
		return Answer{}, err
	}
	was := roster.Pauses(all).On(target)
	if was == nil {
		if answer, err := d.exists(ctx, target); err != nil || !answer.OK() {
			return answer, err
		}
		return Answer{Outcome: NotPaused}, nil
	}
	id, err := d.writeID()
	if err != nil {
		return Answer{}, err
	}
	resumed, err := d.Roster.DeletePause(ctx, *was, o.Entry(target, id))
	d.pauses.forget()
	if err == nil && !resumed { // another was first
		return Answer{Outcome: NotPaused}, nil
	}
	return granted, err
}

// Pauses lists the pauses that are in force.
func (d *Dispatcher) Pauses(ctx context.Context) (roster.Pauses, error) {
	if d.Roster == nil {
		return nil, nil
	}
	return d.Roster.Pauses(ctx)
}

// pauses are the pauses that this process goes by. The zero value is ready.
type pauses struct {
	mu    sync.Mutex
	known roster.Pauses
	until time.Time // to be read again then
}

// againAfter is when pauses that could not be read are tried again.
const againAfter = 5 * time.Second

// paused returns the pauses that this process goes by, and for how long it does: it
// reads them once in roster.Remembered. What cannot be read counts as it was.
func (d *Dispatcher) paused(ctx context.Context) (known roster.Pauses, stays time.Duration) {
	if d.Roster == nil {
		return nil, 0
	}
	p := &d.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	now := d.Now().Round(0)
	if stays = p.until.Sub(now); stays > 0 && stays <= roster.Remembered {
		return p.known, stays
	}
	stays = roster.Remembered
	read, err := d.Roster.Pauses(ctx)
	if err == nil {
		p.known = read
	} else {
		d.Log.WarnContext(ctx, "pauses not read", "error", err)
		stays = againAfter
	}
	p.until = now.Add(stays)
	return p.known, stays
}

func (p *pauses) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
}

// againIn is when a runner that found only what is paused asks again: a resume is in
// force then.
func againIn(stays time.Duration) int { return max(1, seconds(stays+time.Second-1)) }

// pausedDetail returns, for people, who paused the jobs, when and why.
func pausedDetail(p *roster.Pause) string {
	return fmt.Sprintf("%s is paused by %s since %s: %s", p.Target, p.By, p.At.Std().Format(time.RFC3339), p.Why)
}
