package function

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// seed stores jobs that have waited for an hour, with their messages.
func seed(t *testing.T, store *memory.Store, d *dispatch.Dispatcher, ids ...string) {
	t.Helper()
	ago := job.At(d.Now().Add(-time.Hour))
	for _, id := range ids {
		j, _ := job.SubmitOp{Now: ago}.Apply(job.CreateOp{Now: ago, ID: id, Problem: 1}.New())
		if id == "over" {
			j, _ = job.ClaimOp{Now: ago, Runner: "r", TokenHash: "h", LeaseSeconds: 60, ProblemVersion: 1}.Apply(j)
			j, _ = job.CancelOp{Now: ago}.Apply(j)
		}
		j.Revision, j.WriteID = 1, "00"
		if _, created, err := store.Create(t.Context(), j); err != nil || !created {
			t.Fatal(created, err)
		}
		if err := d.Queue.Ring(t.Context(), j.Message()); err != nil {
			t.Fatal(err)
		}
	}
}

// sweepable is a deployment with a waiting job and a job that is over.
func sweepable(t *testing.T, now time.Time) *dispatch.Dispatcher {
	t.Helper()
	d := dispatch.Bare()
	d.Log = slog.New(slog.DiscardHandler)
	d.Now = func() time.Time { return now }
	store := memory.NewStore()
	d.Store, d.Queue = store, memory.NewQueue(d.Now)
	seed(t, store, d, "waiting", "over")
	return d
}

func TestSweepReportsWhatItDid(t *testing.T) {
	t.Setenv("RUNLEASE_STAGE", "prod")
	take := logged(t)
	reply, err := Sweep(sweepable(t, time.Now())).Invoke(t.Context(), []byte(`{"detail-type":"Scheduled Event"}`))
	if err != nil || string(reply) != "null" {
		t.Fatalf("reply %s, %v", reply, err)
	}
	lines := take()
	if len(lines) != 1 || lines[0]["msg"] != "swept" || lines[0]["ended"] != 1.0 || lines[0]["rang"] != 0.0 {
		t.Fatalf("logged %v", lines)
	}
	if diff := cmp.Diff(map[string]any{"OldestOpenJobSeconds": 3600.0, "WantedSlots": 1.0}, embedded(t, lines[0])); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// silent is a queue that cannot be asked.
type silent struct{ dispatch.Queue }

var errSilent = errors.New("no answer")

func (silent) Depth(context.Context) (dispatch.Depth, error) { return dispatch.Depth{}, errSilent }

// A sweep that fails reports no age: the alarm is for that it did not run.
func TestSweepThatFailsReportsNothing(t *testing.T) {
	t.Setenv("RUNLEASE_STAGE", "prod")
	take := logged(t)
	d := sweepable(t, time.Now())
	d.Queue = silent{d.Queue}
	if _, err := Sweep(d).Invoke(t.Context(), nil); !errors.Is(err, errSilent) {
		t.Errorf("error %v", err)
	}
	if lines := take(); len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["_aws"] != nil {
		t.Errorf("logged %v", lines)
	}
}
