package dispatch

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/job"
)

// TestManyGroups: the memory of groups is bounded, and a crowd is known among
// them all the same.
func TestManyGroups(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var c crowd
	see := func(group string) {
		c.part([]offer{{job: job.Job{Group: group}}}, 10, now)
		if len(c.seen) > maxGroups {
			t.Fatalf("%d groups are remembered", len(c.seen))
		}
	}
	for range 400 {
		see("class")
	}
	for i := range 3_000 {
		see(fmt.Sprint("user-", i))
	}
	if c.quiet("class") || !c.quiet("user-2999") {
		t.Error("the crowd is not known any more")
	}
}
