package storetest

import (
	"fmt"
	"slices"
	"testing"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

func saveRejudge(t *testing.T, s dispatch.Roster, before, after rejudge.Many, e *roster.Entry) rejudge.Many {
	t.Helper()
	after.Revision, after.WriteID = before.Revision+1, writeID()
	for range 2 { // and our own write again
		current, saved, err := s.SaveRejudge(t.Context(), before, after, e)
		if err != nil || !saved {
			t.Fatalf("saved %v, error %v, current %+v", saved, err, current)
		}
		same(t, current, after)
	}
	got, found, err := s.Rejudge(t.Context(), after.ID)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	same(t, got, after)
	return after
}

func begun(at job.Time, problem int) rejudge.Many {
	return rejudge.Begin(rejudge.Filter{Problem: problem}, "", roster.Order{At: at, By: "ops", Why: "because"}, writeID())
}

// rejudgeFields: every field comes back as written, and of two states of one record
// the writer that knew the other is kept.
func rejudgeFields(t *testing.T, s dispatch.Roster) {
	if _, found, err := s.Rejudge(t.Context(), "none"); found || err != nil {
		t.Fatal(found, err)
	}
	first := saveRejudge(t, s, rejudge.Many{}, begun(t0, 7), nil)
	full := first
	full.Filter = rejudge.Filter{Problem: 7, Status: new(0), From: 1, To: t0}
	full.Pool, full.By, full.Why, full.UpdatedAt = "default", "x", "y", t0+1
	full.Matched, full.Counted, full.Rejudged, full.Skipped, full.Failed = 1, true, 2, 3, 4
	full.Cursor, full.Pending, full.Tries = "0000000000001#a", []rejudge.Pending{{Job: "a-_", Generation: 0}, {Job: "B", Generation: 12}}, 2
	full.Step, full.RungIn = 600, "exam"
	full = saveRejudge(t, s, first, full, nil)
	stale := first
	stale.Revision, stale.WriteID = 2, writeID()
	current, saved, err := s.SaveRejudge(t.Context(), first, stale, nil)
	if err != nil || saved {
		t.Fatal(saved, err)
	}
	same(t, current, full)
	bare := full
	bare.Status, bare.Pending, bare.Cursor, bare.Counted, bare.Rejudged = nil, nil, "", false, 0
	saveRejudge(t, s, full, bare, nil)
}

// rejudgeRuns: one runs of each problem, and an ended one is in no way. An
// entry of the audit is there exactly if its act is.
func rejudgeRuns(t *testing.T, s dispatch.Roster) {
	entry := func(m rejudge.Many, act roster.Act) *roster.Entry {
		return new(roster.Order{Act: act, By: "ops", Why: "because", At: m.UpdatedAt}.Entry(rejudge.Target(m.ID), m.WriteID))
	}
	running := func(want ...string) {
		t.Helper()
		eventually(t, want, func() []string {
			ids, err := s.RunningRejudges(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(ids)
			return ids
		})
	}
	a, b, c := begun(t0, 7), begun(t0+1, 8), begun(t0+2, 7)
	a = saveRejudge(t, s, rejudge.Many{}, a, entry(a, rejudge.ActBegin))
	b = saveRejudge(t, s, rejudge.Many{}, b, nil)
	running(a.ID, b.ID)
	current, saved, err := s.SaveRejudge(t.Context(), rejudge.Many{}, c, entry(c, rejudge.ActBegin))
	if err != nil || saved {
		t.Fatal(saved, err)
	}
	same(t, current, a)
	if _, found, err := s.Rejudge(t.Context(), c.ID); found || err != nil {
		t.Fatal(found, err)
	}
	stopped := a.Stop(roster.Order{At: t0 + 3})
	a = saveRejudge(t, s, a, stopped, entry(stopped, rejudge.ActStop))
	running(b.ID)
	c = saveRejudge(t, s, rejudge.Many{}, c, nil)
	a = saveRejudge(t, s, a, a, nil) // its last counts, while another runs
	running(b.ID, c.ID)
	saveRejudge(t, s, b, b.Finish(t0+4), nil)
	running(c.ID)

	for before, want := range map[string][]string{"": {c.ID, b.ID}, c.ID: {b.ID, a.ID}, b.ID: {a.ID}, a.ID: nil} {
		eventually(t, want, func() (got []string) {
			page, err := s.Rejudges(t.Context(), before, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page {
				got = append(got, m.ID)
			}
			return got
		})
	}
	acts := []string{fmt.Sprint(t0+3, rejudge.ActStop), fmt.Sprint(t0, rejudge.ActBegin)}
	eventually(t, acts, func() (got []string) {
		page, err := s.Audit(t.Context(), "", 9)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got = append(got, fmt.Sprint(e.At, e.Act))
		}
		return got
	})
}
