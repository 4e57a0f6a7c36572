package job_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/job"
)

// drained claims and gives a job back again and again, which counts as attempts
// and not as failures.
func drained(t *testing.T, j job.Job, times int) job.Job {
	t.Helper()
	for i := range times {
		token := fmt.Sprint("t", i)
		j = after(t, j, claim(t0, "r", token), release(t0, "r", token, job.ReasonDrain))
	}
	return j
}

func TestTenthAttemptIsTheLast(t *testing.T) {
	j := drained(t, after(t, created(), submit(t0)), job.MaxAttempts-1)
	j = after(t, j, claim(t0, "r", "t9"))
	expired := in(lease * time.Second)
	if j.Claimable(expired) || !j.Over(expired) {
		t.Error("an eleventh attempt is allowed")
	}
	if j = after(t, j, end(expired)); j.Result == nil || j.Result.Status != job.StatusJE {
		t.Errorf("ended as %+v", j)
	}
}

func TestAttemptsBeforeARejudgeDoNotCount(t *testing.T) {
	j := drained(t, after(t, created(), submit(t0)), job.MaxAttempts-1)
	j = after(t, j, rejudge(t0, 0), claim(t0, "r", "t"))
	if expired := in(lease * time.Second); !j.Claimable(expired) {
		t.Error("the attempts of the generation before are counted")
	}
}

