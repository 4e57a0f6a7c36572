package fleet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/bill"
	"runlease/shared/testkit/figure"
)

func TestRaces(t *testing.T) {
	figures, err := RaceFigures()
	figure.Check(t, figures, err)
}

func TestFairness(t *testing.T) {
	figures, err := FairnessFigures()
	figure.Check(t, figures, err)
}

func TestLanguages(t *testing.T) {
	figures, err := LanguageFigures()
	figure.Check(t, figures, err)
}

// TestScale: a fleet that comes and goes loses and cuts nothing. One whose instances end
// without a word does, so the figure can tell.
func TestScale(t *testing.T) {
	figures, err := ScaleFigures()
	figure.Check(t, figures, err)
	cut := Scaled()
	cut.Cut = true
	if o, err := Contest(1, cut); err != nil || o.LostLeases == 0 {
		t.Errorf("instances end without a word, and %d attempts are cut (%v)", o.LostLeases, err)
	}
}

// TestFairnessIsTheQueue: without fair queues, or with rejudged jobs in the
// groups of new ones, others wait for minutes. The figures above are worth
// something only if they can tell.
func TestFairnessIsTheQueue(t *testing.T) {
	alone, beside, err := Neighbours(bill.Sync, 100, tenth, true)
	if err != nil || beside < 10*alone {
		t.Errorf("without fair queues others wait %s, alone %s (%v)", beside, alone, err)
	}
	alone, beside, err = Rejudge(bill.Sync, 100, func(s *Scene) { s.OwnGroups = true })
	if err != nil || beside < 10*alone {
		t.Errorf("beside rejudged jobs in the groups of new ones those wait %s, alone %s (%v)", beside, alone, err)
	}
}

// TestEveryJobIsDone: at a load that the fleet can carry, all jobs but the last
// ones are finished, once each, in spite of copies and empty polls.
func TestEveryJobIsDone(t *testing.T) {
	for _, flow := range []bill.Flow{bill.Compat, bill.Sync} {
		s := Scene{Seed: 1, Flow: flow, Runners: 20, Job: jobTime, For: 10 * time.Minute, Streams: []Stream{{Name: "all", PerSecond: 1, Groups: 3}}}
		o, err := Run(s)
		if err != nil {
			t.Fatal(err)
		}
		if o.Claims < 500 || o.Finished < o.Claims-40 || o.Finished > o.Claims {
			t.Errorf("%s: %d claims, %d finished", flow, o.Claims, o.Finished)
		}
		again, err := Run(s)
		if diff := cmp.Diff(o, again); err != nil || diff != "" {
			t.Errorf("%s: the same scene has another outcome: %v %s", flow, err, diff)
		}
	}
}

// TestDoorbell is the short form: all fleets are in the figures.
func TestDoorbell(t *testing.T) {
	figures, err := WaitFigures(20)
	figure.Check(t, figures, err)
	figures, err = LossFigures()
	figure.Check(t, figures, err)
}
