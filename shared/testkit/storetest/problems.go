package storetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/judging"
	"runlease/shared/problem"
)

func content(score int) problem.Content {
	return problem.Content{
		Tasks: []judge.Task{
			{Score: score, Cases: 2, MemoryLimit: 65536, TimeLimit: 1000},
			{Score: 100 - score, Cases: 3, MemoryLimit: 65536, TimeLimit: 2000},
		},
		Testdata: job.Artifact{Size: int64(1000 + score), SHA256: hash()},
	}
}

// contents makes any content that passes problem.Check in shape, not in sum.
var contents = rapid.Custom(func(t *rapid.T) problem.Content {
	c := problem.Content{
		Tasks: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) judge.Task {
			return judge.Task{
				Score:       rapid.IntRange(0, problem.FullScore).Draw(t, "score"),
				Cases:       rapid.IntRange(1, problem.MaxCases).Draw(t, "cases"),
				MemoryLimit: rapid.IntRange(1, problem.MaxMemory).Draw(t, "memory"),
				TimeLimit:   rapid.IntRange(1, problem.MaxTime).Draw(t, "time"),
			}
		}), 0, 6).Draw(t, "tasks"),
	}
	if rapid.Bool().Draw(t, "has rules") {
		c.Rules = judging.Rules{
			OutputLimit:   rapid.IntRange(0, judging.MaxOutput).Draw(t, "output"),
			Compile:       judging.Compile{TimeLimit: rapid.IntRange(0, judging.MaxCompileTime).Draw(t, "compile time"), MemoryLimit: rapid.IntRange(0, judging.MaxCompileMemory).Draw(t, "compile memory")},
			StopOnFailure: rapid.Bool().Draw(t, "stops"),
			Checker: judging.Checker{
				Kind: rapid.SampledFrom([]judging.Kind{judging.Lines, judging.Exact, judging.Tokens, judging.Floats}).Draw(t, "checker"),
				Abs:  rapid.Float64Range(0, math.MaxFloat64).Draw(t, "abs"), Rel: rapid.Float64Range(0, 1e-300).Draw(t, "rel"),
				Protocol: rapid.SampledFrom([]judging.Protocol{"", judging.Testlib, judging.Kattis}).Draw(t, "protocol"), Language: rapid.IntRange(0, 2).Draw(t, "language"),
				File: rapid.SampledFrom([]string{"", "check.cpp"}).Draw(t, "file"), TimeLimit: rapid.IntRange(0, judging.MaxCheckerTime).Draw(t, "checker's time"),
				MemoryLimit: rapid.IntRange(0, judging.MaxCheckerMemory).Draw(t, "checker's memory"),
			},
		}
	}
	if rapid.Bool().Draw(t, "has test data") {
		c.Testdata = job.Artifact{Size: rapid.Int64Range(1, problem.MaxTestdata).Draw(t, "size"), SHA256: hashes.Draw(t, "hash")}
	}
	return c
})

func nextProblem(before, after problem.Problem) problem.Problem {
	after.Revision = before.Revision + 1
	after.WriteID = writeID()
	return after
}

func saveProblem(t failer, s dispatch.Store, before, after problem.Problem) problem.Problem {
	t.Helper()
	after = nextProblem(before, after)
	current, saved, err := s.SaveProblem(t.Context(), before, after)
	if err != nil || !saved {
		t.Fatalf("SaveProblem: saved %v, error %v", saved, err)
	}
	same(t, current, after)
	return after
}

func getProblem(t failer, s dispatch.Store, id int) problem.Problem {
	t.Helper()
	p, found, err := s.Problem(t.Context(), id)
	if err != nil || !found {
		t.Fatalf("Problem: found %v, error %v", found, err)
	}
	return p
}

func draft(t *testing.T, s dispatch.Store, before problem.Problem, c problem.Content) problem.Problem {
	t.Helper()
	after, changed := before.PutDraft(c)
	if !changed {
		t.Fatal("the draft is no change")
	}
	return saveProblem(t, s, before, after)
}

func publish(t *testing.T, s dispatch.Store, before problem.Problem) problem.Problem {
	t.Helper()
	after, changed := before.Publish()
	if !changed {
		t.Fatal("publishing is no change")
	}
	return saveProblem(t, s, before, after)
}

