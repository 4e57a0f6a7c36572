package roster

import (
	"strings"
	"testing"
	"time"

	"runlease/shared/job"
)

func TestHear(t *testing.T) {
	cpp := Reports{Version: "runner/1", Languages: job.Speaks(job.CPP), Checkers: true, Slots: 4}
	was := Runner{Name: "a", FirstHeard: 1, LastHeard: 1000, Reports: cpp, State: Draining}
	at := func(d time.Duration) job.Time { return was.LastHeard.Add(d) }
	for name, tc := range map[string]struct {
		heard   Heard
		write   bool
		reports Reports
	}{
		"the same a moment later":       {Heard{At: at(HeardEvery - 1e6), Reports: cpp, Able: true}, false, cpp},
		"the same after five minutes":   {Heard{At: at(HeardEvery), Reports: cpp, Able: true}, true, cpp},
		"a new version, within seconds": {Heard{At: at(time.Second), Reports: Reports{Version: "runner/2"}}, false, cpp},
		"a new version":                 {Heard{At: at(time.Minute), Reports: Reports{Version: "runner/2"}}, true, Reports{Version: "runner/2", Languages: cpp.Languages, Checkers: true, Slots: 4}},
		"no version is said":            {Heard{At: at(time.Minute), Reports: Reports{Version: "", Languages: cpp.Languages, Checkers: true, Slots: 0}, Able: true}, false, cpp},
		"what it judges, not said":      {Heard{At: at(time.Minute), Reports: Reports{Version: "runner/1"}}, false, cpp},
		"what it judges, said anew":     {Heard{At: at(time.Minute), Reports: Reports{Version: "runner/1", Languages: job.Languages{}, Checkers: false, Slots: 0}, Able: true}, true, Reports{Version: "runner/1", Slots: 4}},
		"not printable, and long":       {Heard{At: at(time.Minute), Reports: Reports{Version: "\x1b[2J" + strings.Repeat("v", 200)}}, true, Reports{Version: "[2J" + strings.Repeat("v", MaxVersion-3), Languages: cpp.Languages, Checkers: true, Slots: 4}},
		"a busy runner asks for less":   {Heard{At: at(time.Minute), Reports: Reports{Version: "", Languages: cpp.Languages, Checkers: true, Slots: 1}, Able: true}, false, cpp},
		"more slots":                    {Heard{At: at(time.Minute), Reports: Reports{Version: "", Languages: cpp.Languages, Checkers: true, Slots: 6}, Able: true}, true, Reports{Version: "runner/1", Languages: cpp.Languages, Checkers: true, Slots: 6}},
		"fewer slots of a new version":  {Heard{At: at(time.Minute), Reports: Reports{Version: "runner/2", Languages: cpp.Languages, Checkers: true, Slots: 1}, Able: true}, true, Reports{Version: "runner/2", Languages: cpp.Languages, Checkers: true, Slots: 1}},
		"fewer slots after a silence":   {Heard{At: at(2 * HeardEvery), Reports: Reports{Version: "", Languages: cpp.Languages, Checkers: true, Slots: 1}, Able: true}, true, Reports{Version: "runner/1", Languages: cpp.Languages, Checkers: true, Slots: 1}},
	} {
		got, write := was.Hear(tc.heard)
		want := was
		if want.Reports = tc.reports; tc.write {
			want.LastHeard = tc.heard.At
		}
		if write != tc.write || got != want {
			t.Errorf("%s: write %v\ngot  %+v\nwant %+v", name, write, got, want)
		}
	}
	first, write := Runner{}.Hear(Heard{Name: "b", At: 7})
	if want := (Runner{Name: "b", FirstHeard: 7, LastHeard: 7, State: Serving}); !write || first != want {
		t.Errorf("first: write %v, got %+v", write, first)
	}
}

// TestWanted: a pool that keeps up wants what it uses; what waits is worked off within
// the target, one job to a slot at most.
func TestWanted(t *testing.T) {
	for name, tc := range map[string]struct {
		demand Demand
		target time.Duration
		want   int
	}{
		"nothing to do":                     {Demand{}, TargetWait, 0},
		"keeps up":                          {Demand{Running: 7, MeanRun: time.Second}, TargetWait, 7},
		"300 s of work within 30 s":         {Demand{Waiting: 100, Running: 2, MeanRun: 3 * time.Second}, TargetWait, 12},
		"a part of a slot is a slot":        {Demand{Waiting: 1, MeanRun: time.Millisecond}, TargetWait, 1},
		"runs longer than the target":       {Demand{Waiting: 5, Running: 1, MeanRun: time.Hour}, TargetWait, 6},
		"no run time is known: ten":         {Demand{Waiting: 30}, TargetWait, 10},
		"a target below a second is one":    {Demand{Waiting: 10, MeanRun: 500 * time.Millisecond}, 0, 5},
		"a million wait, a contest's worth": {Demand{Waiting: 1_000_000, MeanRun: 2 * time.Second}, 10 * time.Minute, 3334},
	} {
		if got := tc.demand.Wanted(tc.target); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}
