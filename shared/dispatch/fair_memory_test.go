package dispatch

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/job"
)

// TestManyGroups: the memory of groups is bounded, and a noisy one is known
// among them anyway.
func TestManyGroups(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var n noise
	hear := func(group string) {
		n.part([]offer{{job: job.Job{Group: group}}}, now)
		if len(n.heard) > maxGroups {
			t.Fatalf("%d groups are remembered", len(n.heard))
		}
	}
	for range 400 {
		hear("class")
	}
	for i := range 3_000 {
		hear(fmt.Sprint("user-", i))
	}
	if n.quiet("class") || !n.quiet("user-2999") {
		t.Error("the noisy group is not known any more")
	}
}
