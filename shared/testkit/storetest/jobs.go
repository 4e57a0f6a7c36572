package storetest

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

func getUnknown(t *testing.T, s dispatch.Store) {
	j, found, err := s.Get(t.Context(), "nobody")
	if err != nil || found {
		t.Errorf("got %v, found %v, error %v", j, found, err)
	}
}

func everyField(t *testing.T, s dispatch.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		j := Jobs().Draw(rt, "job")
		j.ID = unique(j.ID)
		create(rt, s, j)
		same(rt, get(rt, s, j.ID), j)
	})
}

func extremes(t *testing.T, s dispatch.Store) {
	j := created("extremes")
	j.CreatedAt = 1
	j.RungAt = 9_999_999_999_999
	j.Bell = 1<<63 - 1
	j.Problem = 1<<31 - 1
	j.State = job.Finished
	j.EndedAt = 9_999_999_999_999
	j.Result = &job.Result{RunTime: -1, MemoryUsage: -1}
	j.Past = []job.Past{{}, {Verdict: &job.Verdict{}, Late: &job.Late{}}}
	create(t, s, j)
	same(t, get(t, s, j.ID), j)

	empty := created("empty-result")
	empty.State = job.Finished
	empty.Result = &job.Result{}
	create(t, s, empty)
	same(t, get(t, s, empty.ID), empty)
}

