package job_test

import (
	"testing"
	"time"

	"runlease/shared/job"
)

func TestWhoGaveAJobBackWaits(t *testing.T) {
	gaveBack := func(runner string, at time.Duration, generation int, reason job.Reason) job.Past {
		return job.Past{Runner: runner, Generation: generation, EndedAt: t0.Add(at), How: job.HowReleased, Reason: reason}
	}
	lost := func(at time.Duration) job.Past {
		return job.Past{Runner: "a", Generation: 1, EndedAt: t0.Add(at), How: job.HowLost}
	}
	infra := job.ReasonInfraError
	for name, tc := range map[string]struct {
		past []job.Past
		wait time.Duration // of runner "a", from t0
	}{
		"nothing yet":           {nil, 0},
		"once":                  {[]job.Past{gaveBack("a", 0, 1, infra)}, 30 * time.Second},
		"twice":                 {[]job.Past{gaveBack("a", -time.Hour, 1, infra), gaveBack("a", 0, 1, infra)}, 2 * time.Minute},
		"three times":           {[]job.Past{gaveBack("a", -2, 1, infra), gaveBack("a", -1, 1, infra), gaveBack("a", 0, 1, infra)}, 10 * time.Minute},
		"more often":            {[]job.Past{gaveBack("a", -3, 1, infra), gaveBack("a", -2, 1, infra), gaveBack("a", -1, 1, infra), gaveBack("a", 0, 1, infra)}, 10 * time.Minute},
		"another runner":        {[]job.Past{gaveBack("b", 0, 1, infra)}, 0},
		"an earlier generation": {[]job.Past{gaveBack("a", 0, 0, infra)}, 0},
		"drained once":          {[]job.Past{gaveBack("a", 0, 1, job.ReasonDrain)}, 0},
		"drained twice":         {[]job.Past{gaveBack("a", -2, 1, job.ReasonDrain), gaveBack("a", 0, 1, job.ReasonPreempted)}, 30 * time.Second},
		"ran for too long":      {[]job.Past{gaveBack("a", 0, 1, job.ReasonCancelled)}, 30 * time.Second},
		"lost, and at fault":    {[]job.Past{lost(-2), gaveBack("a", 0, 1, infra)}, 30 * time.Second},
		"fell silent":           {[]job.Past{lost(0)}, 0},
		"fell silent twice":     {[]job.Past{lost(-2), lost(0)}, 30 * time.Second},
		"finished or cancelled": {[]job.Past{{Runner: "a", Generation: 1, EndedAt: t0, How: job.HowCancelled}, {Runner: "a", Generation: 1, EndedAt: t0, How: job.HowCompleted}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			j := job.Job{State: job.Queued, Generation: 1, Past: tc.past}
			end := t0.Add(tc.wait)
			if got := j.MayHave(job.Candidate{Runner: "a"}, job.Needs{}, end); got != (job.Obstacle{}) {
				t.Errorf("after %v: %+v", tc.wait, got)
			}
			if tc.wait == 0 {
				return
			}
			if got, want := j.MayHave(job.Candidate{Runner: "a"}, job.Needs{}, end-1), (job.Obstacle{Why: job.BackOff, Until: end}); got != want {
				t.Errorf("just before: %+v, want %+v", got, want)
			}
		})
	}
}

// TestWhoIsSilentForTheSecondTimeWaits: that it is lost is not noted yet.
func TestWhoIsSilentForTheSecondTimeWaits(t *testing.T) {
	j := job.Job{State: job.Claimed, Claim: job.Claim{Runner: "a", LeaseExpiresAt: t0}}
	a, b := job.Candidate{Runner: "a"}, job.Candidate{Runner: "b"}
	if got := j.MayHave(a, job.Needs{}, t0); got != (job.Obstacle{}) {
		t.Errorf("for the first time: %+v", got)
	}
	j.Past = []job.Past{{Runner: "a", How: job.HowLost}}
	if got, want := j.MayHave(a, job.Needs{}, t0), (job.Obstacle{Why: job.BackOff, Until: t0.Add(30 * time.Second)}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := j.MayHave(b, job.Needs{}, t0); got != (job.Obstacle{}) {
		t.Errorf("another runner: %+v", got)
	}
}

func TestARunnerWithoutCheckersMayNotHaveAJobThatNeedsOne(t *testing.T) {
	needs := job.Needs{Checker: true}
	if got := (job.Job{}).MayHave(job.Candidate{Runner: "a"}, needs, 0); got.Why != job.LacksCheckers {
		t.Errorf("got %v", got)
	}
	if got := (job.Job{}).MayHave(job.Candidate{Runner: "a", Checkers: true}, needs, 0); got != (job.Obstacle{}) {
		t.Errorf("a runner with checkers: got %v", got)
	}
}

func TestARunnerMayNotHaveAJobInALanguageThatItDoesNotJudge(t *testing.T) {
	java, own := job.Language(5), job.Language(63)
	for _, c := range []struct {
		says job.Languages
		has  []job.Language
		not  []job.Language
	}{
		{job.Languages{}, []job.Language{job.C, job.CPP, job.Python3}, []job.Language{job.Handwritten, 4, java, own, 64, -1}},
		{job.Speaks(), nil, []job.Language{job.C, job.CPP, job.Python3, java}},
		{job.Speaks(job.C, java, own), []job.Language{job.C, java, own}, []job.Language{job.CPP, 6, 62}},
		{job.AnyLanguage, []job.Language{job.C, java, own}, nil},
	} {
		for _, l := range c.has {
			if got := (job.Job{Language: l}).MayHave(job.Candidate{Languages: c.says}, job.Needs{}, 0); got != (job.Obstacle{}) {
				t.Errorf("%+v, language %d: got %v", c.says, l, got)
			}
		}
		for _, l := range c.not {
			if got := (job.Job{Language: l}).MayHave(job.Candidate{Languages: c.says, Checkers: true}, job.Needs{}, 0); got.Why != job.LacksLanguage || !got.Lasting() {
				t.Errorf("%+v, language %d: got %v", c.says, l, got)
			}
		}
	}
}

func TestWhatRunnersLackIsNotedOnceAndUntilTheClaim(t *testing.T) {
	j := job.Job{State: job.Queued, Language: 5}
	noted, d := job.NoteOp{Lacks: job.LacksLanguage}.Apply(j)
	if noted.Lacks != job.LacksLanguage || d.Outcome != job.OK || !d.Write {
		t.Fatalf("got %+v, %+v", noted, d)
	}
	if _, d := (job.NoteOp{Lacks: job.LacksLanguage}).Apply(noted); d.Write {
		t.Error("written again")
	}
	claimed, _ := job.ClaimOp{Runner: "a", LeaseSeconds: 60}.Apply(noted)
	if claimed.Lacks != "" {
		t.Error("the claim keeps the note")
	}
	if _, d := (job.NoteOp{Lacks: job.LacksLanguage}).Apply(claimed); d.Write {
		t.Error("a job that is held is noted")
	}
}
