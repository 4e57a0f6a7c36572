package memory_test

import (
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/memory"
	"runlease/shared/testkit/queuetest"
)

// clock is a time that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ns.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.ns.Load()) }
func (c *clock) pass(d time.Duration) { c.ns.Add(int64(d)) }

func TestQueue(t *testing.T) {
	queuetest.Run(t, func(*testing.T) queuetest.Harness {
		c := newClock()
		return queuetest.Harness{Queue: memory.NewQueue(c.now), Now: c.now, Pass: c.pass}
	})
}
