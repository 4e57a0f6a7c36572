package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
	"runlease/shared/testkit/zips"
)

func (w *world) sync(r dispatch.SyncRequest) dispatch.Synced {
	w.t.Helper()
	s, answer, err := w.Sync(w.ctx, r)
	w.granted(answer, err)
	return s
}

func TestSyncIsTheWholePath(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.create(fmt.Sprintf("j%d", i))
	}
	first := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 2, LeaseSeconds: new(60), Inline: true})
	if len(first.Jobs) != 2 || first.PollSeconds != 0 || string(first.Jobs[1].Code) != string(zips.Code("j1")) || first.Jobs[0].Job.Claim.Handle == "" {
		t.Fatalf("synced %+v", first)
	}
	w.pass(30 * time.Second)
	second := w.sync(dispatch.SyncRequest{
		Runner: "r", Slots: 2,
		Done:   []dispatch.CompleteRequest{report(first.Jobs[0], result("AC"))},
		Active: []dispatch.ActiveClaim{{ID: first.Jobs[1].Job.ID, TokenHash: auth.Hash(first.Jobs[1].Token)}},
	})
	if diff := cmp.Diff([]dispatch.Action{dispatch.ActionContinue}, second.Active); diff != "" || !second.Done[0].OK() || len(second.Jobs) != 1 || second.PollSeconds != 1 {
		t.Fatalf("synced %+v", second)
	}
	third := w.sync(dispatch.SyncRequest{Runner: "r", Done: []dispatch.CompleteRequest{
		report(first.Jobs[1], result("AC")), report(second.Jobs[0], result("WA")),
	}})
	if !third.Done[0].OK() || !third.Done[1].OK() {
		t.Fatalf("synced %+v", third)
	}
	for i := range 3 {
		if j := w.get(fmt.Sprintf("j%d", i)); j.State != job.Finished || j.Attempt != 1 {
			t.Errorf("%s is %s after %d attempts", j.ID, j.State, j.Attempt)
		}
	}
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestSyncItemsAreIndependent(t *testing.T) {
	w := newWorld(t)
	w.create("good")
	w.create("bad")
	good, bad := w.claim("good", "r"), w.claim("bad", "r")
	unknown := report(good, result("AC"))
	unknown.ID = "unknown"
	s := w.sync(dispatch.SyncRequest{
		Runner: "r",
		Done:   []dispatch.CompleteRequest{report(bad, []byte(`[]`)), unknown, report(good, result("AC"))},
		Active: []dispatch.ActiveClaim{{ID: "unknown", TokenHash: "x"}, {ID: "bad", TokenHash: "x"}, {ID: "bad", TokenHash: auth.Hash(bad.Token)}},
	})
	var codes []job.Outcome
	for _, a := range s.Done {
		codes = append(codes, a.Outcome)
	}
	if diff := cmp.Diff([]job.Outcome{dispatch.InvalidResult, job.NotFound, job.OK}, codes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]dispatch.Action{dispatch.ActionLost, dispatch.ActionLost, dispatch.ActionContinue}, s.Active); diff != "" {
		t.Error(diff)
	}
}

func TestSyncGivesAMessageBackWhenTheClaimIsLost(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.store.meanwhile = func() {
		w.store.meanwhile = nil
		w.claim("j", "other")
	}
	if s := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1, LeaseSeconds: new(600)}); len(s.Jobs) != 0 {
		t.Fatalf("claimed %+v", s.Jobs)
	}
	w.pass(4 * time.Second)
	w.listed() // attaches the message to the claim that won
	if j := w.get("j"); j.Claim.Runner != "other" || j.Claim.Handle == "" {
		t.Errorf("claim %+v", j.Claim)
	}
}

func TestSyncRefusesALease(t *testing.T) {
	w := newWorld(t)
	_, answer, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "r", LeaseSeconds: new(1)})
	w.refused(dispatch.InvalidLease, answer, err)
}

