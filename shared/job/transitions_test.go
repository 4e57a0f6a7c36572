package job_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/job"
)

const (
	t0    = job.Time(1_700_000_000_000)
	lease = 60
)

func in(d time.Duration) job.Time { return t0.Add(d) }

// step is one Op's Apply.
type step = func(job.Job) (job.Job, job.Decision)

func created() job.Job {
	return job.CreateOp{Now: t0, ID: "j", Problem: 1, Code: job.Artifact{Size: 9, SHA256: "c0de"}}.New()
}

// after applies steps that must all be granted.
func after(t *testing.T, j job.Job, steps ...step) job.Job {
	t.Helper()
	for i, s := range steps {
		next, out := s(j)
		if out.Outcome != job.OK {
			t.Fatalf("step %d: %s", i, out.Outcome)
		}
		j = next
	}
	return j
}

func submit(now job.Time) step { return job.SubmitOp{Now: now}.Apply }

func claim(now job.Time, runner, token string) step {
	return job.ClaimOp{Now: now, Runner: runner, TokenHash: token, LeaseSeconds: lease, ProblemVersion: 4}.Apply
}

func heartbeat(now job.Time, runner string) step {
	return job.HeartbeatOp{Now: now, Runner: runner}.Apply
}

func complete(now job.Time, runner, token, digest string) step {
	return job.CompleteOp{Now: now, Runner: runner, TokenHash: token, Result: job.Result{Score: 100, Digest: digest}}.Apply
}

func release(now job.Time, runner, token string, reason job.Reason) step {
	return job.ReleaseOp{Now: now, Runner: runner, TokenHash: token, Reason: reason}.Apply
}

func cancel(now job.Time) step { return job.CancelOp{Now: now}.Apply }

func rejudge(now job.Time, generation int) step {
	return job.RejudgeOp{Now: now, Generation: generation}.Apply
}

func end(now job.Time) step { return job.EndOp{Now: now}.Apply }

// lose has n runners claim a job and lets every lease run out but the last, which
// has run out at the returned time.
func lose(t *testing.T, j job.Job, n int, from job.Time) (job.Job, job.Time) {
	t.Helper()
	now := from
	for i := range n {
		j = after(t, j, claim(now, fmt.Sprint("r", i), string(rune('a'+i))))
		now = now.Add(lease * time.Second)
	}
	return j, now
}

