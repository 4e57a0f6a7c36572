package dispatch

import (
	"sync"
	"time"
)

// Fair queues give the jobs of quiet groups out before those of a noisy one (a
// rejudge of thousands, a class on its last evening). A list undoes that: it is
// sorted by age, the noisy group's jobs are the older ones, and an existing
// client takes from the top as many as it has room for, a number that it does not tell. So
// while a noisy group waits, a quiet group's job is listed alone. A client that
// is shown one job takes one, which is too few if quiet groups have many jobs
// in all: then those found are listed together, and still without the noisy
// group's.
const (
	// noisyLeast is the least number of recent jobs of a noisy group, as many as SQS
	// requires of a noisy neighbour.
	noisyLeast = 30
	// noisyTimes is how many jobs it has had for one of a quiet group.
	noisyTimes = 4
	// quietMuch: quiet groups have many jobs if they have more than one in quietMuch of
	// all jobs together.
	quietMuch = 4
	// noisyWaits is how long it counts as waiting after one of its jobs came off
	// the queue: two polls of an existing client.
	noisyWaits = 10 * time.Second
	// noiseFades is the time in which what was heard comes to count half.
	noiseFades = time.Minute
	// maxGroups bounds the memory; with more groups the past fades earlier.
	maxGroups = 1024
)

// noise remembers which groups the jobs that came off the queue were of, as
// this process has heard it. It is an estimate that costs no call, and decides only
// which of the jobs that were found a list shows: a new process shows all of them, until
// it has heard a noisy group. The zero value is ready.
type noise struct {
	mu      sync.Mutex
	heard   map[string]int // jobs by group, faded
	most    int            // of one group
	all     int            // of all groups, and of none
	calm    int            // those of quiet groups among them
	fadedAt time.Time
	lastAt  time.Time // when a job of a group that is not quiet was heard last
}

// part notes jobs that came off the queue in one receive, oldest first, and
// divides them into those to be listed and those to go back at once.
func (n *noise) part(offers []offer, now time.Time) (listed, back []offer) {
	// The wall clock, as in hear.
	now = now.Round(0)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fade(now)
	for _, o := range offers {
		n.note(group(o))
	}
	quiet := make([]offer, 0, len(offers))
	others := make([]offer, 0, len(offers))
	for _, o := range offers {
		if n.quiet(group(o)) {
			quiet = append(quiet, o)
		} else {
			others = append(others, o)
		}
	}
	n.all, n.calm = n.all+len(offers), n.calm+len(quiet)
	if n.most >= noisyLeast && len(others) > 0 {
		n.lastAt = now
	}
	switch {
	case len(quiet) == 0 || now.Sub(n.lastAt) > noisyWaits:
		return offers, nil
	case len(quiet) == 1 && n.quiet(group(offers[0])): // it is on top anyway
		return offers, nil
	case quietMuch*n.calm > n.all:
		return quiet, others
	}
	return quiet[:1], append(others, quiet[1:]...)
}

// group is what fair queues go by.
func group(o offer) string { return o.job.Message().Group }

// quiet reports whether a group is small beside the largest.
func (n *noise) quiet(group string) bool {
	return n.most >= noisyLeast && noisyTimes*n.heard[group] <= n.most
}

// note counts a job. One without a group is its own tenant, as in SQS.
func (n *noise) note(group string) {
	if group == "" {
		return
	}
	if n.heard == nil {
		n.heard = make(map[string]int)
	}
	n.heard[group]++
	n.most = max(n.most, n.heard[group])
}

// fade makes the past count half for each noiseFades that has passed.
func (n *noise) fade(now time.Time) {
	if len(n.heard) >= maxGroups {
		n.halve()
	}
	for ; len(n.heard) > 0 && now.Sub(n.fadedAt) >= noiseFades; n.fadedAt = n.fadedAt.Add(noiseFades) {
		n.halve()
	}
	if len(n.heard) == 0 {
		n.fadedAt, n.all, n.calm = now, 0, 0
	}
}

func (n *noise) halve() {
	n.most, n.all, n.calm = n.most/2, n.all/2, n.calm/2
	for group, jobs := range n.heard {
		if jobs /= 2; jobs > 0 {
			n.heard[group] = jobs
		} else {
			delete(n.heard, group)
		}
	}
}
