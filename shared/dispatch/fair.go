package dispatch

import (
	"slices"
	"sync"
	"time"
)

// Fair queues give the jobs of quiet groups out before those of a noisy one (a
// rejudge of thousands, a class on its last evening). A list undoes that: it is
// sorted by age, the noisy group's jobs are the older ones, and an existing
// client takes from the top what it has room for, which nobody tells us. So while
// a noisy group waits, a quiet group's job is listed alone.
const (
	// noisyLeast is how many jobs a noisy group has had of late at least: as many
	// as SQS asks of a noisy neighbour.
	noisyLeast = 30
	// noisyTimes is how many jobs it has had for one of a quiet group.
	noisyTimes = 4
	// noisyWaits is how long it counts as waiting after one of its jobs came off
	// the queue: two polls of an existing client.
	noisyWaits = 10 * time.Second
	// noiseFades is the time in which what was heard comes to count half.
	noiseFades = time.Minute
	// maxGroups bounds the memory; with more groups the past fades earlier.
	maxGroups = 1024
)

// noise remembers which groups the jobs that came off the queue were of, as this
// process has heard it. It is an estimate, asks nobody, and decides only what a
// list shows first: a new process lists as if all groups were quiet, until it has
// heard a noisy one. The zero value is ready.
type noise struct {
	mu      sync.Mutex
	heard   map[string]int // jobs by group, faded
	most    int            // of one group
	fadedAt time.Time
	lastAt  time.Time // when a noisy group's job was heard last
}

// part notes jobs that came off the queue in one receive of up to limit, oldest
// first, and divides them into those to be listed and those to go back at once.
func (n *noise) part(offers []offer, limit int, now time.Time) (listed, back []offer) {
	// The wall clock, as in hear.
	now = now.Round(0)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fade(now)
	for _, o := range offers {
		n.note(group(o))
	}
	first, quiet := 0, 0
	for i, o := range offers {
		if !n.quiet(group(o)) {
			continue
		}
		if quiet == 0 {
			first = i
		}
		quiet++
	}
	if n.most >= noisyLeast && quiet < len(offers) {
		n.lastAt = now
	}
	switch {
	case quiet == 0 || now.Sub(n.lastAt) > noisyWaits:
		return offers, nil
	case quiet == 1 && first == 0: // it is on top anyway
		return offers, nil
	case quiet == limit: // they are many themselves, and the noisy group is behind them
		return offers, nil
	}
	return offers[first : first+1], slices.Delete(slices.Clone(offers), first, first+1)
}

// group is what fair queues go by.
func group(o offer) string { return o.job.Message().Group }

// quiet says whether a group is small beside the largest.
func (n *noise) quiet(group string) bool {
	return n.most >= noisyLeast && noisyTimes*n.heard[group] <= n.most
}

// note counts a job. One without a group is a tenant of its own, as in SQS.
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
		n.fadedAt = now
	}
}

func (n *noise) halve() {
	n.most /= 2
	for group, jobs := range n.heard {
		if jobs /= 2; jobs > 0 {
			n.heard[group] = jobs
		} else {
			delete(n.heard, group)
		}
	}
}
