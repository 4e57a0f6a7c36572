package dynamo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
)

func TestSaveOfWhatIsGoneIsNotOurOwnWrite(t *testing.T) {
	before, after := states()
	after.WriteID = "" // as that of no item
	wire := &canned{replies: []reply{failure("ConditionalCheckFailedException", "")}}
	if current, saved, err := on(t, wire).Save(t.Context(), before, after); saved || err != nil || current.ID != "" {
		t.Errorf("got %v, saved %v, error %v", current, saved, err)
	}
}

func TestSaveMarkAfterAnother(t *testing.T) {
	wire := &canned{replies: []reply{failure("ConditionalCheckFailedException", "")}}
	if saved, err := on(t, wire).SaveMark(t.Context(), dispatch.Mark{Revision: 2}, dispatch.Mark{Revision: 3}); saved || err != nil {
		t.Errorf("saved %v, error %v", saved, err)
	}
}

func TestPublishOverwritesNoVersion(t *testing.T) {
	wire := &canned{replies: []reply{{200, `{}`}}}
	_, _, err := on(t, wire).SaveProblem(t.Context(), problem.Problem{ID: 7, Revision: 1}, problem.Problem{ID: 7, Revision: 2, Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	items, _ := wire.requests[0].body["TransactItems"].([]any)
	var conditions []string
	for _, one := range items {
		for _, write := range one.(map[string]any) {
			conditions = append(conditions, plainCondition(write.(map[string]any)))
		}
	}
	if diff := cmp.Diff([]string{"ve = {N:1}", "attribute_not_exists (id)"}, conditions); diff != "" {
		t.Error(diff)
	}
}

func TestRevokeKeepsTheFirstTimeAndMakesNoCredential(t *testing.T) {
	wire := &canned{replies: []reply{
		{200, `{"Items":[{"hash":{"S":"h"},"li":{"S":"all"},"id":{"S":"i"}}]}`},
		{200, `{"Attributes":{"hash":{"S":"h"},"id":{"S":"i"}}}`},
	}}
	if _, _, err := on(t, wire).Credentials().Revoke(t.Context(), "i", time.UnixMilli(1)); err != nil {
		t.Fatal(err)
	}
	sent := wire.requests[1].body
	if got, want := plainCondition(sent), "attribute_exists (hash)"; got != want {
		t.Errorf("condition %q, want %q", got, want)
	}
	if update := fmt.Sprint(sent["UpdateExpression"]); !strings.Contains(update, "if_not_exists") {
		t.Errorf("update %q", update)
	}
}

// TestDifferenceOfRecords: in place where that is possible, else the whole list.
func TestDifferenceOfRecords(t *testing.T) {
	record := func(attempt int) job.Past { return job.Past{Attempt: attempt, Runner: "r", How: job.HowLost} }
	late := record(1)
	late.Late = &job.Late{At: 5}
	for _, tc := range []struct {
		name          string
		before, after []job.Past
		set           []string
	}{
		{"one more", []job.Past{record(1)}, []job.Past{record(1), record(2)}, []string{aPast + " +"}},
		{"evidence", []job.Past{record(1), record(2)}, []job.Past{late, record(2)}, []string{aPast + "[0]." + pLate}},
		{"evidence and one more", []job.Past{record(1)}, []job.Past{late, record(2)}, []string{aPast}},
		{"one more, the oldest dropped", []job.Past{record(1), record(2)}, []job.Past{record(2), record(3)}, []string{aPast}},
		{"fewer", []job.Past{record(1), record(2)}, []job.Past{record(1)}, []string{aPast}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, removed := touched(t, job.Job{ID: "a", Past: tc.before}, job.Job{ID: "a", Past: tc.after})
			if diff := cmp.Diff(tc.set, set); diff != "" || len(removed) > 0 {
				t.Errorf("SET -want +got\n%s\nREMOVE %v", diff, removed)
			}
		})
	}
}

// TestJobWithEverythingRoundTrips: a claimed and a finished one between them
// have every field.
func TestJobWithEverythingRoundTrips(t *testing.T) {
	for _, j := range []job.Job{
		{
			ID: "a", Problem: 1, Language: job.CPP, Group: "g", Code: job.Artifact{Size: 2, SHA256: "ab"}, State: job.Claimed,
			Attempt: 3, FirstFence: 4, Failures: 5, Generation: 6, Bell: 7, RungAt: 8, CreatedAt: 9, QueuedAt: 10, CancelRequested: true,
			Claim: job.Claim{Runner: "r", TokenHash: "cd", ProblemVersion: 11, LeaseSeconds: 12, LeaseExpiresAt: 13, ClaimedAt: 14, Handle: "h"},
			Past:  []job.Past{{Attempt: 1, Generation: 2, Runner: "s", TokenHash: "ef", ProblemVersion: 3, ClaimedAt: 4, HeartbeatAt: 5, EndedAt: 6, How: job.HowReleased, Reason: job.ReasonDrain, Late: &job.Late{At: 7, Verdict: job.Verdict{Status: 1, Score: 8}}}},
		},
		{
			ID: "a", State: job.Finished, EndedAt: 15, Disputed: true, Revision: 16, WriteID: "01",
			Result: &job.Result{Attempt: 1, Status: 2, Score: 3, RunTime: 4, MemoryUsage: 5, Tasks: []byte("t"), Digest: "02", Outputs: "o", Packed: []byte("k")},
			Past:   []job.Past{{Attempt: 1, How: job.HowCompleted, Verdict: &job.Verdict{Status: 2, Score: 3}}},
		},
	} {
		got, err := readJob(stored(j))
		if diff := cmp.Diff(j, got); diff != "" || err != nil {
			t.Errorf("error %v, -want +got\n%s", err, diff)
		}
	}
}

func TestAppendsOnlyWhatIsNew(t *testing.T) {
	before := job.Job{ID: "a", Past: []job.Past{{Attempt: 1}}}
	after := job.Job{ID: "a", Past: []job.Past{{Attempt: 1}, {Attempt: 2}}}
	change := changeIf(aRevision, 1).to(jobItem(&before), jobItem(&after))
	r := reader{item: change.values}
	added := r.list(":" + aPast)
	if len(added) != 1 || r.err != nil {
		t.Fatalf("%d records are appended, error %v", len(added), r.err)
	}
	r.subOf(aPast, added[0], func(r *reader) {
		if got := readPast(r); got.Attempt != 2 {
			t.Errorf("attempt %d is appended", got.Attempt)
		}
	})
}

// TestDifferenceGoesByName: what one state lists elsewhere, or not at all, is
// neither mistaken for another attribute nor lost.
func TestDifferenceGoesByName(t *testing.T) {
	list := func(names ...string) (w writer) {
		for _, name := range names {
			w.text(name, "value of "+name)
		}
		return w
	}
	inside := func(w writer) (outer writer) {
		outer.list("l", []writer{w})
		return outer
	}
	for _, tc := range []struct {
		name          string
		before, after writer
		set, remove   string
	}{
		{"in another order", list("a", "b", "c"), list("c", "a", "b"), "", ""},
		{"one more, first", list("b"), list("a", "b"), "SET #a = :a", ""},
		{"one fewer, first", list("a", "b"), list("b"), "", "REMOVE #a"},
		{"another in its place", list("a", "b"), list("a", "c"), "SET #c = :c", "REMOVE #b"},
		{"in a map of a list, in another order", inside(list("a", "b", "c")), inside(list("a", "c", "b")), "", ""},
		{"in a map of a list, one more", inside(list("a")), inside(list("a", "b")), "SET #l[0].#b = :l0b", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := changeIf("v", 1).to(tc.before, tc.after)
			if string(c.set) != tc.set || string(c.remove) != tc.remove {
				t.Errorf("got %q and %q, want %q and %q", c.set, c.remove, tc.set, tc.remove)
			}
		})
	}
}
