package memory_test

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// TestCostsTheSame: what is asked for every few seconds takes about as long with
// 20,000 of everything as with 100. A walk over all would take two hundred times as long.
func TestCostsTheSame(t *testing.T) {
	few, many := filled(t, 100), filled(t, 20_000)
	for i, one := range few {
		small, large := fastest(t, one.ask), fastest(t, many[i].ask)
		if large > 50*small+20*time.Microsecond {
			t.Errorf("%s: %v with 100, %v with 20,000", one.name, small, large)
		}
	}
}

type question struct {
	name string
	ask  func() error
}

// filled returns what can be asked where there are n of everything.
func filled(t *testing.T, n int) []question {
	t.Helper()
	s, tokens, c := memory.NewStore(), memory.NewCredentials(), newClock()
	q := memory.NewQueue(c.now)
	now := job.At(c.now())
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		id := fmt.Sprintf("id-%d", i)
		_, _, err := s.Create(t.Context(), job.Job{ID: id, State: job.Finished, Problem: 1, EndedAt: now.Add(-time.Duration(i)), Revision: 1})
		must(err)
		_, _, err = s.SaveProblem(t.Context(), problem.Problem{}, problem.Problem{ID: 1 + i, Revision: 1})
		must(err)
		r := roster.Runner{Name: id, LastHeard: now, Revision: 1}
		_, _, err = s.ActOnRunner(t.Context(), roster.Runner{}, r, roster.Entry{At: now, WriteID: fmt.Sprintf("%016x", i)})
		must(err)
		must(q.Ring(t.Context(), job.Message{Job: id}))
		_, _, err = s.SaveRejudge(t.Context(), rejudge.Many{}, rejudge.Many{ID: id, Filter: rejudge.Filter{Problem: i}, State: rejudge.Done, Revision: 1}, nil)
		must(err)
		_, err = tokens.Put(t.Context(), auth.Credential{Hash: id, ID: id})
		must(err)
	}
	running := rejudge.Many{ID: "running", Filter: rejudge.Filter{Problem: n}, State: rejudge.Running, Revision: 1}
	_, _, err := s.SaveRejudge(t.Context(), rejudge.Many{}, running, nil)
	must(err)
	key := roster.Entry{At: now, WriteID: fmt.Sprintf("%016x", n/2)}.Key()
	return []question{
		{"depth", func() error { _, err := q.Depth(t.Context()); return err }},
		{"runners", func() error { _, err := s.Runners(t.Context(), "id-5", 10); return err }},
		{"audit", func() error { _, err := s.Audit(t.Context(), key, 10); return err }},
		{"newest of the audit", func() error { _, err := s.Audit(t.Context(), "", 10); return err }},
		{"rejudges", func() error { _, err := s.Rejudges(t.Context(), "id-5", 10); return err }},
		{"running rejudges", func() error { _, err := s.RunningRejudges(t.Context(), 10); return err }},
		{"a second rejudge", func() error {
			_, _, err := s.SaveRejudge(t.Context(), rejudge.Many{}, rejudge.Many{ID: "second", Filter: running.Filter, Revision: 1}, nil)
			return err
		}},
		{"credentials", func() error { _, _, err := tokens.List(t.Context(), "id-5", 10); return err }},
		{"problems", func() error { _, err := s.Problems(t.Context(), n/2, 10); return err }},
		{"final jobs", func() error { _, _, err := s.FinalOf(t.Context(), 1, "", 10); return err }},
		{"a message", func() error {
			got, err := q.Receive(t.Context(), 1, time.Second)
			if err == nil {
				err = q.Hide(t.Context(), []dispatch.Hiding{{Handle: got[0].Handle}})
			}
			return err
		}},
	}
}

// fastest is the shortest time that f took of many.
func fastest(t *testing.T, f func() error) time.Duration {
	t.Helper()
	least := time.Hour
	for range 20 {
		began := time.Now()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		least = min(least, time.Since(began))
	}
	return least
}

// TestExpire: what is over goes from every index, and nothing else does.
func TestExpire(t *testing.T) {
	s := memory.NewStore()
	for i, j := range []job.Job{
		{ID: "over", State: job.Finished, Problem: 1, EndedAt: 1000},
		{ID: "later", State: job.Finished, Problem: 1, EndedAt: 3000},
		{ID: "never-submitted", State: job.Created, CreatedAt: 1000},
		{ID: "waits", State: job.Queued, QueuedAt: 1},
	} {
		j.Revision = int64(i)
		if _, _, err := s.Create(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Expire(t.Context(), job.Time(2000).Add(job.KeepFinal)); n != 2 || err != nil {
		t.Errorf("%d jobs forgotten, %v", n, err)
	}
	final, more, err := s.FinalOf(t.Context(), 1, "", 10)
	ended, _, err2 := s.Ended(t.Context(), 0, 10)
	if len(final) != 1 || len(ended) != 1 || ended[0].ID != "later" || more || err != nil || err2 != nil {
		t.Errorf("left: %v %v, %v %v", final, ended, err, err2)
	}
	for id, want := range map[string]bool{"over": false, "later": true, "never-submitted": false, "waits": true} {
		if _, found, _ := s.Get(t.Context(), id); found != want {
			t.Errorf("%s: %v", id, found)
		}
	}
}
