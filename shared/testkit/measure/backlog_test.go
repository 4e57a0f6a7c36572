package measure

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/bill"
	"runlease/shared/dispatch"
)

// TestBacklogCostsNothing: what a poll and a sweep cost does not depend on how
// many jobs wait or are under way. A sweep looks at up to 80 of the oldest and at
// a page of 100, so it has less to do when there are fewer.
func TestBacklogCostsNothing(t *testing.T) {
	few, many := Backlog{Waiting: 10}.Look(t), Backlog{Waiting: 1_000}.Look(t)
	want := Looked{List: few.List, Sync: few.Sync, Sweep: many.Sweep}
	if want.List.ReadUnits != 5 || want.Sync.ReadUnits != 3 || want.Sync.WriteUnits != 1 || want.Sweep.AWS["dynamodb Query jobs/open"] != dispatch.Shards+1 {
		t.Fatalf("got %v", want)
	}
	if units(few.Sweep) > units(want.Sweep) {
		t.Errorf("a sweep of 10 jobs costs %v, more than one of 1,000: %v", few.Sweep, want.Sweep)
	}
	for _, b := range []Backlog{
		{Waiting: 1_000},
		{Waiting: 100_000},
		{Waiting: 1_000_000},
		{Waiting: 1_000, InFlight: 1_000},
		{Waiting: 1_000, InFlight: 100_000},
	} {
		t.Run(fmt.Sprintf("%d waiting, %d in flight", b.Waiting, b.InFlight), func(t *testing.T) {
			if diff := cmp.Diff(want, b.Look(t)); diff != "" {
				t.Errorf("few (-) and many (+) jobs:\n%s", diff)
			}
		})
	}
}

func units(r bill.Request) float64 { return r.ReadUnits + r.WriteUnits }