func TestTransitions(t *testing.T) {
	queued := after(t, created(), submit(t0))
	claimed := after(t, queued, claim(t0, "a", "ta"))
	finished := after(t, claimed, complete(in(time.Second), "a", "ta", "d1"))
	cancelled := after(t, queued, cancel(t0))
	neverSubmitted := after(t, created(), cancel(t0))
	asked := after(t, claimed, cancel(in(time.Second)))
	replaced := after(t, claimed, claim(in(lease*time.Second), "b", "tb"))
	twiceLost, twiceLostAt := lose(t, queued, 2, t0)
	overLost, overAt := lose(t, queued, 3, t0)
	again := after(t, twiceLost, claim(twiceLostAt, "r0", "again")) // r0 has failed at it before
	handwritten := created()
	handwritten.Language = job.Handwritten

	for _, c := range []struct {
		name  string
		from  job.Job
		do    step
		code  job.Outcome
		write bool
		state job.State
		check func(t *testing.T, from, to job.Job)
	}{
		{"submit queues and rings", created(), submit(t0), job.OK, true, job.Queued, func(t *testing.T, from, to job.Job) {
			if to.Bell != from.Bell+1 || to.RungAt != t0 || to.QueuedAt != t0 {
				t.Errorf("bell %d rung at %d queued at %d", to.Bell, to.RungAt, to.QueuedAt)
			}
		}},
		{"submit again changes nothing", queued, submit(t0), job.OK, false, job.Queued, nil},
		{"submit of a handwritten job changes nothing", handwritten, submit(t0), job.OK, false, job.Created, nil},
		{"submit of a finished job changes nothing", finished, submit(t0), job.OK, false, job.Finished, nil},

		{"claim of a queued job", queued, claim(t0, "a", "ta"), job.OK, true, job.Claimed, func(t *testing.T, from, to job.Job) {
			if to.Attempt != 1 || to.Failures != 0 || to.Bell != from.Bell || to.Claim.LeaseExpiresAt != in(lease*time.Second) || to.Claim.ProblemVersion != 4 {
				t.Errorf("claimed as %+v", to)
			}
		}},
		{"claim of a created job", created(), claim(t0, "a", "ta"), job.NotPending, false, job.Created, nil},
		{"claim of a finished job", finished, claim(in(time.Hour), "a", "ta"), job.NotPending, false, job.Finished, nil},
		{"claim of a cancelled job", cancelled, claim(t0, "a", "ta"), job.NotPending, false, job.Cancelled, nil},
		{"claim while another holds it", claimed, claim(in(lease*time.Second-1), "b", "tb"), job.AlreadyClaimed, false, job.Claimed, nil},
		{"claim while the same runner holds it", claimed, claim(in(time.Second), "a", "tb"), job.AlreadyClaimed, false, job.Claimed, nil},
		{"claim after the lease counts the failure", claimed, claim(in(lease*time.Second), "b", "tb"), job.OK, true, job.Claimed, func(t *testing.T, _, to job.Job) {
			if to.Attempt != 2 || to.Failures != 1 || len(to.Past) != 1 || to.Past[0].How != job.HowLost || to.Past[0].Runner != "a" {
				t.Errorf("claimed as %+v", to)
			}
		}},
		{"claim with one failure left", twiceLost, claim(twiceLostAt, "b", "tb"), job.OK, true, job.Claimed, nil},
		{"claim with no failure left", overLost, claim(overAt, "b", "tb"), job.NotPending, false, job.Claimed, nil},
		{"claim of what two runners have lost, one of them twice", again, claim(twiceLostAt.Add(lease*time.Second), "b", "tb"), job.OK, true, job.Claimed, func(t *testing.T, _, to job.Job) {
			if to.Failures != 2 || len(to.Past) != 3 {
				t.Errorf("claimed as %+v", to)
			}
		}},
		{"claim after a cancel was asked", asked, claim(in(time.Hour), "b", "tb"), job.NotPending, false, job.Claimed, nil},

		{"heartbeat moves the lease and nothing else", claimed, heartbeat(in(20*time.Second), "a"), job.OK, true, job.Claimed, func(t *testing.T, from, to job.Job) {
			from.Claim.LeaseExpiresAt = in((20 + lease) * time.Second)
			if diff := cmp.Diff(from, to); diff != "" {
				t.Error(diff)
			}
		}},
		{"heartbeat after the lease: late is not lost", claimed, heartbeat(in(time.Hour-time.Second), "a"), job.OK, true, job.Claimed, nil},
		{"heartbeat never takes a lease back", claimed, heartbeat(in(-time.Second), "a"), job.OK, false, job.Claimed, nil},
		{"heartbeat beyond the longest run", claimed, heartbeat(in(job.MaxRun+time.Second), "a"), job.OK, false, job.Claimed, func(t *testing.T, _, to job.Job) {
			if !to.MustCancel(in(job.MaxRun + time.Second)) {
				t.Error("the runner is not told to stop")
			}
		}},
		{"heartbeat sooner than it is due", claimed, heartbeat(in(lease*time.Second/6-time.Millisecond), "a"), job.OK, false, job.Claimed, nil},
		{"heartbeat as soon as it counts", claimed, heartbeat(in(lease*time.Second/6), "a"), job.OK, true, job.Claimed, nil},
		{"heartbeat sooner than it is due, after a cancel", asked, heartbeat(in(2*time.Second), "a"), job.OK, false, job.Claimed, func(t *testing.T, _, to job.Job) {
			if !to.MustCancel(in(2 * time.Second)) {
				t.Error("the runner is not told to stop")
			}
		}},
		{"heartbeat of another runner", claimed, heartbeat(t0, "b"), job.NotClaimed, false, job.Claimed, nil},
		{"heartbeat of the one that was replaced", replaced, heartbeat(in(lease*time.Second), "a"), job.NotClaimed, false, job.Claimed, nil},
		{"heartbeat with another claim's token", claimed, job.HeartbeatOp{Now: t0, Runner: "a", TokenHash: "tb"}.Apply, job.InvalidToken, false, job.Claimed, nil},
		{"heartbeat of a finished job", finished, heartbeat(t0, "a"), job.NotClaimed, false, job.Finished, nil},

		{"complete", claimed, complete(in(time.Second), "a", "ta", "d1"), job.OK, true, job.Finished, func(t *testing.T, _, to job.Job) {
			if to.Result.Attempt != 1 || to.Result.Score != 100 || to.EndedAt != in(time.Second) || to.Past[0].How != job.HowCompleted {
				t.Errorf("finished as %+v", to)
			}
		}},
		{"complete after the lease: late is not lost", claimed, complete(in(time.Hour), "a", "ta", "d1"), job.OK, true, job.Finished, nil},
		{"complete again", finished, complete(in(time.Minute), "a", "ta", "d1"), job.OK, false, job.Finished, nil},
		{"complete again with another result", finished, complete(in(time.Minute), "a", "ta", "d2"), job.ResultConflict, false, job.Finished, nil},
		{"complete with a wrong token", claimed, complete(t0, "a", "tb", "d1"), job.InvalidToken, false, job.Claimed, nil},
		{"complete by another runner", claimed, complete(t0, "b", "ta", "d1"), job.NotClaimed, false, job.Claimed, nil},
		{"complete by the one that was replaced is noted", replaced, complete(in(2*lease*time.Second), "a", "ta", "d1"), job.NotClaimed, true, job.Claimed, func(t *testing.T, from, to job.Job) {
			if to.Past[0].Late == nil || to.Result != nil || from.Past[0].Late != nil {
				t.Errorf("noted as %+v", to.Past[0])
			}
		}},
		{"complete after a cancel", asked, complete(in(2*time.Second), "a", "ta", "d1"), job.JobCancelled, true, job.Cancelled, func(t *testing.T, _, to job.Job) {
			if to.Result != nil {
				t.Error("a cancelled job has a result")
			}
		}},
		{"complete of a queued job", queued, complete(t0, "a", "ta", "d1"), job.NotClaimed, false, job.Queued, nil},

		{"release queues and rings", claimed, release(in(time.Second), "a", "ta", job.ReasonDrain), job.OK, true, job.Queued, func(t *testing.T, from, to job.Job) {
			if to.Failures != 0 || to.Bell != from.Bell+1 || to.QueuedAt != from.QueuedAt || to.Attempt != 1 {
				t.Errorf("released as %+v", to)
			}
		}},
		{"release by a preempted runner counts nothing", claimed, release(in(time.Second), "a", "ta", job.ReasonPreempted), job.OK, true, job.Queued, func(t *testing.T, _, to job.Job) {
			if to.Failures != 0 {
				t.Errorf("failures %d", to.Failures)
			}
		}},
		{"release for a fault counts", claimed, release(in(time.Second), "a", "ta", job.ReasonInfraError), job.OK, true, job.Queued, func(t *testing.T, _, to job.Job) {
			if to.Failures != 1 {
				t.Errorf("failures %d", to.Failures)
			}
		}},
		{"release after a cancel ends it", asked, release(in(2*time.Second), "a", "ta", job.ReasonCancelled), job.OK, true, job.Cancelled, nil},
		{"release for any reason after a cancel ends it", asked, release(in(2*time.Second), "a", "ta", job.ReasonDrain), job.OK, true, job.Cancelled, nil},
		{"release of the last failure finishes with JE", overLost, release(overAt, "r2", "c", job.ReasonInfraError), job.OK, true, job.Finished, func(t *testing.T, from, to job.Job) {
			if to.Result.Status != job.StatusJE || to.Result.Attempt != 0 || to.Bell != from.Bell {
				t.Errorf("finished as %+v", to)
			}
		}},
		{"release for a fault by a runner that has drained it", after(t, claimed, release(t0, "a", "ta", job.ReasonDrain), claim(t0, "a", "tb")), release(t0, "a", "tb", job.ReasonInfraError), job.OK, true, job.Queued, func(t *testing.T, _, to job.Job) {
			if to.Failures != 1 {
				t.Errorf("failures %d", to.Failures)
			}
		}},
		{"release for a fault by one that failed before a rejudge", after(t, twiceLost, rejudge(twiceLostAt, 0), claim(twiceLostAt, "r0", "x")), release(twiceLostAt, "r0", "x", job.ReasonInfraError), job.OK, true, job.Queued, func(t *testing.T, _, to job.Job) {
			if to.Failures != 1 {
				t.Errorf("failures %d", to.Failures)
			}
		}},
		{"release of a runner's second failure counts nothing", again, release(twiceLostAt, "r0", "again", job.ReasonInfraError), job.OK, true, job.Queued, func(t *testing.T, from, to job.Job) {
			if to.Failures != 2 || to.Bell != from.Bell+1 {
				t.Errorf("released as %+v", to)
			}
		}},
		{"release again", after(t, claimed, release(t0, "a", "ta", job.ReasonDrain)), release(t0, "a", "ta", job.ReasonDrain), job.OK, false, job.Queued, nil},
		{"release after completing", finished, release(t0, "a", "ta", job.ReasonDrain), job.NotClaimed, false, job.Finished, nil},
		{"release with a wrong token", claimed, release(t0, "a", "tb", job.ReasonDrain), job.InvalidToken, false, job.Claimed, nil},
		{"release by another runner", claimed, release(t0, "b", "ta", job.ReasonDrain), job.NotClaimed, false, job.Claimed, nil},

		{"cancel of a created job", created(), cancel(t0), job.OK, true, job.Cancelled, nil},
		{"cancel of a queued job", queued, cancel(t0), job.OK, true, job.Cancelled, nil},
		{"cancel of a claimed job is asked", claimed, cancel(t0), job.OK, true, job.Claimed, func(t *testing.T, _, to job.Job) {
			if !to.CancelRequested || !to.MustCancel(t0) {
				t.Error("not asked")
			}
		}},
		{"cancel again while asked", asked, cancel(t0), job.OK, false, job.Claimed, nil},
		{"cancel when its runner is silent", claimed, cancel(in(lease * time.Second)), job.OK, true, job.Cancelled, nil},
		{"cancel again", cancelled, cancel(t0), job.OK, false, job.Cancelled, nil},
		{"cancel of a finished job", finished, cancel(t0), job.JobFinished, false, job.Finished, nil},

		{"rejudge of a finished job", finished, rejudge(in(time.Hour), 0), job.OK, true, job.Queued, func(t *testing.T, from, to job.Job) {
			if to.Generation != 1 || to.Result != nil || to.Attempt != from.Attempt || to.Bell != from.Bell+1 || to.AttemptsUsed() != 0 || to.QueuedAt != in(time.Hour) || to.EndedAt != 0 {
				t.Errorf("rejudged as %+v", to)
			}
		}},
		{"rejudge of a claimed job takes it away", claimed, rejudge(in(time.Second), 0), job.OK, true, job.Queued, func(t *testing.T, _, to job.Job) {
			if to.Past[0].How != job.HowRejudged || to.Claim != (job.Claim{}) {
				t.Errorf("rejudged as %+v", to)
			}
		}},
		{"rejudge takes a cancel back", asked, rejudge(in(time.Second), 0), job.OK, true, job.Queued, func(t *testing.T, _, to job.Job) {
			if to.CancelRequested {
				t.Error("still asked")
			}
		}},
		{"rejudge of a cancelled job", cancelled, rejudge(t0, 0), job.OK, true, job.Queued, nil},
		{"rejudge gives a fresh budget", overLost, rejudge(overAt, 0), job.OK, true, job.Queued, func(t *testing.T, _, to job.Job) {
			if to.Failures != 0 {
				t.Errorf("failures %d", to.Failures)
			}
		}},
		{"rejudge again", after(t, finished, rejudge(t0, 0)), rejudge(t0, 0), job.OK, false, job.Queued, nil},
		{"rejudge of a generation to come", finished, rejudge(t0, 1), job.GenerationConflict, false, job.Finished, nil},
		{"rejudge of a created job", created(), rejudge(t0, 0), job.NotSubmitted, false, job.Created, nil},
		{"rejudge of a job cancelled before it was submitted", neverSubmitted, rejudge(in(time.Second), 0), job.OK, true, job.Created, func(t *testing.T, _, to job.Job) {
			if to.Generation != 1 || to.EndedAt != 0 || to.Bell != 0 || to.QueuedAt != 0 {
				t.Errorf("rejudged as %+v", to)
			}
		}},
		{"and again", after(t, neverSubmitted, rejudge(t0, 0)), rejudge(t0, 0), job.OK, false, job.Created, nil},
		{"and of the next generation", after(t, neverSubmitted, rejudge(t0, 0)), rejudge(t0, 1), job.NotSubmitted, false, job.Created, nil},
		{"submit after it", after(t, neverSubmitted, rejudge(t0, 0)), submit(t0), job.OK, true, job.Queued, nil},

		{"end of what is over", overLost, end(overAt), job.OK, true, job.Finished, func(t *testing.T, _, to job.Job) {
			if to.Result.Status != job.StatusJE || to.Failures != job.MaxFailures || len(to.Past) != 3 {
				t.Errorf("ended as %+v", to)
			}
		}},
		{"end of a cancelled job whose runner is silent", asked, end(in(lease * time.Second)), job.OK, true, job.Cancelled, nil},
		{"end of a job whose lease runs", asked, end(in(time.Second)), job.OK, false, job.Claimed, nil},
		{"end of a job that can be claimed", claimed, end(in(lease * time.Second)), job.OK, false, job.Claimed, nil},

		{"attach a handle", claimed, job.AttachOp{Now: t0, Bell: 1, Handle: "h"}.Apply, job.OK, true, job.Claimed, nil},
		{"attach another bell's handle", claimed, job.AttachOp{Now: t0, Bell: 2, Handle: "h"}.Apply, job.OK, false, job.Claimed, nil},
		{"attach a second handle", after(t, claimed, job.AttachOp{Now: t0, Bell: 1, Handle: "h"}.Apply), job.AttachOp{Now: t0, Bell: 1, Handle: "i"}.Apply, job.OK, false, job.Claimed, nil},
		{"attach to an expired claim", claimed, job.AttachOp{Now: in(lease * time.Second), Bell: 1, Handle: "h"}.Apply, job.OK, false, job.Claimed, nil},
		{"attach to a queued job", queued, job.AttachOp{Now: t0, Bell: 1, Handle: "h"}.Apply, job.OK, false, job.Queued, nil},

		{"ring for a job that waits with a silent queue", queued, job.RingOp{Now: in(2 * time.Minute), Silent: true}.Apply, job.OK, true, job.Queued, nil},
		{"ring for an expired claim with a silent queue", claimed, job.RingOp{Now: in(lease*time.Second + 2*time.Minute), Silent: true}.Apply, job.OK, true, job.Claimed, nil},
		{"no ring before two minutes", queued, job.RingOp{Now: in(2*time.Minute - 1), Silent: true}.Apply, job.OK, false, job.Queued, nil},
		{"no ring while the queue has messages", queued, job.RingOp{Now: in(time.Hour)}.Apply, job.OK, false, job.Queued, nil},
		{"ring after seven days", queued, job.RingOp{Now: in(7 * 24 * time.Hour)}.Apply, job.OK, true, job.Queued, nil},
		{"no ring for a final job", finished, job.RingOp{Now: in(30 * 24 * time.Hour), Silent: true}.Apply, job.OK, false, job.Finished, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := c.from
			to, out := c.do(from)
			if got, want := out, (job.Decision{Outcome: c.code, Write: c.write}); got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			if to.State != c.state {
				t.Errorf("state %s, want %s", to.State, c.state)
			}
			if diff := cmp.Diff(from, to); (diff != "") != c.write {
				t.Errorf("write %v, but the difference is %q", c.write, diff)
			}
			if c.check != nil {
				c.check(t, from, to)
			}
		})
	}
}