func manyWithMissing(t *testing.T, s dispatch.Store) {
	a, b := create(t, s, created("a")), create(t, s, created("b"))
	got, err := s.GetMany(t.Context(), []string{"missing", "b", "a", "also-missing"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, map[string]job.Job{"a": a, "b": b})
}

func manyHundred(t *testing.T, s dispatch.Store) {
	want := make(map[string]job.Job)
	asked := make([]string, 100)
	for i := range asked {
		asked[i] = fmt.Sprintf("job-%d", i)
		if i%2 == 0 {
			want[asked[i]] = create(t, s, created(asked[i]))
		}
	}
	got, err := s.GetMany(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func manyOdd(t *testing.T, s dispatch.Store) {
	a := create(t, s, created("a"))
	got, err := s.GetMany(t.Context(), []string{"a", "a"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, map[string]job.Job{"a": a})
	got, err = s.GetMany(t.Context(), nil)
	if err != nil || len(got) != 0 {
		t.Errorf("of nothing: got %v, error %v", got, err)
	}
}

func createFree(t *testing.T, s dispatch.Store) {
	j := create(t, s, created("free"))
	same(t, get(t, s, "free"), j)
}

func createTaken(t *testing.T, s dispatch.Store) {
	first := create(t, s, created("taken"))
	first = do(t, s, first, job.SubmitOp{Now: t0}.Apply)
	current, ok, err := s.Create(t.Context(), created("taken"))
	if err != nil || ok {
		t.Fatalf("created %v, error %v", ok, err)
	}
	same(t, current, first)
	same(t, get(t, s, "taken"), first)
}

func createAgain(t *testing.T, s dispatch.Store) {
	j := create(t, s, created("again"))
	create(t, s, j)
	same(t, get(t, s, "again"), j)
}

func createRace(t *testing.T, s dispatch.Store) {
	won := race(t, func(int) (job.Job, bool, error) {
		mine := created("race")
		_, ok, err := s.Create(t.Context(), mine)
		return mine, ok, err
	})
	same(t, get(t, s, "race"), won)
}

func saveThenGet(t *testing.T, s dispatch.Store) {
	j := create(t, s, created("life"))
	now := t0
	claim := func(runner, token string) func(job.Job) (job.Job, job.Decision) {
		return job.ClaimOp{Now: now, Runner: runner, TokenHash: token, LeaseSeconds: 60, ProblemVersion: 3, Handle: "handle+/="}.Apply
	}
	first, second, third := hash(), hash(), hash()
	for _, step := range []struct {
		after int64 // seconds
		op    func() func(job.Job) (job.Job, job.Decision)
	}{
		{0, func() func(job.Job) (job.Job, job.Decision) { return job.SubmitOp{Now: now}.Apply }},
		{1, func() func(job.Job) (job.Job, job.Decision) { return claim("runner-1", first) }},
		{30, func() func(job.Job) (job.Job, job.Decision) {
			return job.HeartbeatOp{Now: now, Runner: "runner-1"}.Apply
		}},
		{120, func() func(job.Job) (job.Job, job.Decision) { return claim("runner-2", second) }},
		{1, func() func(job.Job) (job.Job, job.Decision) {
			return job.ReleaseOp{Now: now, Runner: "runner-2", TokenHash: second, Reason: job.ReasonDrain, Detail: "restarted für updates"}.Apply
		}},
		{1, func() func(job.Job) (job.Job, job.Decision) { return claim("runner-3", third) }},
		{9, func() func(job.Job) (job.Job, job.Decision) {
			return job.CompleteOp{Now: now, Runner: "runner-3", TokenHash: third, Result: job.Result{
				Status: 1, Score: 40, RunTime: 12, MemoryUsage: 3400, Tasks: []byte(`[[40]]`), Digest: hash(), Outputs: "results/x.zip", Packed: []byte("packed"), Message: "signal 11",
			}}.Apply
		}},
		// The loser of the first attempt reports after all.
		{5, func() func(job.Job) (job.Job, job.Decision) {
			return job.CompleteOp{Now: now, Runner: "runner-1", TokenHash: first, Result: job.Result{Status: 0, Score: 100}}.Apply
		}},
		{60, func() func(job.Job) (job.Job, job.Decision) { return job.RejudgeOp{Now: now}.Apply }},
		{1, func() func(job.Job) (job.Job, job.Decision) { return job.CancelOp{Now: now}.Apply }},
	} {
		now += job.Time(step.after * 1000)
		j = do(t, s, j, step.op())
		same(t, get(t, s, j.ID), j)
	}
}

func saveAnyToAny(t *testing.T, s dispatch.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		before := Jobs().Draw(rt, "before")
		before.ID = unique(before.ID)
		after := Jobs().Draw(rt, "after")
		after.ID = before.ID
		if rapid.Bool().Draw(rt, "keep past") {
			after.Past = append(append([]job.Past(nil), before.Past...), after.Past...)
		}
		create(rt, s, before)
		after = save(rt, s, before, after)
		same(rt, get(rt, s, after.ID), after)
	})
}

func savePast(t *testing.T, s dispatch.Store) {
	record := func(attempt int) job.Past {
		return job.Past{Attempt: attempt, Runner: "runner-1", TokenHash: hash(), ClaimedAt: t0, EndedAt: t0 + 1, How: job.HowLost}
	}
	late := &job.Late{At: t0 + 9, Verdict: job.Verdict{Status: 1, Score: 30}}
	j := create(t, s, created("past"))
	step := func(change func(past []job.Past) []job.Past) {
		t.Helper()
		after := j
		after.Past = change(append([]job.Past(nil), j.Past...))
		j = save(t, s, j, after)
		same(t, get(t, s, j.ID), j)
	}
	step(func([]job.Past) []job.Past { return []job.Past{record(1)} })
	step(func(past []job.Past) []job.Past { return append(past, record(2), record(3)) })
	step(func(past []job.Past) []job.Past { past[1].Late = late; return past })
	step(func(past []job.Past) []job.Past { past[0].Late = late; return append(past, record(4)) })
	step(func(past []job.Past) []job.Past { past[1].Late = nil; past[2].Reason = job.ReasonDrain; return past })
	step(func(past []job.Past) []job.Past { return append(past[1:], record(5)) })
	step(func(past []job.Past) []job.Past { return past[:2] })
	step(func([]job.Past) []job.Past { return nil })
}

func saveConflict(t *testing.T, s dispatch.Store) {
	before := create(t, s, created("conflict"))
	theirs := do(t, s, before, job.SubmitOp{Now: t0}.Apply)
	mine, _ := job.CancelOp{Now: t0}.Apply(before)
	current, saved, err := s.Save(t.Context(), before, next(before, mine))
	if err != nil || saved {
		t.Fatalf("saved %v, error %v", saved, err)
	}
	same(t, current, theirs)
	same(t, get(t, s, "conflict"), theirs)
}

func saveAgain(t *testing.T, s dispatch.Store) {
	before := create(t, s, created("again"))
	after, _ := job.SubmitOp{Now: t0}.Apply(before)
	after = next(before, after)
	for range 3 {
		current, saved, err := s.Save(t.Context(), before, after)
		if err != nil || !saved {
			t.Fatalf("saved %v, error %v", saved, err)
		}
		same(t, current, after)
	}
	same(t, get(t, s, "again"), after)
}

func saveAgainOvertaken(t *testing.T, s dispatch.Store) {
	before := create(t, s, created("overtaken"))
	mine := do(t, s, before, job.SubmitOp{Now: t0}.Apply)
	theirs := do(t, s, mine, job.CancelOp{Now: t0}.Apply)
	current, saved, err := s.Save(t.Context(), before, mine)
	if err != nil || saved {
		t.Fatalf("saved %v, error %v", saved, err)
	}
	same(t, current, theirs)
	same(t, get(t, s, "overtaken"), theirs)
}

func saveMissing(t *testing.T, s dispatch.Store) {
	before := created("missing")
	after, _ := job.SubmitOp{Now: t0}.Apply(before)
	current, saved, err := s.Save(t.Context(), before, next(before, after))
	if err != nil || saved {
		t.Fatalf("saved %v, error %v", saved, err)
	}
	same(t, current, job.Job{})
	getUnknownID(t, s, "missing")
}

func getUnknownID(t *testing.T, s dispatch.Store, id string) {
	t.Helper()
	if j, found, err := s.Get(t.Context(), id); err != nil || found {
		t.Fatalf("got %v, found %v, error %v", j, found, err)
	}
}

func saveRace(t *testing.T, s dispatch.Store) {
	before := do(t, s, create(t, s, created("race")), job.SubmitOp{Now: t0}.Apply)
	won := race(t, func(i int) (job.Job, bool, error) {
		mine, _ := job.ClaimOp{Now: t0, Runner: fmt.Sprintf("runner-%d", i), TokenHash: hash(), LeaseSeconds: 60}.Apply(before)
		mine = next(before, mine)
		current, saved, err := s.Save(t.Context(), before, mine)
		if err == nil && !saved && current.Attempt != 1 {
			err = fmt.Errorf("conflict gives a job with attempt %d", current.Attempt)
		}
		return mine, saved, err
	})
	same(t, get(t, s, "race"), won)
}

// race runs eight writers at once, of whom one must win, and returns what it wrote.
func race[T any](t *testing.T, write func(i int) (T, bool, error)) T {
	t.Helper()
	const writers = 8
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		won   []T
		begin = make(chan struct{})
	)
	for i := range writers {
		wait.Go(func() {
			<-begin
			mine, ok, err := write(i)
			if err != nil {
				t.Error(err)
			}
			if ok {
				mu.Lock()
				defer mu.Unlock()
				won = append(won, mine)
			}
		})
	}
	close(begin)
	wait.Wait()
	if len(won) != 1 {
		t.Fatalf("%d of %d writers won, want 1", len(won), writers)
	}
	return won[0]
}

// saveCount: writers that decide again after every conflict lose no write.
func saveCount(t *testing.T, s dispatch.Store) {
	const writers, each = 4, 5
	create(t, s, created("count"))
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			before, _, err := s.Get(t.Context(), "count")
			for done := 0; done < each; {
				if err != nil {
					t.Error(err)
					return
				}
				after := before
				after.Bell++
				var saved bool
				if before, saved, err = s.Save(t.Context(), before, next(before, after)); saved {
					done++
				}
			}
		})
	}
	wait.Wait()
	j := get(t, s, "count")
	if j.Bell != writers*each || j.Revision != 1+writers*each {
		t.Errorf("bell %d, version %d after %d writes", j.Bell, j.Revision, writers*each)
	}
}

