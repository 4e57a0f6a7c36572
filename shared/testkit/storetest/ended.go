package storetest

import (
	"fmt"
	"slices"
	"testing"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// feed is the index of final jobs, whole, read in pages of a size.
func feed(t *testing.T, s dispatch.Store, size int) (all []dispatch.EndedJob) {
	t.Helper()
	for after, pages := job.Time(0), 0; ; pages++ {
		page, more, err := s.Ended(t.Context(), after, size)
		if err != nil || pages > 1000 {
			t.Fatal(err, pages)
		}
		all = append(all, page...)
		if !more {
			return all
		}
		if len(page) == 0 || page[0].EndedAt <= after {
			t.Fatalf("more behind %d, and a page %v", after, page)
		}
		after = page[len(page)-1].EndedAt
	}
}

// eventuallyEnded waits until the index holds just these jobs, in this order.
func eventuallyEnded(t *testing.T, s dispatch.Store, want ...dispatch.EndedJob) {
	t.Helper()
	eventually(t, want, func() []dispatch.EndedJob { return feed(t, s, 100) })
}

func endedWhileFinal(t *testing.T, s dispatch.Store) {
	token := hash()
	j := create(t, s, created("ends"))
	for _, step := range []struct {
		name string
		op   func(job.Job) (job.Job, job.Decision)
		want []dispatch.EndedJob
	}{
		{"submit", job.SubmitOp{Now: t0}.Apply, nil},
		{"claim", job.ClaimOp{Now: t0 + 1000, Runner: "a", TokenHash: token, LeaseSeconds: 60}.Apply, nil},
		{"complete", job.CompleteOp{Now: t0 + 2000, Runner: "a", TokenHash: token}.Apply, []dispatch.EndedJob{{ID: "ends", State: job.Finished, EndedAt: t0 + 2000}}},
		{"rejudge", job.RejudgeOp{Now: t0 + 3000}.Apply, nil},
		{
			"a late result", job.CompleteOp{Now: t0 + 3500, Runner: "a", TokenHash: token, Result: job.Result{Score: 1}}.Apply, nil,
		},
		{"cancel", job.CancelOp{Now: t0 + 4000}.Apply, []dispatch.EndedJob{{ID: "ends", Generation: 1, State: job.Cancelled, EndedAt: t0 + 4000}}},
	} {
		t.Run(step.name, func(t *testing.T) {
			if after, out := step.op(j); out.Write {
				j = save(t, s, j, after)
			}
			eventuallyEnded(t, s, step.want...)
		})
	}
	if _, deleted, err := s.DeleteJob(t.Context(), j); err != nil || !deleted {
		t.Fatal(deleted, err)
	}
	eventuallyEnded(t, s)
}

// cancelled creates a final job in one write.
func cancelled(t *testing.T, s dispatch.Store, id string, at job.Time) dispatch.EndedJob {
	t.Helper()
	j, _ := job.CancelOp{Now: at}.Apply(created(id))
	create(t, s, j)
	return dispatch.EndedJob{ID: id, State: job.Cancelled, EndedAt: at}
}

func endedPages(t *testing.T, s dispatch.Store) {
	const jobs = 210 // more than one page of each shard
	var want []dispatch.EndedJob
	for i := range jobs {
		want = append(want, cancelled(t, s, fmt.Sprintf("job-%d", i), t0+job.Time(i*37%jobs)))
	}
	slices.SortFunc(want, func(a, b dispatch.EndedJob) int { return int(a.EndedAt - b.EndedAt) })
	eventuallyEnded(t, s, want...)
	for _, size := range []int{1, 7, 100} {
		same(t, feed(t, s, size), want)
	}
}

func endedEqualTimes(t *testing.T, s dispatch.Store) {
	var want []dispatch.EndedJob
	for _, part := range []struct {
		at job.Time
		n  int
	}{{t0, 3}, {t0 + 1, 200}, {t0 + 2, 2}} {
		for i := range part.n {
			want = append(want, cancelled(t, s, fmt.Sprintf("at-%d-%03d", part.at-t0, i), part.at))
		}
	}
	eventuallyEnded(t, s, want...)
	for _, size := range []int{1, 2, 4, 100} {
		same(t, feed(t, s, size), want)
	}
	page, more, err := s.Ended(t.Context(), t0, 1)
	if err != nil || !more || len(page) != 200 {
		t.Errorf("%d of the 200 that ended at once, more %v, error %v", len(page), more, err)
	}
}
