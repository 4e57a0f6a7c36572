package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/testkit/until"
)

// listed is the index of open jobs, whole, by shard, read in pages of a size.
func listed(t *testing.T, s dispatch.Store, size int) [dispatch.Shards][]dispatch.OpenJob {
	t.Helper()
	var all [dispatch.Shards][]dispatch.OpenJob
	for shard := range all {
		for cursor, pages := "", 0; ; pages++ {
			if pages > 1000 {
				t.Fatal("the cursor never ends")
			}
			page, next, err := s.Open(t.Context(), shard, cursor, size)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > size {
				t.Fatalf("page of %d, limit %d", len(page), size)
			}
			all[shard] = append(all[shard], page...)
			if next == "" {
				break
			}
			cursor = next
		}
	}
	return all
}

// eventuallyListed waits until the index holds just these jobs.
func eventuallyListed(t *testing.T, s dispatch.Store, want ...dispatch.OpenJob) {
	t.Helper()
	slices.SortFunc(want, byTime)
	eventually(t, want, func() (got []dispatch.OpenJob) {
		for _, shard := range listed(t, s, 100) {
			got = append(got, shard...)
		}
		slices.SortFunc(got, byTime)
		return got
	})
}

// eventually reads until it gets what is wanted: an index lags behind writes.
func eventually[T any](t *testing.T, want []T, read func() []T) {
	t.Helper()
	until.NoError(t, patience, func() error {
		if diff := cmp.Diff(want, read(), cmpopts.EquateEmpty()); diff != "" {
			return errors.New("-want +got\n" + diff)
		}
		return nil
	})
}

