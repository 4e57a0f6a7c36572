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

// List takes up to limit (1 to 10) messages off the queue and returns the jobs
// among them that this runner can claim; while a noisy group waits, a quiet group's job
// alone (fair.go). It writes nothing to a job but what the other messages ask for.
func (d *Dispatcher) List(ctx context.Context, runner job.Candidate, limit int) (Listing, error) {
	idle := d.Pace.Idle
	if runner.Languages.Said() { // an existing client asks as often as ever
		idle = d.fleet.share(idle, d.fleet.hear(runner.Runner, runner.Languages, d.Now()))
	}
	offers, seen, err := d.search(ctx, runner, limit, listHide, d.needsOf)
	if err != nil {
		return Listing{}, err
	}
	slices.SortStableFunc(offers, func(a, b offer) int { return cmp.Compare(a.job.QueuedAt, b.job.QueuedAt) })
	offers, back := d.noise.part(offers, d.Now())
	hidings := make([]Hiding, len(back))
	for i, o := range back {
		hidings[i] = Hiding{Handle: o.handle} // not any longer
	}
	d.hide(ctx, hidings)
	l := Listing{Jobs: make([]job.Job, 0, len(offers)), PollSeconds: seconds(idle)}
	for _, o := range offers {
		l.Jobs = append(l.Jobs, o.job)
	}
	if seen.all > 0 || seen.clogged { // there is more to be seen, if only messages that are spent
		l.PollSeconds = seconds(d.Pace.Busy)
	}
	return l, nil
}