func TestNobodyHoldsWhatIsNotClaimed(t *testing.T) {
	queued := after(t, created(), submit(t0))
	for name, do := range map[string]step{
		"heartbeat": heartbeat(t0, ""),
		"complete":  complete(t0, "", "", "d"),
		"release":   release(t0, "", "", job.ReasonDrain),
	} {
		if to, out := do(queued); out.Outcome != job.NotClaimed || out.Write || to.State != job.Queued {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if now := in(2 * job.MaxRun); queued.RunTooLong(now) || queued.MustCancel(now) {
		t.Error("nobody is told to stop")
	}
}

func TestLateResultIsNotedWithItsOwnAttempt(t *testing.T) {
	replaced := after(t, created(), submit(t0),
		claim(t0, "a", "t1"), claim(in(lease*time.Second), "a", "t2"), claim(in(2*lease*time.Second), "b", "t3"))
	for _, c := range []struct {
		name, runner, token string
		noted               []bool // of the two attempts that have ended
	}{
		{"first", "a", "t1", []bool{true, false}},
		{"second", "a", "t2", []bool{false, true}},
		{"another's token", "b", "t1", []bool{false, false}},
		{"a token that never was", "a", "t4", []bool{false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			to, out := complete(in(time.Hour), c.runner, c.token, "d")(replaced)
			var noted []bool
			for _, past := range to.Past {
				noted = append(noted, past.Late != nil)
			}
			if diff := cmp.Diff(c.noted, noted); diff != "" || out.Write != (c.noted[0] || c.noted[1]) || out.Outcome == job.OK {
				t.Errorf("%+v, noted %v, want %v", out, noted, c.noted)
			}
		})
	}
}

func TestRecordsAreBoundedAndTheLatestAreKept(t *testing.T) {
	j := after(t, created(), submit(t0))
	for generation := range 7 {
		j = after(t, drained(t, j, job.MaxAttempts-1), rejudge(t0, generation))
	}
	last := j.Past[len(j.Past)-1]
	if len(j.Past) != 50 || last.Attempt != j.Attempt || j.Past[0].Attempt != j.Attempt-49 {
		t.Errorf("%d records, from attempt %d to %d of %d", len(j.Past), j.Past[0].Attempt, last.Attempt, j.Attempt)
	}
}

// TestTwoFuturesOfOneJob: what a decision that lost its race has made does not
// show in the one that won.
func TestTwoFuturesOfOneJob(t *testing.T) {
	j := drained(t, after(t, created(), submit(t0)), 5) // room behind the records
	j = after(t, j, claim(t0, "a", "ta"))
	lost := after(t, j, release(t0, "a", "ta", job.ReasonPreempted))
	won := after(t, j, complete(t0, "a", "ta", "d"))
	if got := lost.Past[5].How; got != job.HowReleased {
		t.Errorf("the record of the release reads %s", got)
	}
	if got := won.Past[5].How; got != job.HowCompleted {
		t.Errorf("the record of the result reads %s", got)
	}
}

func TestCancelIsOverWhenTheJobIs(t *testing.T) {
	asked := after(t, created(), submit(t0), claim(t0, "a", "ta"), cancel(t0))
	ended, out := complete(t0, "a", "ta", "d")(asked)
	for name, j := range map[string]job.Job{
		"completed":   ended,
		"released":    after(t, asked, release(t0, "a", "ta", job.ReasonCancelled)),
		"fell silent": after(t, asked, end(in(lease*time.Second))),
		"was silent":  after(t, created(), submit(t0), claim(t0, "a", "ta"), cancel(in(lease*time.Second))),
	} {
		if j.State != job.Cancelled || j.CancelRequested || j.Claim != (job.Claim{}) || len(j.Past) != 1 || j.Past[0].How != job.HowCancelled {
			t.Errorf("%s: %+v (%+v)", name, j, out)
		}
	}
}

func TestClaimedJobRingsAgainAfterSevenDays(t *testing.T) {
	j := after(t, created(), submit(t0), claim(t0, "a", "ta"))
	j.Claim.LeaseExpiresAt = in(8 * 24 * time.Hour)
	j = after(t, j, job.AttachOp{Now: t0, Bell: 1, Handle: "h"}.Apply)
	j, out := job.RingOp{Now: in(7 * 24 * time.Hour)}.Apply(j)
	if !out.Write || j.Bell != 2 || j.Claim.Handle != "" || j.State != job.Claimed {
		t.Errorf("%+v: bell %d, handle %q", out, j.Bell, j.Claim.Handle)
	}
}

func TestWaitingBeginsWithTheLaterOfBellAndLease(t *testing.T) {
	ring := func(now job.Time) step { return job.RingOp{Now: now, Silent: true}.Apply }
	claimed := after(t, created(), submit(t0), claim(t0, "a", "ta"))
	expired := in(lease * time.Second)
	if _, out := ring(expired.Add(2*time.Minute - time.Second))(claimed); out.Write {
		t.Error("rung for a lease that has just expired")
	}
	rung := after(t, claimed, ring(expired.Add(2*time.Minute)))
	if rung.Bell != 2 {
		t.Fatalf("bell %d", rung.Bell)
	}
	if _, out := ring(expired.Add(4*time.Minute - time.Second))(rung); out.Write {
		t.Error("rung again for a bell that has just been rung")
	}
}

func TestExpiry(t *testing.T) {
	queued := after(t, created(), submit(in(time.Hour)))
	claimed := after(t, queued, claim(in(time.Hour), "a", "ta"))
	ended := in(365 * 24 * time.Hour)
	for _, c := range []struct {
		name string
		job  job.Job
		want job.Time
	}{
		{"created", created(), t0.Add(job.KeepFinal)},
		{"queued", queued, 0},
		{"claimed", claimed, 0},
		{"finished", after(t, claimed, complete(ended, "a", "ta", "d")), ended.Add(job.KeepFinal)},
		{"cancelled", after(t, queued, cancel(ended)), ended.Add(job.KeepFinal)},
		{"rejudged", after(t, queued, cancel(ended), rejudge(ended, 0)), 0},
	} {
		if got := c.job.ExpiresAt(); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestResultOfTheGenerationBefore: its runner repeats it after the next
// generation has its own.
func TestResultOfTheGenerationBefore(t *testing.T) {
	finished := after(t, created(), submit(t0), claim(t0, "a", "ta"), complete(t0, "a", "ta", "d"))
	again := after(t, finished, rejudge(t0, 0), claim(t0, "b", "tb"), complete(t0, "b", "tb", "d"))
	to, out := complete(t0, "a", "ta", "d")(again)
	if out != (job.Decision{Outcome: job.NotClaimed}) || to.Past[0].Late != nil {
		t.Errorf("%+v, noted as %+v", out, to.Past[0].Late)
	}
}

func TestResultThatMetACancel(t *testing.T) {
	asked := after(t, created(), submit(t0), claim(t0, "a", "ta"), cancel(t0))
	cancelled, _ := complete(t0, "a", "ta", "d")(asked)
	again := complete(in(time.Second), "a", "ta", "d")
	if to, out := again(cancelled); out != (job.Decision{Outcome: job.JobCancelled}) || to.Past[0].Late != nil {
		t.Errorf("repeated: %+v, noted as %+v", out, to.Past[0].Late)
	}
	if to, out := again(after(t, cancelled, rejudge(t0, 0))); out != (job.Decision{Outcome: job.NotClaimed}) || to.Past[0].Late != nil {
		t.Errorf("repeated after a rejudge: %+v, noted as %+v", out, to.Past[0].Late)
	}
}

func TestDisputesAreOfOneGeneration(t *testing.T) {
	wrong := job.CompleteOp{Now: t0, Runner: "a", TokenHash: "ta", Result: job.Result{Score: 1}}.Apply
	replaced := after(t, created(), submit(t0), claim(t0, "a", "ta"), claim(in(lease*time.Second), "b", "tb"))
	for _, c := range []struct {
		name     string
		late     int // after this many steps
		disputed bool
	}{
		{"late in its own", 0, true},
		{"late after a rejudge", 1, false},
		{"late after the next result", 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := replaced
			for i, s := range []step{rejudge(t0, 0), claim(t0, "c", "tc"), complete(t0, "c", "tc", "d")} {
				if i == c.late {
					j, _ = wrong(j)
				}
				if i == 0 && c.disputed {
					j = after(t, j, complete(t0, "b", "tb", "d"))
					break
				}
				j = after(t, j, s)
			}
			if c.late == 3 {
				j, _ = wrong(j)
			}
			if c.disputed {
				if next := after(t, j, rejudge(t0, 0)); next.Disputed {
					t.Error("the next generation is born disputed")
				}
			}
			if j.Past[0].Late == nil || j.Disputed != c.disputed {
				t.Errorf("disputed %v, want %v; noted as %+v", j.Disputed, c.disputed, j.Past[0].Late)
			}
		})
	}
}

func TestReleaseRepeated(t *testing.T) {
	queued := after(t, created(), submit(t0))
	claimed := after(t, queued, claim(t0, "a", "ta"))
	give := release(t0, "a", "ta", job.ReasonCancelled)
	cancelled := after(t, claimed, cancel(in(lease*time.Second))) // its runner was silent
	for _, c := range []struct {
		name string
		from job.Job
		want job.Outcome
	}{
		{"after it", after(t, claimed, release(t0, "a", "ta", job.ReasonDrain)), job.OK},
		{"after it ended a cancelled job", after(t, claimed, cancel(t0), give), job.OK},
		{"while the next has the job", after(t, claimed, give, claim(t0, "b", "tb")), job.OK},
		{"after a rejudge", after(t, claimed, give, rejudge(t0, 0)), job.NotClaimed},
		{"after a cancel took the job", cancelled, job.NotClaimed},
		{"after the lease was lost", after(t, claimed, claim(in(lease*time.Second), "b", "tb")), job.NotClaimed},
	} {
		if _, out := give(c.from); out != (job.Decision{Outcome: c.want}) {
			t.Errorf("%s: %+v, want %s", c.name, out, c.want)
		}
	}
}

func TestReasonsOfARelease(t *testing.T) {
	claimed := after(t, created(), submit(t0), claim(t0, "a", "ta"))
	for reason, failures := range map[job.Reason]int{job.ReasonDrain: 0, job.ReasonPreempted: 0, job.ReasonInfraError: 1, job.ReasonCancelled: 1} {
		j := after(t, claimed, release(t0, "a", "ta", reason))
		if j.Failures != failures || j.Past[0].How != job.HowReleased || j.Past[0].Reason != reason {
			t.Errorf("%s: %d failures, noted as %+v", reason, j.Failures, j.Past[0])
		}
	}
}