// TestOneRunnerEndsNoJobBeforeTheLastAttempt: not by any failure, and the job ends all
// the same.
func TestOneRunnerEndsNoJobBeforeTheLastAttempt(t *testing.T) {
	for _, reason := range []job.Reason{job.ReasonInfraError, job.ReasonCancelled, ""} {
		j, now := after(t, created(), submit(t0)), t0
		for attempt := range job.MaxAttempts {
			if !j.Claimable(now) {
				t.Fatalf("%q: over after %d attempts: %+v", reason, attempt, j)
			}
			j = after(t, j, claim(now, "r", "t"))
			if reason != "" {
				j = after(t, j, release(now, "r", "t", reason))
			}
			now = now.Add(lease * time.Second)
		}
		if j = after(t, j, end(now)); j.Result == nil || j.Result.Status != job.StatusJE || j.Failures != 1 {
			t.Errorf("%q: %+v", reason, j)
		}
	}
}

func TestAttemptsOfOneGenerationAreBounded(t *testing.T) {
	j := after(t, created(), submit(t0))
	now := t0
	for range 2 * job.MaxAttempts {
		if !j.Open() {
			break
		}
		j = after(t, j, claim(now, "r", "t"), release(now, "r", "t", job.ReasonDrain))
		now = now.Add(time.Second)
	}
	if j.AttemptsUsed() != job.MaxAttempts || j.Result == nil || j.Result.Status != job.StatusJE || j.Failures != 0 {
		t.Errorf("ended after %d attempts as %+v", j.AttemptsUsed(), j.Result)
	}
}

