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

// listReceives bounds how often one list looks behind messages that are spent
// (of cancelled jobs, say), so that they do not hide the jobs that wait.
const listReceives = 3

// Listing is the reply to a list.
type Listing struct {
	Jobs        []job.Job // longest queued first; never nil
	PollSeconds int       // when to ask again
}

// List takes up to limit (1 to 10) messages off the queue and returns the jobs
// among them that can be claimed. It writes nothing to a job but what the other
// messages ask for.
func (d *Dispatcher) List(ctx context.Context, limit int) (Listing, error) {
	var offers []offer
	seen := 0
	for range listReceives {
		some, messages, err := d.receive(ctx, limit, listHide)
		if err != nil {
			return Listing{}, err
		}
		offers, seen = some, seen+messages
		if len(offers) > 0 || messages == 0 {
			break
		}
	}
	l := Listing{Jobs: make([]job.Job, 0, len(offers)), PollSeconds: seconds(d.Pace.Idle)}
	for _, o := range offers {
		l.Jobs = append(l.Jobs, o.job)
	}
	slices.SortStableFunc(l.Jobs, func(a, b job.Job) int { return cmp.Compare(a.QueuedAt, b.QueuedAt) })
	if seen > 0 { // there is more to be seen, if only messages that are spent
		l.PollSeconds = seconds(d.Pace.Busy)
	}
	return l, nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }
