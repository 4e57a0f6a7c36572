package meter_test

import (
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/meter"
	"runlease/shared/meter/canned"
)

// crowded is a world in which n jobs are queued.
func crowded(t *testing.T, n int) *world {
	w := newWorld(t)
	w.publish("65536")
	w.create(id(0))
	model := w.backend.Item("jobs", id(0))
	w.pass(time.Minute)
	w.do("cancel-job", 200, "/jobs/"+id(0)+"/cancel", "")
	w.do("list-jobs", 200, "/runner/jobs", "")
	began := w.clock.UnixMilli()
	name := func(i int) string { return "waiting-" + strconv.Itoa(10_000_000+i) }
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	keys := func(i int) canned.Item {
		return canned.Item{
			dynamo.JobsKey:   text(name(i)),
			dynamo.OpenHash:  text("open#" + strconv.Itoa(i%dispatch.Shards)),
			dynamo.OpenRange: text(strconv.FormatInt(began+int64(i), 10) + "#" + name(i)),
		}
	}
	w.backend.FillTable("jobs", n, keys, func(i int) canned.Item {
		it := maps.Clone(model)
		maps.Copy(it, keys(i))
		return it
	})
	w.backend.FillQueue(queueURL, n, func(i int) canned.Message {
		return canned.Message{Body: `{"job":"` + name(i) + `","bell":1}`, Group: "user-10442"}
	})
	if n > 0 && w.backend.Messages(queueURL) != n {
		t.Fatalf("%d messages, want %d", w.backend.Messages(queueURL), n)
	}
	return w
}

// TestBacklogCostsNothing: what a poll and a sweep cost does not depend on how
// many jobs wait. A sweep looks at up to 80 of the oldest and a page of 100, so
// it has less to do when there are fewer.
func TestBacklogCostsNothing(t *testing.T) {
	measure := func(n int) (polls, sweep []meter.Request) {
		w := crowded(t, n)
		if listed := w.do("list-jobs", 200, "/runner/jobs", "")["jobs"].([]any); len(listed) != 4 {
			t.Fatalf("%d jobs listed, want 4", len(listed))
		}
		polls = append(polls, meter.Sum("list", 1, w.cleared))
		// The first sync of a function; it knows nothing yet.
		if s := w.synced(dispatch.SyncRequest{Slots: 1}); len(s.Jobs) != 1 {
			t.Fatalf("%d jobs claimed, want 1", len(s.Jobs))
		}
		polls = append(polls, meter.Sum("sync", 1, w.cleared))
		if s := w.swept(); s.Looked == 0 {
			t.Fatal("nothing swept")
		}
		sweep = append(sweep, meter.Sum("sweep", 0, w.cleared))
		return polls, sweep
	}
	wantPolls, _ := measure(10)
	_, wantSweep := measure(1_000)
	if wantPolls[0].ReadUnits != 4 || wantSweep[0].AWS["dynamodb Query jobs/open"] != dispatch.Shards+1 {
		t.Fatalf("got %v and %v", wantPolls, wantSweep)
	}
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		polls, sweep := measure(n)
		if diff := cmp.Diff(wantPolls, polls); diff != "" {
			t.Errorf("polls, 10 (-) and %d (+) jobs:\n%s", n, diff)
		}
		if diff := cmp.Diff(wantSweep, sweep); diff != "" {
			t.Errorf("sweep, 1,000 (-) and %d (+) jobs:\n%s", n, diff)
		}
		t.Logf("%d jobs: %v %v", n, polls, sweep)
	}
}
