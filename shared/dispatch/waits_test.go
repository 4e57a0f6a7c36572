package dispatch_test

import (
	"context"
	"testing"
	"time"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
)

// TestWaitsOfTheLastHour are those of a pool, and no older ones.
func TestWaitsOfTheLastHour(t *testing.T) {
	w := newWorld(t)
	var heard dispatch.WaitsHeard
	hear := func(m deployment.Metric, seconds float64) { heard.Hear(m, "", seconds, w.clock) }
	w.LastHour = func(context.Context, []string) (map[string]dispatch.Waits, error) { return heard.Waits(w.clock), nil }
	waits := func() *dispatch.Waits {
		t.Helper()
		pools, err := w.Pools(w.ctx)
		must(t, err)
		return pools[0].Waits
	}
	if got := waits(); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	hear(deployment.QueueWait, 1000)
	w.pass(30 * time.Minute)
	for range 98 {
		hear(deployment.QueueWait, 2)
	}
	hear(deployment.QueueWait, 0)
	hear(deployment.RunTime, 500)
	heard.Hear(deployment.QueueWait, "exam", 500, w.clock)
	if got := waits(); got.Mean != 11960*time.Millisecond || got.P99 < 2*time.Second || got.P99 > 2200*time.Millisecond {
		t.Errorf("of 100 jobs, one of which waited for long: %v", got)
	}
	w.pass(31 * time.Minute)
	if got := waits(); got.Mean > 2*time.Second {
		t.Errorf("an hour later: %v", got)
	}
	w.pass(59 * time.Minute) // two hours after the first
	if got := waits(); got != nil {
		t.Errorf("two hours later: %v", got)
	}
	hear(deployment.QueueWait, 1e9)
	if got := waits(); got == nil || got.Mean < 1e8*time.Second/10 || got.P99 < 20*time.Hour {
		t.Errorf("of one that waited for years: %v", got)
	}
}