func byTime(a, b dispatch.OpenJob) int {
	if a.QueuedAt != b.QueuedAt {
		return int(a.QueuedAt - b.QueuedAt)
	}
	return cmpString(a.ID, b.ID)
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func openWhileOpen(t *testing.T, s dispatch.Store) {
	token := hash()
	j := create(t, s, created("open"))
	eventuallyListed(t, s)
	entry := dispatch.OpenJob{ID: "open", QueuedAt: t0}
	for _, step := range []struct {
		name string
		op   func(job.Job) (job.Job, job.Decision)
		want []dispatch.OpenJob
	}{
		{"submit", job.SubmitOp{Now: t0}.Apply, []dispatch.OpenJob{entry}},
		{"claim", job.ClaimOp{Now: t0 + 1000, Runner: "a", TokenHash: token, LeaseSeconds: 60}.Apply, []dispatch.OpenJob{entry}},
		{"heartbeat", job.HeartbeatOp{Now: t0 + 21_000, Runner: "a"}.Apply, []dispatch.OpenJob{entry}},
		{"release", job.ReleaseOp{Now: t0 + 23_000, Runner: "a", TokenHash: token, Reason: job.ReasonDrain}.Apply, []dispatch.OpenJob{entry}},
		{"claim again", job.ClaimOp{Now: t0 + 24_000, Runner: "a", TokenHash: token, LeaseSeconds: 60}.Apply, []dispatch.OpenJob{entry}},
		{"complete", job.CompleteOp{Now: t0 + 25_000, Runner: "a", TokenHash: token}.Apply, nil},
		{"rejudge", job.RejudgeOp{Now: t0 + 26_000}.Apply, []dispatch.OpenJob{{ID: "open", QueuedAt: t0 + 26_000}}},
		{"cancel", job.CancelOp{Now: t0 + 27_000}.Apply, nil},
	} {
		t.Run(step.name, func(t *testing.T) {
			j = do(t, s, j, step.op)
			eventuallyListed(t, s, step.want...)
		})
	}
}

func openMoves(t *testing.T, s dispatch.Store) {
	j := do(t, s, create(t, s, created("moves")), job.SubmitOp{Now: t0}.Apply)
	eventuallyListed(t, s, dispatch.OpenJob{ID: "moves", QueuedAt: t0})
	do(t, s, j, job.RejudgeOp{Now: t0 + 5}.Apply)
	eventuallyListed(t, s, dispatch.OpenJob{ID: "moves", QueuedAt: t0 + 5})
}

// queue creates queued jobs in one write each.
func queue(t *testing.T, s dispatch.Store, id string, at job.Time) dispatch.OpenJob {
	t.Helper()
	j, _ := job.SubmitOp{Now: at}.Apply(created(id))
	create(t, s, j)
	return dispatch.OpenJob{ID: id, QueuedAt: at}
}

func openPages(t *testing.T, s dispatch.Store) {
	const jobs = 60
	var want []dispatch.OpenJob
	for i := range jobs {
		// Times of different length, and not in the order of the ids.
		at := job.Time(int64(i*37%jobs) * 50_000_000_000)
		want = append(want, queue(t, s, fmt.Sprintf("job-%d", i), max(at, 1)))
	}
	eventuallyListed(t, s, want...)
	for _, size := range []int{1, 3, 100} {
		t.Run(fmt.Sprintf("pages of %d", size), func(t *testing.T) {
			var got []dispatch.OpenJob
			for shard, entries := range listed(t, s, size) {
				if !slices.IsSortedFunc(entries, byTime) {
					t.Errorf("shard %d is not sorted: %v", shard, entries)
				}
				got = append(got, entries...)
			}
			slices.SortFunc(got, byTime)
			slices.SortFunc(want, byTime)
			same(t, got, want)
		})
	}
}

func openEqualTimes(t *testing.T, s dispatch.Store) {
	var want []dispatch.OpenJob
	for i := range 30 {
		want = append(want, queue(t, s, fmt.Sprintf("job_%d-", i), t0))
	}
	eventuallyListed(t, s, want...)
	var got []dispatch.OpenJob
	for _, entries := range listed(t, s, 1) {
		got = append(got, entries...)
	}
	slices.SortFunc(got, byTime)
	slices.SortFunc(want, byTime)
	same(t, got, want)
}

func openCursorOfEnded(t *testing.T, s dispatch.Store) {
	var entries []dispatch.OpenJob
	for i := range 3 * dispatch.Shards {
		entries = append(entries, queue(t, s, fmt.Sprintf("job-%d", i), t0+job.Time(i)))
	}
	eventuallyListed(t, s, entries...)
	// A shard with at least two jobs, and the cursor behind its first.
	for shard, in := range listed(t, s, 100) {
		if len(in) < 2 {
			continue
		}
		_, cursor, err := s.Open(t.Context(), shard, "", 1)
		if err != nil || cursor == "" {
			t.Fatalf("cursor %q, error %v", cursor, err)
		}
		ended := get(t, s, in[0].ID)
		do(t, s, ended, job.CancelOp{Now: t0}.Apply)
		eventuallyListed(t, s, slices.DeleteFunc(entries, func(o dispatch.OpenJob) bool { return o.ID == ended.ID })...)
		page, _, err := s.Open(t.Context(), shard, cursor, 100)
		if err != nil {
			t.Fatal(err)
		}
		same(t, page, in[1:])
		return
	}
	t.Fatal("no shard with two jobs")
}

// openAnyCursor: what comes behind an entry is known in every shard.
func openAnyCursor(t *testing.T, s dispatch.Store) {
	var entries []dispatch.OpenJob
	for i := range 3 * dispatch.Shards {
		entries = append(entries, queue(t, s, fmt.Sprintf("job-%d", i), t0+job.Time(i/2)))
	}
	eventuallyListed(t, s, entries...)
	for _, e := range entries {
		var got []dispatch.OpenJob
		for shard := range dispatch.Shards {
			page, _, err := s.Open(t.Context(), shard, e.Cursor(), 100)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page...)
		}
		slices.SortFunc(got, byTime)
		want := slices.DeleteFunc(slices.Clone(entries), func(o dispatch.OpenJob) bool { return byTime(o, e) <= 0 })
		slices.SortFunc(want, byTime)
		same(t, got, want)
	}
}

func openShards(t *testing.T, s dispatch.Store) {
	const jobs = 120
	var want []dispatch.OpenJob
	for i := range jobs {
		want = append(want, queue(t, s, fmt.Sprintf("submission-%d", 1000+i), t0+job.Time(i)))
	}
	eventuallyListed(t, s, want...) // each once, so each in one shard
	for shard, entries := range listed(t, s, 100) {
		// Evenly spread, a shard holds 15; with 120 jobs, none or half of all
		// in one does not happen by chance.
		if len(entries) == 0 || len(entries) > jobs/2 {
			t.Errorf("shard %d holds %d of %d jobs", shard, len(entries), jobs)
		}
	}
}
