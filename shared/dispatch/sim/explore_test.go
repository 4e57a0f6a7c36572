package sim_test

import (
	"flag"
	"strings"
	"testing"

	"runlease/shared/dispatch/sim"
)

var full = flag.Bool("full", false, "explore the scopes that take minutes too")

// minutes names the scopes that only -full goes through.
var minutes = map[string]bool{"rejudge": true, "cancel": true, "sweep": true}

// TestExplore goes through a part of each scope.
func TestExplore(t *testing.T) {
	for _, scope := range sim.Scopes() {
		if minutes[scope.Name] && !*full {
			continue
		}
		t.Run(scope.Name, func(t *testing.T) {
			t.Parallel()
			e := sim.Explore(scope.Small())
			if e.Failed() {
				t.Fatalf("after %d states: %s\n%s", e.States, e.Fault, strings.Join(e.Trace, "\n"))
			}
			t.Logf("%d states, %d transitions, %d ends", e.States, e.Transitions, e.Ends)
			if e.States < 100 || e.Ends < 10 {
				t.Errorf("only %d states and %d ends were reached", e.States, e.Ends)
			}
		})
	}
}
