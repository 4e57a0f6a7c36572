package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
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
	first := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 2, Lease: time.Minute})
	if len(first.Jobs) != 2 || first.PollSeconds != 1 || first.Jobs[0].CodeURL == "" || first.Jobs[0].Job.Claim.Handle == "" {
		t.Fatalf("synced %+v", first)
	}
	w.pass(30 * time.Second)
	second := w.sync(dispatch.SyncRequest{
		Runner: "r", Slots: 2,
		Done:   []dispatch.CompleteRequest{report(first.Jobs[0], result("AC"))},
		Active: []dispatch.ActiveClaim{{ID: first.Jobs[1].Job.ID, TokenHash: auth.Hash(first.Jobs[1].Token)}},
	})
	if diff := cmp.Diff([]dispatch.Action{dispatch.Continue}, second.Active); diff != "" || !second.Done[0].OK() || len(second.Jobs) != 1 || second.PollSeconds != 5 {
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
	var codes []job.Code
	for _, a := range s.Done {
		codes = append(codes, a.Code)
	}
	if diff := cmp.Diff([]job.Code{dispatch.InvalidResult, job.NotFound, job.OK}, codes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]dispatch.Action{dispatch.LeaseLost, dispatch.LeaseLost, dispatch.Continue}, s.Active); diff != "" {
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
	if s := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1, Lease: 10 * time.Minute}); len(s.Jobs) != 0 {
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
	_, answer, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "r", Lease: time.Second})
	w.refused(dispatch.InvalidLease, answer, err)
}

func TestSyncTakesNoHandleOfAnOlderBell(t *testing.T) {
	w := newWorld(t)
	w.create("j")
	w.store.meanwhile = func() {
		w.store.meanwhile = nil
		w.granted2(w.Rejudge(w.ctx, "j", 0))
	}
	s := w.sync(dispatch.SyncRequest{Runner: "r", Slots: 1, Lease: time.Minute})
	if len(s.Jobs) != 1 || s.Jobs[0].Job.Generation != 1 || s.Jobs[0].Job.Claim.Handle != "" {
		t.Errorf("claimed %+v", s.Jobs)
	}
}
