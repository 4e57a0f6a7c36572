package fleet

import (
	"math/rand/v2"
	"testing"
	"time"

	"runlease/shared/testkit/queuetest"
)

// TestQueueIsAQueue: fairness, servers and copies take none of the port's promises
// away. The polls miss nothing here, since the suite's cases want all that there is.
func TestQueueIsAQueue(t *testing.T) {
	queuetest.Run(t, func(*testing.T) queuetest.Harness {
		c := newClock()
		q := newQueue(c.Now, rand.New(rand.NewPCG(1, 1)))
		q.misses, q.copies = 1e-9, 0
		return queuetest.Harness{Queue: q, Now: c.Now, Pass: func(d time.Duration) { c.now = c.now.Add(d) }}
	})
}