func problemUnknown(t *testing.T, s dispatch.Store) {
	if p, found, err := s.Problem(t.Context(), 7); err != nil || found {
		t.Errorf("got %v, found %v, error %v", p, found, err)
	}
	p := draft(t, s, problem.Problem{ID: 8}, content(30))
	for _, number := range []int{-1, 0, 1} {
		if c, found, err := s.ProblemVersion(t.Context(), p.ID, number); err != nil || found {
			t.Errorf("version %d of a problem that was never published: got %v, found %v, error %v", number, c, found, err)
		}
	}
}

func problemEveryField(t *testing.T, s dispatch.Store) {
	id := 0
	rapid.Check(t, func(rt *rapid.T) {
		id++
		before := problem.Problem{ID: id}
		for range rapid.IntRange(1, 3).Draw(rt, "writes") {
			after := problem.Problem{ID: id, Current: before.Current, Version: before.Version, Draft: rapid.Ptr(contents, true).Draw(rt, "draft")}
			if rapid.Bool().Draw(rt, "publish") {
				after.Current = contents.Draw(rt, "current")
				after.Version++
			}
			before = saveProblem(rt, s, before, after)
			same(rt, getProblem(rt, s, id), before)
		}
		if before.Version > 0 {
			same(rt, version(rt, s, id, before.Version), before.Current)
		}
	})
}

func version(t failer, s dispatch.Store, id, number int) problem.Content {
	t.Helper()
	c, found, err := s.ProblemVersion(t.Context(), id, number)
	if err != nil || !found {
		t.Fatalf("ProblemVersion %d: found %v, error %v", number, found, err)
	}
	return c
}

func problemConflict(t *testing.T, s dispatch.Store) {
	before := draft(t, s, problem.Problem{ID: 9}, content(10))
	theirs := draft(t, s, before, content(20))
	mine, _ := before.PutDraft(content(30))
	current, saved, err := s.SaveProblem(t.Context(), before, nextProblem(before, mine))
	if err != nil || saved {
		t.Fatalf("saved %v, error %v", saved, err)
	}
	same(t, current, theirs)
	same(t, getProblem(t, s, 9), theirs)
}

func problemFirst(t *testing.T, s dispatch.Store) {
	theirs := draft(t, s, problem.Problem{ID: 9}, content(10))
	none := problem.Problem{ID: 9}
	mine, _ := none.PutDraft(content(20))
	current, saved, err := s.SaveProblem(t.Context(), none, nextProblem(none, mine))
	if err != nil || saved {
		t.Fatalf("saved %v, error %v", saved, err)
	}
	same(t, current, theirs)
	// The zero Problem, as updates begin with it.
	theirs10 := draft(t, s, problem.Problem{}, problem.Content{})
	same(t, getProblem(t, s, theirs10.ID), theirs10)
}

func problemAgain(t *testing.T, s dispatch.Store) {
	before := draft(t, s, problem.Problem{ID: 9}, content(10))
	for _, change := range []struct {
		name   string
		change func(problem.Problem) (problem.Problem, bool)
	}{
		{"draft", func(p problem.Problem) (problem.Problem, bool) { return p.PutDraft(content(20)) }},
		{"publish", problem.Problem.Publish},
	} {
		t.Run(change.name, func(t *testing.T) {
			after, _ := change.change(before)
			after = nextProblem(before, after)
			for range 3 {
				current, saved, err := s.SaveProblem(t.Context(), before, after)
				if err != nil || !saved {
					t.Fatalf("saved %v, error %v", saved, err)
				}
				same(t, current, after)
			}
			same(t, getProblem(t, s, 9), after)
			before = after
		})
	}
}

func problemVersions(t *testing.T, s dispatch.Store) {
	p := problem.Problem{ID: 2147483647}
	var published []problem.Content
	for i := range 3 {
		p = publish(t, s, draft(t, s, p, content(10*i)))
		published = append(published, p.Current)
		p = draft(t, s, p, content(10*i+5)) // not published, or the next round's
		if p.Version != i+1 {
			t.Fatalf("number %d after %d publications", p.Version, i+1)
		}
	}
	for i, want := range published {
		same(t, version(t, s, p.ID, i+1), want)
	}
	if _, found, err := s.ProblemVersion(t.Context(), p.ID, len(published)+1); err != nil || found {
		t.Errorf("version of the future: found %v, error %v", found, err)
	}
	same(t, getProblem(t, s, p.ID), p)
}

