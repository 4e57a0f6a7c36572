package job_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runlease/shared/job"
)

// TestInvariants runs random histories of Ops, from clocks that differ by up to
// two seconds, and checks after each step what must always hold.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := tried(created(), submit(t0))
		clock := t0
		accepted := map[int]int{} // generation -> results
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			clock = clock.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			now := clock.Add(time.Duration(rapid.IntRange(-2000, 2000).Draw(t, "skew")) * time.Millisecond)
			runner := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "runner")
			token := fmt.Sprintf("t%d", rapid.IntRange(max(0, j.Attempt-2), j.Attempt).Draw(t, "token"))
			generation := rapid.IntRange(max(0, j.Generation-1), j.Generation+1).Draw(t, "generation")
			ops := map[string]step{
				"claim":     claim(now, runner, fmt.Sprintf("t%d", j.Attempt+1)),
				"heartbeat": heartbeat(now, runner),
				"complete":  complete(now, runner, token, "d"),
				"release":   release(now, runner, token, rapid.SampledFrom(job.Reasons()).Draw(t, "reason")),
				"cancel":    cancel(now),
				"rejudge":   rejudge(now, generation),
				"end":       end(now),
				"ring":      job.RingOp{Now: now, Silent: true}.Apply,
				"attach":    job.AttachOp{Now: now, Bell: j.Bell, Handle: fmt.Sprint(i)}.Apply,
			}
			names := []string{"claim", "claim", "heartbeat", "complete", "release", "cancel", "rejudge", "end", "ring", "attach"}
			name := rapid.SampledFrom(names).Draw(t, "op")
			before := deepCopy(j)
			next, out := ops[name](j)
			if diff := cmp.Diff(before, j); diff != "" {
				t.Fatalf("%s changed what it was given: %s", name, diff)
			}
			if changed := cmp.Diff(j, next) != ""; changed != out.Write {
				t.Fatalf("%s: write %v, changed %v", name, out.Write, changed)
			}
			check(t, name, j, next)
			if next.Result != nil && next.Result.Attempt > 0 && j.Result == nil {
				accepted[next.Generation]++
				if token != j.Claim.TokenHash || runner != j.Claim.Runner {
					t.Fatalf("a result of %s with %s was accepted while %s held it with %s", runner, token, j.Claim.Runner, j.Claim.TokenHash)
				}
			}
			if accepted[next.Generation] > 1 {
				t.Fatalf("generation %d has %d results", next.Generation, accepted[next.Generation])
			}
			j = next
		}
	})
}

func check(t *rapid.T, name string, from, to job.Job) {
	for _, broken := range []struct {
		what string
		is   bool
	}{
		{"the fence went back", to.Attempt < from.Attempt},
		{"the fence moved without a claim", to.Attempt != from.Attempt && name != "claim"},
		{"the generation moved without a rejudge", to.Generation != from.Generation && name != "rejudge"},
		{"the bell went back", to.Bell < from.Bell},
		{"the job became queued without a bell", to.State == job.Queued && from.State != job.Queued && to.Bell == from.Bell},
		{"claim and state disagree", (to.Claim != job.Claim{}) != (to.State == job.Claimed)},
		{"result and state disagree", (to.Result != nil) != (to.State == job.Finished)},
		{"an end without a time", to.Final() != (to.EndedAt != 0)},
		{"more failures than allowed", to.Failures > job.MaxFailures},
		{"open with no failure left", to.Open() && to.Failures >= job.MaxFailures},
		{"more attempts than allowed", to.AttemptsUsed() > job.MaxAttempts},
		{"a final job moved without a rejudge", from.Final() && to.State != from.State && name != "rejudge"},
		{"a result changed", from.Result != nil && to.Result != nil && from.Result != to.Result},
		{"an attempt ended without a record", from.State == job.Claimed && (to.State != job.Claimed || to.Attempt != from.Attempt) && len(to.Past) != len(from.Past)+1},
	} {
		if broken.is {
			t.Fatalf("%s: %s:\n%+v\n%+v", name, broken.what, from, to)
		}
	}
}

func tried(j job.Job, s step) job.Job {
	j, _ = s(j)
	return j
}

func deepCopy(j job.Job) job.Job {
	j.Past = append([]job.Past(nil), j.Past...)
	for i, p := range j.Past {
		if p.Late != nil {
			late := *p.Late
			j.Past[i].Late = &late
		}
	}
	if j.Result != nil {
		result := *j.Result
		j.Result = &result
	}
	return j
}