func TestLateResultThatDisagreesIsFlagged(t *testing.T) {
	late := func(score int) step {
		return job.CompleteOp{Now: in(time.Hour), Runner: "a", TokenHash: "ta", Result: job.Result{Score: score}}.Apply
	}
	replaced := after(t, created(), submit(t0), claim(t0, "a", "ta"), claim(in(lease*time.Second), "b", "tb"))
	done := complete(in(2*time.Hour), "b", "tb", "d")

	for _, c := range []struct {
		name     string
		score    int
		before   bool // the late result comes before the accepted one
		disputed bool
	}{
		{"same, before", 100, true, false},
		{"same, after", 100, false, false},
		{"other, before", 30, true, true},
		{"other, after", 30, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := replaced
			if c.before {
				j, _ = late(c.score)(j)
				j = after(t, j, done)
			} else {
				j = after(t, j, done)
				j, _ = late(c.score)(j)
			}
			if j.Disputed != c.disputed || j.Result.Score != 100 {
				t.Errorf("disputed %v, want %v; score %d", j.Disputed, c.disputed, j.Result.Score)
			}
			again, out := late(c.score)(j)
			if diff := cmp.Diff(j, again); out.Write || diff != "" {
				t.Errorf("noted twice: %s", diff)
			}
		})
	}
}

func TestCreateRepeats(t *testing.T) {
	op := job.CreateOp{Now: t0, ID: "j", Problem: 1, Group: "g", Code: job.Artifact{Size: 9, SHA256: "c0de"}}
	if got := op.Repeats(op.New()); got != (job.Decision{Outcome: job.OK}) {
		t.Errorf("the same: %+v", got)
	}
	for name, change := range map[string]func(*job.CreateOp){
		"problem":  func(op *job.CreateOp) { op.Problem = 2 },
		"language": func(op *job.CreateOp) { op.Language = job.CPP },
		"group":    func(op *job.CreateOp) { op.Group = "h" },
		"size":     func(op *job.CreateOp) { op.Code.Size = 8 },
		"hash":     func(op *job.CreateOp) { op.Code.SHA256 = "beef" },
	} {
		other := op
		change(&other)
		if got := other.Repeats(op.New()).Outcome; got != job.JobConflict {
			t.Errorf("another %s: %s", name, got)
		}
	}
}
