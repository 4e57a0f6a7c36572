package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// Roster runs the suite of dispatch.Roster, each case on an empty one.
func Roster(t *testing.T, empty func(t *testing.T) dispatch.Roster) {
	t.Run("every field comes back as written", func(t *testing.T) { rosterFields(t, empty(t)) })
	t.Run("saved on its version", func(t *testing.T) { rosterConflict(t, empty(t)) })
	t.Run("listed by name, page by page", func(t *testing.T) { rosterPages(t, empty(t)) })
	t.Run("an act is written with its entry, or not at all", func(t *testing.T) { rosterActs(t, empty(t)) })
	t.Run("pauses", func(t *testing.T) { rosterPauses(t, empty(t)) })
	t.Run("rejudges of many come back as written", func(t *testing.T) { rejudgeFields(t, empty(t)) })
	t.Run("one rejudge of many runs of each problem", func(t *testing.T) { rejudgeRuns(t, empty(t)) })
	t.Run("of many at once, one saves", func(t *testing.T) {
		s := empty(t)
		won := race(t, func(i int) (roster.Runner, bool, error) {
			mine := roster.Runner{Name: "a", LastHeard: job.Time(1 + i), Revision: 1, WriteID: writeID()}
			_, saved, err := s.SaveRunner(t.Context(), roster.Runner{}, mine)
			return mine, saved, err
		})
		runnerIs(t, s, won)
	})
}

func runnerIs(t *testing.T, s dispatch.Roster, want roster.Runner) {
	t.Helper()
	got, found, err := s.Runner(t.Context(), want.Name)
	if err != nil || !found || got != want {
		t.Fatalf("found %v, error %v\ngot  %+v\nwant %+v", found, err, got, want)
	}
}

func saveRunner(t *testing.T, s dispatch.Roster, before, after roster.Runner) roster.Runner {
	t.Helper()
	after.Revision, after.WriteID = before.Revision+1, writeID()
	current, saved, err := s.SaveRunner(t.Context(), before, after)
	if err != nil || !saved || current != after {
		t.Fatalf("saved %v, error %v, current %+v", saved, err, current)
	}
	return after
}

func rosterFields(t *testing.T, s dispatch.Roster) {
	if _, found, err := s.Runner(t.Context(), "nobody"); found || err != nil {
		t.Fatal(found, err)
	}
	var before roster.Runner
	for _, languages := range []job.Languages{{}, job.Speaks(), job.AnyLanguage, job.Speaks(job.C, 63), job.Speaks(job.Python3)} {
		for _, after := range []roster.Runner{
			{Name: "judge-1", FirstHeard: t0, LastHeard: t0 + 1, Reports: roster.Reports{Languages: languages}, State: roster.Serving},
			{Name: "judge-1", FirstHeard: 1, LastHeard: t0, Reports: roster.Reports{Version: "v", Languages: languages, Checkers: true, Slots: 10}, State: roster.Retired, Since: t0, By: "id", Why: "because", Health: roster.Health{
				LostLeases: 1, InfraErrors: 2, Probe: "j", Probes: 3, ProbeAt: t0 + 2,
				Row: roster.Row{{Job: "a", Attempt: 1, ClaimedAt: t0, At: t0 + 1, Lost: true}, {Job: "b-_", Attempt: 10, ClaimedAt: t0 + 1, At: t0 + 3}},
			}},
		} {
			// A runner that says it judges nothing reads as a runner that judges no job.
			after.Languages = job.LanguagesOf(languages.Bits())
			before = saveRunner(t, s, before, after)
			runnerIs(t, s, before)
		}
	}
}

func rosterConflict(t *testing.T, s dispatch.Roster) {
	ours := saveRunner(t, s, roster.Runner{}, roster.Runner{Name: "a", LastHeard: t0})
	for _, tc := range []struct {
		before, after roster.Runner
		saved         bool
	}{
		{roster.Runner{}, roster.Runner{Name: "a", Revision: 1, WriteID: writeID()}, false},
		{roster.Runner{Revision: 7}, roster.Runner{Name: "a", Revision: 8, WriteID: writeID()}, false},
		{roster.Runner{}, ours, true}, // our own write again
	} {
		current, saved, err := s.SaveRunner(t.Context(), tc.before, tc.after)
		if err != nil || saved != tc.saved || current != ours {
			t.Errorf("saved %v, error %v, current %+v", saved, err, current)
		}
	}
}

