package durable

import (
	"sync"
	"time"
)

// Clock is the time of a folder: that of the machine, but it never goes back, not
// even from one start of the server to the next, and it does not jump. To
// set the machine's clock by an hour would otherwise end every lease at once, or
// let none of them end for an hour. A difference is made up for slowly.
type Clock struct {
	mu      sync.Mutex
	wall    func() time.Time
	running func() time.Duration // since some moment, by a clock that cannot be set
	at      time.Time
	then    time.Duration
}

// How a difference is made up for: leases and bells are off by a tenth meanwhile,
// which is less than what heartbeats leave.
const (
	slew = 10
	// farAhead is a difference that was no mistake of an hour or of a time zone: a
	// machine that began without a time has been told it. The clock follows at once.
	farAhead = 36 * time.Hour
)

// newClock is a Clock that goes on from the time of the last write, ms.
func newClock(last int64) *Clock {
	began := time.Now()
	return clockOf(last, func() time.Time { return time.Now().Round(0) }, func() time.Duration { return time.Since(began) })
}

func clockOf(last int64, wall func() time.Time, running func() time.Duration) *Clock {
	c := &Clock{wall: wall, running: running, at: wall(), then: running()}
	if kept := time.UnixMilli(last); kept.After(c.at) {
		c.at = kept
	}
	return c
}

// Now is the folder's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	running := c.running()
	passed := running - c.then
	c.then = running
	c.at = c.at.Add(passed)
	switch behind := c.wall().Sub(c.at); {
	case behind > farAhead:
		c.at = c.at.Add(behind)
	case behind > 0:
		c.at = c.at.Add(min(behind, passed/slew))
	case behind < 0:
		c.at = c.at.Add(-min(-behind, passed/slew))
	}
	return c.at
}