func TestSyncTakesNoHandleOfAnOlderBell(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.store.meanwhile = func() {
		w.store.meanwhile = nil
		w.granted2(w.Rejudge(w.ctx, "j", 0, ""))
	}
	s := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1, LeaseSeconds: new(60)})
	if len(s.Jobs) != 1 || s.Jobs[0].Job.Generation != 1 || s.Jobs[0].Job.Claim.Handle != "" {
		t.Errorf("claimed %+v", s.Jobs)
	}
}

// countedStore and countedQueue count calls.
type countedStore struct {
	dispatch.Store
	calls map[string]int
}

func (s countedStore) Get(ctx context.Context, id string) (job.Job, bool, error) {
	s.calls["Get"]++
	return s.Store.Get(ctx, id)
}

func (s countedStore) GetMany(ctx context.Context, ids []string) (map[string]job.Job, error) {
	s.calls["GetMany"]++
	if s.calls["GetMany fails"] > 0 {
		return nil, errBroken
	}
	return s.Store.GetMany(ctx, ids)
}

func (s countedStore) Problem(ctx context.Context, id int) (problem.Problem, bool, error) {
	s.calls["Problem"]++
	return s.Store.Problem(ctx, id)
}

func (s countedStore) Save(ctx context.Context, before, after job.Job) (job.Job, bool, error) {
	s.calls["Save"]++
	return s.Store.Save(ctx, before, after)
}

type countedQueue struct {
	dispatch.Queue
	calls map[string]int
	saves func() int
	early int // writes before a deletion
}

func (q *countedQueue) Delete(ctx context.Context, handles []string) error {
	q.calls["Delete"]++
	q.calls["handles"] += len(handles)
	if q.saves() < q.early {
		q.calls["early"]++
	}
	return q.Queue.Delete(ctx, handles)
}

func (q *countedQueue) Hide(ctx context.Context, hidings []dispatch.Hiding) error {
	q.calls["Hide"]++
	q.calls["hidings"] += len(hidings)
	return q.Queue.Hide(ctx, hidings)
}

// TestSyncCalls counts what a full call costs: one read of all jobs, one write
// for each, one deletion and one hiding, after the writes.
func TestSyncCalls(t *testing.T) {
	w := newWorld(t)
	for i := range 8 {
		w.create(fmt.Sprintf("j%d", i))
	}
	calls := map[string]int{}
	w.Store = countedStore{w.Store, calls}
	held := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 8, LeaseSeconds: new(60)}).Jobs
	if diff := cmp.Diff(map[string]int{"GetMany": 1, "Problem": 1, "Save": 8}, calls); diff != "" {
		t.Errorf("calls of a claim of 8 jobs (-want +got):\n%s", diff)
	}
	clear(calls)
	r := dispatch.SyncRequest{Runner: "r"}
	for i, c := range held {
		if i < 3 {
			r.Done = append(r.Done, report(c, result("AC")))
		} else {
			r.Active = append(r.Active, dispatch.ActiveClaim{ID: c.Job.ID, TokenHash: auth.Hash(c.Token)})
		}
	}
	w.pass(20 * time.Second)
	w.Queue = &countedQueue{Queue: w.Queue, calls: calls, saves: func() int { return calls["Save"] }, early: len(r.Done)}
	s := w.sync(r)
	want := map[string]int{"GetMany": 1, "Save": 8, "Delete": 1, "handles": 3, "Hide": 1, "hidings": 5}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for _, a := range s.Done {
		if !a.OK() {
			t.Errorf("done %+v", s.Done)
		}
	}
	w.pass(50 * time.Second) // beyond the first leases, and 10 s before the others' end
	if n := w.visible(); n != 0 {
		t.Errorf("%d messages are visible: a lease was extended, its message not", n)
	}

	// One item is read by itself: that is the cheaper call.
	clear(calls)
	w.sync(dispatch.SyncRequest{Runner: "r", Active: r.Active[:1]})
	if calls["Get"] != 1 || calls["GetMany"] != 0 {
		t.Errorf("calls %v", calls)
	}

	// A record that cannot be read must not keep the others from being read.
	clear(calls)
	calls["GetMany fails"] = 1
	s = w.sync(dispatch.SyncRequest{Runner: "r", Done: []dispatch.CompleteRequest{report(held[3], result("AC")), report(held[4], result("AC"))}})
	if calls["Get"] != 2 || !s.Done[0].OK() || !s.Done[1].OK() {
		t.Errorf("calls %v, answers %v", calls, s.Done)
	}
}