func problemList(t *testing.T, s dispatch.Store) {
	var all []dispatch.ListedProblem
	for _, id := range []int{10, 9, 1<<31 - 1, 100, 1} { // as texts they sort otherwise
		p := draft(t, s, problem.Problem{ID: id}, content(10))
		if id != 9 {
			p = publish(t, s, p)
		}
		if id == 10 {
			p = publish(t, s, draft(t, s, p, content(20)))
		}
		all = append(all, dispatch.ListedProblem{ID: id, Version: p.Version})
	}
	slices.SortFunc(all, func(a, b dispatch.ListedProblem) int { return a.ID - b.ID })
	for _, c := range []struct{ after, limit, from, to int }{{0, 10, 0, 5}, {0, 5, 0, 5}, {0, 2, 0, 2}, {9, 2, 2, 4}, {11, 10, 3, 5}, {1<<31 - 1, 1, 5, 5}} {
		eventually(t, all[c.from:c.to], func() []dispatch.ListedProblem {
			page, err := s.Problems(t.Context(), c.after, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			return page
		})
	}
}

func problemVersionList(t *testing.T, s dispatch.Store) {
	p := draft(t, s, problem.Problem{ID: 9}, content(99))
	var all []dispatch.PublishedVersion
	for i := range 11 {
		p = publish(t, s, draft(t, s, p, content(i)))
		all = append(all, dispatch.PublishedVersion{Number: i + 1, Content: p.Current})
	}
	draft(t, s, p, content(50))
	publish(t, s, draft(t, s, problem.Problem{ID: 10}, content(10))) // another's
	for _, c := range []struct{ id, after, limit, from, to int }{{9, 0, 20, 0, 11}, {9, 0, 2, 0, 2}, {9, 8, 2, 8, 10}, {9, 11, 5, 11, 11}, {8, 0, 5, 0, 0}} {
		eventually(t, all[c.from:c.to], func() []dispatch.PublishedVersion {
			page, err := s.ProblemVersions(t.Context(), c.id, c.after, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			return page
		})
	}
}

func problemRefused(t *testing.T, s dispatch.Store) {
	before := draft(t, s, problem.Problem{ID: 9}, content(10))
	theirs := draft(t, s, before, content(20))
	mine, _ := before.Publish()
	current, saved, err := s.SaveProblem(t.Context(), before, nextProblem(before, mine))
	if err != nil || saved {
		t.Fatalf("saved %v, error %v", saved, err)
	}
	same(t, current, theirs)
	if c, found, err := s.ProblemVersion(t.Context(), 9, 1); err != nil || found {
		t.Errorf("got %v, found %v, error %v", c, found, err)
	}
}

func problemRace(t *testing.T, s dispatch.Store) {
	before := draft(t, s, problem.Problem{ID: 9}, content(10))
	won := race(t, func(i int) (problem.Problem, bool, error) {
		mine, _ := before.PutDraft(content(i))
		mine, _ = mine.Publish()
		mine = nextProblem(before, mine)
		current, saved, err := s.SaveProblem(t.Context(), before, mine)
		if err == nil && !saved && current.Version != 1 {
			err = fmt.Errorf("conflict gives number %d", current.Version)
		}
		return mine, saved, err
	})
	same(t, getProblem(t, s, 9), won)
	same(t, version(t, s, 9, 1), won.Current)
}

func problemCopies(t *testing.T, s dispatch.Store) {
	fresh := func() problem.Problem {
		c := problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 1, TimeLimit: 1}}}
		d := problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 2, MemoryLimit: 2, TimeLimit: 2}}}
		return problem.Problem{ID: 9, Version: 1, Current: c, Draft: &d, Revision: 1, WriteID: "00000000000000aa"}
	}
	spoil := func(p problem.Problem) {
		p.Current.Tasks[0].Cases = 99
		p.Draft.Tasks[0].Cases = 99
		p.Draft.Testdata.Size = 99
	}
	check := func() {
		t.Helper()
		same(t, getProblem(t, s, 9), fresh())
		same(t, version(t, s, 9, 1), fresh().Current)
	}
	passed := fresh()
	returned, saved, err := s.SaveProblem(t.Context(), problem.Problem{ID: 9}, passed)
	if err != nil || !saved {
		t.Fatalf("saved %v, error %v", saved, err)
	}
	spoil(passed)
	check()
	spoil(returned)
	check()
	spoil(getProblem(t, s, 9))
	check()
	version(t, s, 9, 1).Tasks[0].Cases = 99
	check()
}
