package dispatch

import (
	"slices"
	"sync"
	"time"
)

// Fair queues give the job of a quiet group out before those of a crowd (a
// rejudge of thousands, a class on its last evening). A list undoes that: it is
// sorted by age, a crowd's jobs are the older ones, and an existing client takes
// from the top what it has room for, which nobody tells us. So while a crowd
// waits, a quiet group's job is listed alone.
const (
	// crowdLeast is how many jobs a crowd has had of late at least. The same as
	// SQS asks of a noisy neighbour.
	crowdLeast = 30
	// crowdTimes is how many jobs it has had for one of a quiet group.
	crowdTimes = 4
	// crowdWaits is how long it counts as waiting after one of its jobs came off
	// the queue: two polls of an existing client.
	crowdWaits = 10 * time.Second
	// crowdFades is the time in which what was seen comes to count half.
	crowdFades = time.Minute
	// maxGroups bounds the memory; with more groups the past fades earlier.
	maxGroups = 1024
)

// crowd remembers which groups the jobs that came off the queue were of, as this
// process has seen it. It is an estimate, asks nobody, and decides only what a
// list shows first: a new process lists as if there were no crowds, until it has
// seen one. The zero value is ready.
type crowd struct {
	mu      sync.Mutex
	seen    map[string]int // jobs by group, faded
	most    int            // of one group
	fadedAt time.Time
	waitsAt time.Time // when a crowd's job was last seen
}

// part notes jobs that came off the queue in one receive of up to limit, oldest
// first, and divides them into those to be listed and those to go back at once.
func (c *crowd) part(offers []offer, limit int, now time.Time) (listed, back []offer) {
	// The wall clock, as in hear.
	now = now.Round(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fade(now)
	for _, o := range offers {
		c.note(group(o))
	}
	first, quiet := 0, 0
	for i, o := range offers {
		if !c.quiet(group(o)) {
			continue
		}
		if quiet == 0 {
			first = i
		}
		quiet++
	}
	if c.most >= crowdLeast && quiet < len(offers) {
		c.waitsAt = now
	}
	switch {
	case quiet == 0 || now.Sub(c.waitsAt) > crowdWaits:
		return offers, nil
	case quiet == 1 && first == 0: // it is on top anyway
		return offers, nil
	case quiet == limit: // they are many themselves, and the crowd is behind them
		return offers, nil
	}
	return offers[first : first+1], slices.Delete(slices.Clone(offers), first, first+1)
}

// group is what fair queues go by.
func group(o offer) string { return o.job.Message().Group }

// quiet says whether a group is small beside the largest.
func (c *crowd) quiet(group string) bool {
	return c.most >= crowdLeast && crowdTimes*c.seen[group] <= c.most
}

// note counts a job. One without a group is a tenant of its own, as in SQS.
func (c *crowd) note(group string) {
	if group == "" {
		return
	}
	if c.seen == nil {
		c.seen = make(map[string]int)
	}
	c.seen[group]++
	c.most = max(c.most, c.seen[group])
}

// fade makes the past count half for each crowdFades that has passed.
func (c *crowd) fade(now time.Time) {
	if len(c.seen) >= maxGroups {
		c.halve()
	}
	for ; len(c.seen) > 0 && now.Sub(c.fadedAt) >= crowdFades; c.fadedAt = c.fadedAt.Add(crowdFades) {
		c.halve()
	}
	if len(c.seen) == 0 {
		c.fadedAt = now
	}
}

func (c *crowd) halve() {
	c.most /= 2
	for group, n := range c.seen {
		if n /= 2; n > 0 {
			c.seen[group] = n
		} else {
			delete(c.seen, group)
		}
	}
}