// rosterActs: the entry of an act is there exactly if the act is.
func rosterActs(t *testing.T, s dispatch.Roster) {
	last := saveRunner(t, s, roster.Runner{}, roster.Runner{Name: "a", LastHeard: t0, State: roster.Serving})
	var want []roster.Entry
	for i, act := range []roster.Act{roster.ActPause, roster.ActResume, roster.ActDrain} {
		// Of the last two at the same moment, the id of the write decides.
		o := roster.Order{Act: act, By: "ops", Why: "because", At: t0 + job.Time(min(i, 1))}
		after, _ := last.Steer(o)
		after.Revision, after.WriteID = last.Revision+1, fmt.Sprintf("%016x", i)
		e := o.Entry(roster.RunnerTarget("a"), after.WriteID)
		for _, saved := range []bool{true, true} { // and our own write again
			if current, got, err := s.ActOnRunner(t.Context(), last, after, e); err != nil || got != saved || current != after {
				t.Fatalf("saved %v, error %v, current %+v", got, err, current)
			}
		}
		stale := e
		stale.At, stale.WriteID = t0+9, writeID()
		lost := after
		lost.WriteID = stale.WriteID
		if current, saved, err := s.ActOnRunner(t.Context(), last, lost, stale); err != nil || saved || current != after {
			t.Fatalf("saved %v, error %v, current %+v", saved, err, current)
		}
		last, want = after, append([]roster.Entry{e}, want...)
	}
	runnerIs(t, s, last)
	for before, want := range map[string][]roster.Entry{"": want, want[0].Key(): want[1:], want[2].Key(): nil} {
		eventually(t, want, func() []roster.Entry {
			got, err := s.Audit(t.Context(), before, 3)
			if err != nil {
				t.Fatal(err)
			}
			return got
		})
	}
	if got, err := s.Audit(t.Context(), "", 2); err != nil || !slices.Equal(got, want[:2]) {
		t.Errorf("two: %+v, %v", got, err)
	}
}

// rosterPauses: one for each target, the first stays, and each act has its entry.
func rosterPauses(t *testing.T, s dispatch.Roster) {
	o := roster.Order{Act: roster.ActPause, By: "ops", Why: "because", At: t0}
	entry := func() roster.Entry { return o.Entry(roster.Everything, writeID()) }
	first := roster.Pause{Target: roster.Everything, At: t0, By: "ops", Why: "because", WriteID: writeID()}
	second := first
	second.WriteID = writeID()
	for _, p := range []roster.Pause{first, second} {
		if current, err := s.SavePause(t.Context(), p, entry()); err != nil || current != first {
			t.Fatalf("got %+v, %v", current, err)
		}
	}
	of7 := roster.Pause{Target: roster.ProblemTarget(7), At: t0, By: "ops", WriteID: writeID()}
	if current, err := s.SavePause(t.Context(), of7, entry()); err != nil || current != of7 {
		t.Fatalf("got %+v, %v", current, err)
	}
	is := func(want ...roster.Pause) {
		t.Helper()
		eventually(t, want, func() []roster.Pause {
			got, err := s.Pauses(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return got
		})
	}
	is(first, of7)
	for _, tc := range []struct {
		p       roster.Pause
		deleted bool
	}{{second, false}, {first, true}, {first, false}} {
		if deleted, err := s.DeletePause(t.Context(), tc.p, entry()); err != nil || deleted != tc.deleted {
			t.Errorf("deleted %v, %v", deleted, err)
		}
	}
	is(of7)
	if acts, err := s.Audit(t.Context(), "", 10); err != nil || len(acts) != 3 {
		t.Errorf("%d acts, %v", len(acts), err)
	}
}

func rosterPages(t *testing.T, s dispatch.Roster) {
	for _, n := range []int{3, 0, 4, 1, 2} {
		saveRunner(t, s, roster.Runner{}, roster.Runner{Name: fmt.Sprintf("judge-%d", n), LastHeard: t0})
	}
	read, pages := "", 0
	for after := ""; pages < 4; pages++ {
		var page []roster.Runner
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // a list may lag
			var err error
			if page, err = s.Runners(t.Context(), after, 2); err != nil || len(page) > 2 {
				t.Fatal(page, err)
			}
			if len(page) == 2 || pages >= 2 || time.Now().After(end) {
				break
			}
		}
		for _, r := range page {
			read, after = read+r.Name[len("judge-"):], r.Name
		}
	}
	if read != "01234" {
		t.Errorf("read %q", read)
	}
}
