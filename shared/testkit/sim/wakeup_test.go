package sim_test

import (
	"strings"
	"testing"

	"runlease/shared/testkit/sim"
)

// TestWakeups explores the smallest scopes of the doorbell, and shows that each of
// its rules is needed; make sim does all of it.
func TestWakeups(t *testing.T) {
	for i, w := range append(sim.Wakeups(), sim.Sleepers()...) {
		if (i > 0 && !w.Broken() || w.AnySeat) && !*full {
			continue
		}
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			e := sim.ExploreWakeups(w)
			t.Logf("%d states, %d transitions", e.States, e.Transitions)
			switch {
			case e.Failed() && !w.Broken():
				t.Fatalf("%s\n%s", e.Fault, strings.Join(e.Trace, "\n"))
			case !e.Failed() && w.Broken():
				t.Error("no wake-up was lost")
			case !w.Broken() && e.States < 10_000:
				t.Errorf("only %d states were reached", e.States)
			}
		})
	}
}
