package durable

import "time"

// ClockOf is a clock of the sources that a test gives it.
var ClockOf = clockOf

// The indexes show what was written almost at once: the suites wait for them.
func init() { settleAfter = 10 * time.Millisecond }

// Jump lets a test pass time: the clock that nobody sets goes on by what it says.
func (c *Clock) Jump(passed *time.Duration) {
	wall, running := c.wall, c.running
	c.wall = func() time.Time { return wall().Add(*passed) }
	c.running = func() time.Duration { return running() + *passed }
}
