package measure

import (
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/bill"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/job"
	"runlease/shared/testkit/canned"
	"runlease/shared/testkit/meter"
)

// Backlog is what is there when a poll or a sweep comes.
type Backlog struct {
	Waiting  int // jobs that can be claimed
	InFlight int // jobs that are claimed
}

// Looked is what each kind of look costs.
type Looked struct{ List, Sync, Sweep bill.Request }

// Look lists, syncs and sweeps once each with a backlog of jobs, by functions
// that know nothing yet.
func (b Backlog) Look(t T) Looked {
	w := crowded(t, b)
	var l Looked
	if listed := w.do("list-jobs", 200, "/runner/jobs", "")["jobs"].([]any); len(listed) != min(4, b.Waiting) {
		t.Fatalf("%d jobs listed, want 4", len(listed))
	}
	l.List = meter.Sum("list", 1, w.cleared)
	if claimed := w.synced(1); len(claimed) != min(1, b.Waiting) {
		t.Fatalf("%d jobs claimed, want 1", len(claimed))
	}
	l.Sync = meter.Sum("sync", 1, w.cleared)
	if s := w.swept(); s.Looked == 0 {
		t.Fatal("nothing swept")
	}
	l.Sweep = meter.Sum("sweep", 0, w.cleared)
	return l
}

// crowded is a world with a backlog. The messages of jobs in flight are hidden,
// as their leases are.
func crowded(t T, b Backlog) *world {
	w := newWorld(t)
	w.publish()
	w.create(id(0))
	queued := w.backend.Item("jobs", id(0))
	w.synced(1)
	claimed := w.backend.Item("jobs", id(0))
	w.pass(0)
	w.do("cancel-job", 200, "/jobs/"+id(0)+"/cancel", "")
	w.pass(2 * time.Minute) // its runner has fallen silent
	w.do("list-jobs", 200, "/runner/jobs", "")
	if left := w.backend.Messages(queueURL); left != 0 {
		t.Fatalf("%d messages left", left)
	}

	// Those in flight were queued first. Their leases end in ten minutes.
	began := w.clock.UnixMilli()
	lease := strconv.FormatInt(w.clock.Add(10*time.Minute).UnixMilli(), 10)
	name := func(i int) string { return "waiting-" + strconv.Itoa(10_000_000+i) }
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	keys := func(i int) canned.Item {
		return canned.Item{
			dynamo.JobsKey:   text(name(i)),
			dynamo.OpenHash:  text("open#" + strconv.Itoa(i%dispatch.Shards)),
			dynamo.OpenRange: text(strconv.FormatInt(began+int64(i), 10) + "#" + name(i)),
		}
	}
	w.backend.FillTable("jobs", b.InFlight+b.Waiting, keys, func(i int) canned.Item {
		model := queued
		if i < b.InFlight {
			model = claimed
		}
		it := maps.Clone(model)
		maps.Copy(it, keys(i))
		if i < b.InFlight {
			it[dynamo.LeaseExpiresAt] = &types.AttributeValueMemberN{Value: lease}
		}
		return it
	})
	w.backend.FillQueue(queueURL, b.InFlight+b.Waiting, b.InFlight, 10*time.Minute, func(i int) job.Message {
		return job.Message{Job: name(i), Bell: 1, Group: "user-10442"}
	})
	if there := w.backend.Messages(queueURL); there != b.Waiting+b.InFlight {
		t.Fatalf("%d messages, want %d", there, b.Waiting+b.InFlight)
	}
	return w
}
