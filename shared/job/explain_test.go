package job

import (
	"strings"
	"testing"
	"time"
)

func codes(delays []Delay) string {
	var list []string
	for _, d := range delays {
		list = append(list, string(d.Code))
	}
	return strings.Join(list, " ")
}

// TestExplain looks for every reason, and for what comes first.
func TestExplain(t *testing.T) {
	const now = Time(1_000_000_000)
	c := func(name string) Candidate { return Candidate{Runner: name} }
	queued := Job{State: Queued, QueuedAt: now - 600_000, RungAt: now - 600_000, Language: CPP}
	held := Job{State: Claimed, Claim: Claim{Runner: "a", LeaseSeconds: 60, LeaseExpiresAt: now + 1, ClaimedAt: now - 9}}
	expired, cancelled, gaveBack, java := held, held, queued, queued
	expired.Claim.LeaseExpiresAt, expired.RungAt = now, now
	cancelled.CancelRequested = true
	gaveBack.Past = []Past{{Runner: "a", How: HowReleased, Reason: ReasonInfraError, EndedAt: now - 1000}}
	java.Language = 5
	over := expired
	over.Failures = MaxFailures - 1
	barred, paused, retired := c("b"), c("p"), c("r")
	barred.Barred, paused.Barred, retired.Barred = RunnerDraining, RunnerPaused, RunnerRetired
	for name, tc := range map[string]struct {
		job  Job
		with Surroundings
		want string
	}{
		"it has ended":                 {Job{State: Cancelled}, Surroundings{}, "ended"},
		"it is a PDF":                  {Job{State: Created, Language: Handwritten}, Surroundings{}, "handwritten"},
		"its code is not there":        {Job{State: Created}, Surroundings{}, "upload_missing"},
		"it is held":                   {held, Surroundings{}, "held"},
		"it is held, and cancelled":    {cancelled, Surroundings{}, "cancel_requested"},
		"its runner is silent":         {expired, Surroundings{Present: []Candidate{c("b")}}, "lease_expired"},
		"its last runner is silent":    {over, Surroundings{}, "lease_expired"},
		"there is no runner":           {queued, Surroundings{Ahead: 2}, "no_runner queue"},
		"in another language":          {java, Surroundings{Present: []Candidate{c("a"), c("b")}}, "no_runner_for_language"},
		"with a checker":               {queued, Surroundings{Present: []Candidate{c("a")}, Needs: Needs{Checker: true}}, "no_runner_for_checker"},
		"nobody may, for two causes":   {java, Surroundings{Present: []Candidate{c("a"), barred}}, "no_runner_for_language runners_barred"},
		"all are barred":               {queued, Surroundings{Present: []Candidate{barred, paused, retired}}, "runners_barred runners_barred runners_barred"},
		"the others are quarantined":   {queued, Surroundings{Present: []Candidate{c("a"), {Runner: "q", Barred: RunnerQuarantined}}, Busy: map[string]bool{"a": true}}, "runners_barred all_busy"},
		"one that is idle may have it": {queued, Surroundings{Present: []Candidate{c("a"), {Runner: "q", Barred: RunnerQuarantined}}}, "next"},
		"the lone runner backs off":    {gaveBack, Surroundings{Present: []Candidate{c("a"), barred}}, "backing_off"},
		"another may have it":          {gaveBack, Surroundings{Present: []Candidate{c("a"), c("c")}}, "next"},
		"all are busy":                 {queued, Surroundings{Present: []Candidate{c("a")}, Busy: map[string]bool{"a": true}, Ahead: 1}, "all_busy queue"},
		"its message is lost":          {queued, Surroundings{Present: []Candidate{c("a")}, SilentSince: now - 1}, "message_lost"},
		"it was rung a moment ago":     {Job{State: Queued, RungAt: now - 1000}, Surroundings{Present: []Candidate{c("a")}, SilentSince: now - 1}, "next"},
	} {
		tc.with.Now = now
		got := tc.job.Explain(tc.with)
		if codes(got) != tc.want {
			t.Errorf("%s: got %q, want %q", name, codes(got), tc.want)
		}
		for _, d := range got {
			if d.Reason == "" || d.Remedy == "" {
				t.Errorf("%s: %+v", name, d)
			}
		}
	}
	if got := gaveBack.Explain(Surroundings{Now: now, Present: []Candidate{c("a")}})[0]; got.Until != now-1000+Time(30*time.Second/time.Millisecond) || got.Runner != "a" {
		t.Errorf("until %d, of %q", got.Until, got.Runner)
	}
	for _, tc := range []struct {
		ahead int
		more  bool
		want  string
	}{{100, false, "before it: 100"}, {101, true, "more than 100"}, {3, true, "at least 3"}, {0, true, "at least 0"}} {
		got := queued.Explain(Surroundings{Now: now, Present: []Candidate{c("a")}, Ahead: tc.ahead, More: tc.more})
		if codes(got) != "queue" || !strings.Contains(got[0].Reason, tc.want) {
			t.Errorf("%d ahead, more %v: %v", tc.ahead, tc.more, got)
		}
	}
}

func TestTimeline(t *testing.T) {
	j := Job{
		State: Finished, CreatedAt: 1, QueuedAt: 2, EndedAt: 90, Generation: 1, Result: &Result{Attempt: 3, Score: 7},
		Past: []Past{
			{Attempt: 1, Runner: "a", ClaimedAt: 10, HeartbeatAt: 15, EndedAt: 20, How: HowLost, Late: &Late{At: 95, Verdict: Verdict{1, 2}}},
			{Attempt: 2, Generation: 1, Runner: "b", ClaimedAt: 30, HeartbeatAt: 30, EndedAt: 40, How: HowReleased, Reason: ReasonInfraError, Detail: "no disk"},
			{Attempt: 3, Generation: 1, Runner: "c", ClaimedAt: 50, HeartbeatAt: 60, EndedAt: 90, How: HowCompleted, Verdict: &Verdict{0, 7}},
		},
	}
	var got []string
	last := Time(0)
	for _, s := range j.Timeline() {
		if s.At < last {
			t.Errorf("%s is out of order", s.What)
		}
		last = s.At
		got = append(got, strings.TrimSpace(strings.Join([]string{s.What, s.Runner, s.Detail}, " ")))
	}
	want := "created, queued, claimed a, heard a, lost a, claimed b, released b infra_error: no disk, claimed c, completed c AC, score 7, finished  AC, score 7, late_result a WA, score 2"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	j.State, j.RungAt, j.Claim = Claimed, 97, Claim{Runner: "d", ClaimedAt: 98, LeaseExpiresAt: 99 + 1000, LeaseSeconds: 1}
	steps := j.Timeline()
	if n := len(steps); steps[n-3].What != "rung" || steps[n-2].What != "claimed" || steps[n-1].What != "heard" || steps[n-1].At != 99 {
		t.Errorf("got %+v", steps[n-3:])
	}
}
