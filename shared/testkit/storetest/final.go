package storetest

import (
	"fmt"
	"slices"
	"testing"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// finalOf is the list of final jobs of a problem, or of disputed jobs (0),
// whole, read in pages of a size.
func finalOf(t *testing.T, s dispatch.Store, problem, size int) (all []dispatch.FinalJob) {
	t.Helper()
	for cursor, pages := "", 0; ; pages++ {
		page, more, err := s.FinalOf(t.Context(), problem, cursor, size)
		if problem == 0 {
			page, more, err = s.Disputed(t.Context(), cursor, size)
		}
		if err != nil || pages > 1000 || len(page) > size || more && len(page) == 0 {
			t.Fatal(err, pages, len(page), more)
		}
		if all = append(all, page...); !more {
			return all
		}
		if cursor = page[len(page)-1].Cursor(); problem == 0 {
			cursor = page[len(page)-1].DisputedCursor()
		}
	}
}

func eventuallyFinal(t *testing.T, s dispatch.Store, problem int, want ...dispatch.FinalJob) {
	t.Helper()
	eventually(t, want, func() []dispatch.FinalJob { return finalOf(t, s, problem, 100) })
}

// finalWhileFinal: a job is listed with what it ended with, and among the disputed ones
// from the late result that disagrees until its rejudge.
func finalWhileFinal(t *testing.T, s dispatch.Store) {
	j := do(t, s, create(t, s, created("ends")), job.SubmitOp{Now: t0}.Apply)
	const silent, judged = "11", "22"
	entry := dispatch.FinalJob{EndedJob: dispatch.EndedJob{ID: "ends", State: job.Finished, EndedAt: t0 + 62_000}, Problem: j.Problem, Status: 1}
	disputed := entry
	disputed.Disputed = true
	gone := dispatch.FinalJob{EndedJob: dispatch.EndedJob{ID: "ends", Generation: 1, State: job.Cancelled, EndedAt: t0 + 65_000}, Problem: j.Problem}
	for _, step := range []struct {
		name           string
		op             func(job.Job) (job.Job, job.Decision)
		want, disputed []dispatch.FinalJob
	}{
		{"claim", job.ClaimOp{Now: t0 + 1000, Runner: "a", TokenHash: silent, LeaseSeconds: 60}.Apply, nil, nil},
		{"claim by another", job.ClaimOp{Now: t0 + 61_500, Runner: "b", TokenHash: judged, LeaseSeconds: 60}.Apply, nil, nil},
		{"complete", job.CompleteOp{Now: t0 + 62_000, Runner: "b", TokenHash: judged, Result: job.Result{Status: 1}}.Apply, []dispatch.FinalJob{entry}, nil},
		{"a late result disagrees", job.CompleteOp{Now: t0 + 63_000, Runner: "a", TokenHash: silent, Result: job.Result{Score: 1}}.Apply, []dispatch.FinalJob{disputed}, []dispatch.FinalJob{disputed}},
		{"rejudge", job.RejudgeOp{Now: t0 + 64_000}.Apply, nil, nil},
		{"cancel", job.CancelOp{Now: t0 + 65_000}.Apply, []dispatch.FinalJob{gone}, nil},
	} {
		t.Run(step.name, func(t *testing.T) {
			after, out := step.op(j)
			if !out.Write {
				t.Fatal(out)
			}
			j = save(t, s, j, after)
			eventuallyFinal(t, s, j.Problem, step.want...)
			eventuallyFinal(t, s, 0, step.disputed...)
			eventuallyFinal(t, s, j.Problem+1)
		})
	}
	if _, deleted, err := s.DeleteJob(t.Context(), j); err != nil || !deleted {
		t.Fatal(deleted, err)
	}
	eventuallyFinal(t, s, j.Problem)
}

// finalPages: of several problems, each list has its own jobs, newest first, in pages of
// any size; jobs that are disputed are in both lists.
func finalPages(t *testing.T, s dispatch.Store) {
	var want [3][]dispatch.FinalJob // by problem; 0: disputed
	for i := range 90 {
		j, _ := job.CancelOp{Now: t0 + job.Time(i*7%20)}.Apply(created(fmt.Sprintf("job%s-%d", "-x_"[i%3:i%3+1], i)))
		if j.Problem = 1 + i%2; i%5 == 0 {
			j.State, j.Result, j.Disputed = job.Finished, &job.Result{Status: i % 9, RunTime: -1, MemoryUsage: -1}, i%2 == 0 || i%15 == 0
		}
		create(t, s, j)
		f, _ := dispatch.FinalJobOf(j)
		if want[f.Problem] = append(want[f.Problem], f); f.Disputed {
			want[0] = append(want[0], f)
		}
	}
	for problem := range want {
		slices.SortFunc(want[problem], dispatch.NewestFirst)
		eventuallyFinal(t, s, problem, want[problem]...)
		for _, size := range []int{1, 2, 7, len(want[problem])} {
			same(t, finalOf(t, s, problem, size), want[problem])
		}
	}
}