// TestSyncGivesMessagesBackWhenJobsAreNotRead: no job waits for the end of a
// lease that no runner has.
func TestSyncGivesMessagesBackWhenJobsAreNotRead(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	calls := map[string]int{"GetMany fails": 1}
	w.Store = countedStore{w.Store, calls}
	if _, _, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "r", Slots: 1, LeaseSeconds: new(600)}); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	// A list hides them for no longer than that anyway.
	w.pass(4 * time.Second)
	w.Queue = &countedQueue{Queue: w.Queue, calls: calls, saves: func() int { return 0 }}
	if _, _, err := w.List(w.ctx, job.Candidate{Runner: "lister"}, 1); !errors.Is(err, errBroken) || calls["Hide"] > 0 {
		t.Errorf("list: %v, calls %v", err, calls)
	}
	clear(calls)
	w.pass(4 * time.Second)
	if s := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1}); len(s.Jobs) != 1 {
		t.Error("the job is hidden")
	}
}

// TestSyncOfOneJobTwice: each item meets what the one before it left.
func TestSyncOfOneJobTwice(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.create("other")
	c, other := w.claim("j", "r"), w.claim("other", "r")
	calls := map[string]int{}
	w.Store = countedStore{w.Store, calls}
	s := w.sync(dispatch.SyncRequest{
		Runner: "r",
		Done:   []dispatch.CompleteRequest{report(c, result("AC")), report(c, result("AC")), report(c, result("WA"))},
		Active: []dispatch.ActiveClaim{{ID: "j", TokenHash: auth.Hash(c.Token)}, {ID: "other", TokenHash: auth.Hash(other.Token)}},
	})
	var codes []job.Outcome
	for _, a := range s.Done {
		codes = append(codes, a.Outcome)
	}
	if diff := cmp.Diff([]job.Outcome{job.OK, job.OK, job.ResultConflict}, codes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]dispatch.Action{dispatch.ActionLost, dispatch.ActionContinue}, s.Active); diff != "" {
		t.Error(diff)
	}
	// The one result; a heartbeat so soon after the claim writes nothing.
	if diff := cmp.Diff(map[string]int{"GetMany": 1, "Save": 1}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestSyncFailures: what is decided is heard of; only if nothing is, the call
// fails.
func TestSyncFailures(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.create("two")
	one, two := w.claim("one", "r"), w.claim("two", "r")
	done := []dispatch.CompleteRequest{report(one, result("AC"))}
	active := []dispatch.ActiveClaim{{ID: "two", TokenHash: auth.Hash(two.Token)}}

	w.pass(time.Minute)
	w.store.saveFails = true
	if _, _, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "r", Done: done, Active: active}); !errors.Is(err, errBroken) {
		t.Errorf("all items failed: %v", err)
	}
	// The messages of both claims are hidden now, so this part succeeds.
	w.listed()
	s := w.sync(dispatch.SyncRequest{Runner: "r", Done: done, Active: active, Slots: 1})
	if s.Done[0].Outcome != dispatch.ItemFailed || s.Active[0] != dispatch.ActionContinue {
		t.Errorf("done %v active %v", s.Done, s.Active)
	}
	w.create("three")
	w.pass(time.Second)
	if _, _, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "r", Slots: 1}); !errors.Is(err, errBroken) {
		t.Errorf("the only claim failed: %v", err)
	}
	// Its message is not hidden for the lease.
	w.store.saveFails = false
	w.pass(4 * time.Second)
	s = w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1, Done: done})
	if len(s.Jobs) != 1 || !s.Done[0].OK() {
		t.Errorf("jobs %v done %v", s.Jobs, s.Done)
	}
}
