package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// sweepable is a deployment with one job that waits and one that is over.
func sweepable(t *testing.T, now time.Time) *dispatch.Dispatcher {
	t.Helper()
	d := dispatch.Bare()
	d.Log = slog.New(slog.DiscardHandler)
	d.Now = func() time.Time { return now }
	store := memory.NewStore()
	d.Store, d.Queue = store, memory.NewQueue(d.Now)
	ago := job.At(now.Add(-time.Hour))
	waiting := job.CreateOp{Now: ago, ID: "waiting", Problem: 1}.New()
	over := job.CreateOp{Now: ago, ID: "over", Problem: 1}.New()
	waiting, _ = job.SubmitOp{Now: ago}.Apply(waiting)
	over, _ = job.SubmitOp{Now: ago}.Apply(over)
	over, _ = job.ClaimOp{Now: ago, Runner: "r", TokenHash: "h", LeaseSeconds: 60, ProblemVersion: 1}.Apply(over)
	over, _ = job.CancelOp{Now: ago}.Apply(over)
	for _, j := range []job.Job{waiting, over} {
		j.Revision, j.WriteID = 1, "00"
		if _, created, err := store.Create(t.Context(), j); err != nil || !created {
			t.Fatal(created, err)
		}
	}
	return d
}

func TestSweepReportsWhatItDid(t *testing.T) {
	var metrics bytes.Buffer
	now := time.UnixMilli(1_763_937_600_000)
	h := sweep{sweepable(t, now), "dev", &metrics}
	reply, err := h.Invoke(t.Context(), []byte(`{"detail-type":"Scheduled Event"}`))
	if err != nil || string(reply) != "null" {
		t.Fatalf("reply %s, %v", reply, err)
	}
	var got map[string]any
	if err := json.Unmarshal(metrics.Bytes(), &got); err != nil {
		t.Fatalf("not one line of JSON: %v: %s", err, &metrics)
	}
	meta, _ := got["_aws"].(map[string]any)
	if at, _ := meta["Timestamp"].(float64); time.Since(time.UnixMilli(int64(at))).Abs() > time.Minute {
		t.Errorf("timestamp %v, want ms since the epoch", meta["Timestamp"])
	}
	delete(meta, "Timestamp")
	metric := func(name, unit string) any { return map[string]any{"Name": name, "Unit": unit} }
	want := map[string]any{
		"_aws": map[string]any{"CloudWatchMetrics": []any{map[string]any{
			"Namespace":  "runlease",
			"Dimensions": []any{[]any{"Stage"}},
			"Metrics":    []any{metric("OldestOpenJobSeconds", "Seconds"), metric("JobsEndedBySweep", "Count"), metric("BellsRungBySweep", "Count")},
		}}},
		"Stage":                "dev",
		"OldestOpenJobSeconds": 3600.0,
		"JobsEndedBySweep":     1.0,
		"BellsRungBySweep":     0.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// silent is a queue that cannot be asked.
type silent struct{ dispatch.Queue }

var errSilent = errors.New("no answer")

func (silent) Visible(context.Context) (int, error) { return 0, errSilent }

// A sweep that fails reports nothing: missing metrics are what the alarm is for.
func TestSweepThatFailsReportsNothing(t *testing.T) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
	var metrics bytes.Buffer
	d := sweepable(t, time.Now())
	d.Queue = silent{d.Queue}
	h := sweep{d, "dev", &metrics}
	if _, err := h.Invoke(t.Context(), nil); !errors.Is(err, errSilent) || metrics.Len() > 0 {
		t.Errorf("error %v, metrics %s", err, &metrics)
	}
}

// What takes results writes a line for each JE, as the alarm reads it.
func TestJEIsCounted(t *testing.T) {
	var line bytes.Buffer
	if err := writeMetrics(&line, "dev", time.Now(), unjudged()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"JobsJudgedJE":1`, `"Stage":"dev"`, `"Metrics":[{"Name":"JobsJudgedJE","Unit":"Count"}]`} {
		if !bytes.Contains(line.Bytes(), []byte(part)) {
			t.Errorf("wrote %s, want %s in it", &line, part)
		}
	}
}
