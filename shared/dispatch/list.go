package dispatch

import (
	"cmp"
	"context"
	"slices"

	"runlease/shared/job"
)

// Listing is the reply to a list.
type Listing struct {
	Jobs        []job.Job // longest queued first; never nil
	PollSeconds int       // when to ask again
}

// List takes up to limit (1 to 10) messages off the queue of the first of the
// runner's pools in which something waits, and returns the jobs
// among them that this runner can claim; while a noisy group waits, a quiet group's job
// alone (fair.go). It writes nothing to a job but what the other messages ask for.
func (d *Dispatcher) List(ctx context.Context, runner job.Candidate, limit int) (Listing, Answer, error) {
	pools, answer := d.served(runner.Pools)
	if !answer.OK() {
		return Listing{}, answer, nil
	}
	idle := d.Pace.Idle
	runner, probes := d.asks(ctx, runner, true, 0)
	if probes || d.glimpses(runner.Runner) {
		limit = 1
	}
	if runner.Barred != "" {
		return Listing{Jobs: []job.Job{}, PollSeconds: seconds(idle)}, granted, nil
	}
	pauses, stays := d.paused(ctx)
	pools, shut := givenOut(pools, pauses)
	if len(pools) == 0 {
		return Listing{Jobs: []job.Job{}, PollSeconds: againIn(stays)}, granted, nil
	}
	if runner.Languages.Said() { // an existing client asks as often as ever
		idle = d.presence.share(idle, d.presence.hear(runner.Runner, runner.Pools, runner.Languages, d.Now()))
	}
	var offers []offer
	var seen tally
	for _, pool := range pools {
		var err error
		offers, seen, err = d.search(ctx, runner, pool, limit, listHide, d.needsOf)
		if err != nil {
			return Listing{}, Answer{}, err
		}
		if len(offers) > 0 {
			break
		}
	}
	slices.SortStableFunc(offers, func(a, b offer) int { return cmp.Compare(a.job.QueuedAt, b.job.QueuedAt) })
	offers, back := d.noise.of(seen.pool).part(offers, d.Now())
	hidings := make([]Hiding, len(back))
	for i, o := range back {
		hidings[i] = Hiding{Handle: o.handle} // not any longer
	}
	d.hide(ctx, seen.pool, hidings)
	l := Listing{Jobs: make([]job.Job, 0, len(offers)), PollSeconds: seconds(idle)}
	for _, o := range offers {
		l.Jobs = append(l.Jobs, o.job)
	}
	if len(offers) > 0 {
		if hide := d.looked(ctx, runner.Runner, l.Jobs); hide < listHide {
			sooner := make([]Hiding, len(offers))
			for i, o := range offers {
				sooner[i] = Hiding{o.handle, hide}
			}
			d.hide(ctx, seen.pool, sooner)
		}
	}
	if seen.all > 0 || seen.clogged { // there is more to see, even if only spent messages
		l.PollSeconds = seconds(d.Pace.Busy)
	}
	if shut != nil { // it is to find the others when they are resumed
		l.PollSeconds = min(l.PollSeconds, againIn(stays))
	}
	return l, granted, nil
}
