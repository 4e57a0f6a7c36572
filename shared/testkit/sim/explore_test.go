package sim_test

import (
	"flag"
	"strings"
	"testing"

	"runlease/shared/testkit/sim"
)

var full = flag.Bool("full", false, "explore a part of the scopes too that even so take half a minute and more")

// quick names the others.
var quick = map[string]bool{"heartbeats": true, "releases": true, "sync": true, "three attempts": true, "sweep and heartbeats": true}

// TestExplore goes through a part of each scope; make sim through the whole.
func TestExplore(t *testing.T) {
	for _, scope := range sim.Scopes() {
		if !quick[scope.Name] && !*full {
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
