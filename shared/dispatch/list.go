package dispatch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"runlease/shared/job"
)

// listHide is how long a listed job is not shown to others. A client claims
// what it wants at once; what it leaves is soon back.
const listHide = 3 * time.Second

// maxReceives bounds how often one search looks behind messages that are spent
// (of cancelled jobs, say), so that they do not hide the jobs that wait.
const maxReceives = 3

// Listing is the reply to a list.
type Listing struct {
	Jobs        []job.Job // longest queued first; never nil
	PollSeconds int       // when to ask again
}

// List takes up to limit (1 to 10) messages off the queue and returns the jobs
// among them that can be claimed; while a noisy group waits, a quiet group's job
// alone (fair.go). It writes nothing to a job but what the other messages ask for.
func (d *Dispatcher) List(ctx context.Context, limit int) (Listing, error) {
	offers, seen, err := d.search(ctx, limit, listHide)
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
	l := Listing{Jobs: make([]job.Job, 0, len(offers)), PollSeconds: seconds(d.Pace.Idle)}
	for _, o := range offers {
		l.Jobs = append(l.Jobs, o.job)
	}
	if seen.all > 0 { // there is more to be seen, if only messages that are spent
		l.PollSeconds = seconds(d.Pace.Busy)
	}
	return l, nil
}

// tally is how many messages a search has seen: in all, and in its last
// receive.
type tally struct{ all, last int }

// search receives until there are jobs that can be claimed, or no messages.
func (d *Dispatcher) search(ctx context.Context, limit int, hide time.Duration) (offers []offer, seen tally, err error) {
	for range maxReceives {
		offers, seen.last, err = d.receive(ctx, limit, hide)
		seen.all += seen.last
		if err != nil || len(offers) > 0 || seen.last == 0 {
			break
		}
	}
	return offers, seen, err
}

func seconds(d time.Duration) int { return int(d / time.Second) }