func jobCopies(t *testing.T, s dispatch.Store) {
	fresh := func() job.Job {
		return job.Job{
			ID: "copies", State: job.Finished, EndedAt: t0, Revision: 1, WriteID: "00000000000000aa",
			Result: &job.Result{Score: 1, Tasks: []byte("tasks")},
			Past:   []job.Past{{Attempt: 1, Runner: "runner", Verdict: &job.Verdict{Score: 2}, Late: &job.Late{At: 3}}},
		}
	}
	spoil := func(j job.Job) {
		j.Result.Score = 99
		j.Result.Tasks[0] = '!'
		j.Past[0].Runner = "somebody else"
		j.Past[0].Verdict.Score = 99
		j.Past[0].Late.At = 99
	}
	passed := fresh()
	returned, ok, err := s.Create(t.Context(), passed)
	if err != nil || !ok {
		t.Fatalf("created %v, error %v", ok, err)
	}
	spoil(passed)
	same(t, get(t, s, "copies"), fresh())
	spoil(returned)
	same(t, get(t, s, "copies"), fresh())
	spoil(get(t, s, "copies"))
	same(t, get(t, s, "copies"), fresh())
	many, err := s.GetMany(t.Context(), []string{"copies"})
	if err != nil {
		t.Fatal(err)
	}
	spoil(many["copies"])
	same(t, get(t, s, "copies"), fresh())
	taken, _, err := s.Create(t.Context(), created("copies"))
	if err != nil {
		t.Fatal(err)
	}
	spoil(taken)
	same(t, get(t, s, "copies"), fresh())

	want := fresh()
	want.Revision, want.WriteID = 2, "00000000000000bb"
	passed = fresh()
	passed.Revision, passed.WriteID = 2, "00000000000000bb"
	returned, ok, err = s.Save(t.Context(), fresh(), passed)
	if err != nil || !ok {
		t.Fatalf("saved %v, error %v", ok, err)
	}
	spoil(passed)
	same(t, get(t, s, "copies"), want)
	spoil(returned)
	same(t, get(t, s, "copies"), want)
	current, _, err := s.Save(t.Context(), fresh(), next(fresh(), fresh()))
	if err != nil {
		t.Fatal(err)
	}
	spoil(current)
	same(t, get(t, s, "copies"), want)
}

func deleteJob(t *testing.T, s dispatch.Store) {
	j := created("deleted")
	j.State, j.QueuedAt = job.Queued, t0
	read := create(t, s, j)
	overtaken := read
	overtaken.Revision--
	if current, deleted, err := s.DeleteJob(t.Context(), overtaken); err != nil || deleted || current.ID != read.ID {
		t.Fatalf("an older revision: %v, deleted %v, error %v", current, deleted, err)
	}
	same(t, get(t, s, read.ID), read)
	if _, deleted, err := s.DeleteJob(t.Context(), read); err != nil || !deleted {
		t.Fatalf("deleted %v, error %v", deleted, err)
	}
	if current, deleted, err := s.DeleteJob(t.Context(), read); err != nil || deleted || current.ID != "" {
		t.Errorf("again: %v, deleted %v, error %v", current, deleted, err)
	}
	if found, there, err := s.Get(t.Context(), read.ID); err != nil || there {
		t.Errorf("it is still there: %v, %v", found, err)
	}
	create(t, s, j) // its id and its place in the index are free
}
