package durable

import (
	"sync/atomic"
	"time"
)

// ClockOf is a clock of the sources that a test gives it.
var ClockOf = clockOf

// The indexes show what was written almost at once: the suites wait for them.
func init() { settleAfter = 10 * time.Millisecond }

// Jump lets a test pass time: the clock that nobody sets goes on by what it says.
func (c *Clock) Jump(passed *atomic.Int64) {
	wall, running := c.wall, c.running
	c.wall = func() time.Time { return wall().Add(time.Duration(passed.Load())) }
	c.running = func() time.Duration { return running() + time.Duration(passed.Load()) }
}
