package problem_test

import (
	"slices"
	"testing"

	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
)

func task(score, cases int) judge.Task {
	return judge.Task{Score: score, Cases: cases, MemoryLimit: 65536, TimeLimit: 1000}
}

func TestCheck(t *testing.T) {
	hundred := slices.Repeat([]judge.Task{task(1, 10)}, 100)
	for _, c := range []struct {
		name  string
		tasks []judge.Task
		want  string
	}{
		{"one task", []judge.Task{task(100, 1)}, ""},
		{"the most tasks and cases", hundred, ""},
		{"a task of no points", []judge.Task{task(0, 1), task(100, 1)}, ""},
		{"none", nil, "tasks: want 1 to 100 tasks"},
		{"too many tasks", append(slices.Clone(hundred), task(0, 1)), "tasks: want 1 to 100 tasks"},
		{"too many cases in all", append(slices.Repeat([]judge.Task{task(1, 10)}, 99), task(1, 11)), "tasks: want at most 1000 cases in all"},
		{"too many cases in one", []judge.Task{task(100, 101)}, "tasks[0].caseCount: want 1 to 100"},
		{"a task without a case", []judge.Task{task(50, 1), task(50, 0)}, "tasks[1].caseCount: want 1 to 100"},
		{"negative score", []judge.Task{task(-1, 1), task(101, 1)}, "tasks[0].taskScore: want 0 to 100"},
		{"scores that do not sum up", []judge.Task{task(50, 1), task(49, 1)}, "tasks: scores sum to 99, want 100"},
		{"no memory", []judge.Task{{Score: 100, Cases: 1, TimeLimit: 1}}, "tasks[0].memoryLimit: want 1 to 67108864"},
		{"no time", []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 1}}, "tasks[0].timeLimit: want 1 to 3600000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := problem.Check(c.tasks); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDraftAndPublish(t *testing.T) {
	first := problem.Content{Tasks: []judge.Task{task(100, 1)}, Testdata: job.Artifact{Size: 3, SHA256: "aa"}}
	p, changed := problem.Problem{ID: 1}.PutDraft(first)
	if !changed || p.Version != 0 {
		t.Fatalf("drafted %+v", p)
	}
	if again, changed := p.PutDraft(first); changed {
		t.Errorf("the same draft changed %+v", again)
	}
	p, changed = p.Publish()
	if !changed || p.Version != 1 || !p.Current.Equal(first) {
		t.Fatalf("published %+v", p)
	}
	if again, changed := p.Publish(); changed {
		t.Errorf("an unchanged draft made %+v", again)
	}
	// New scores keep the test data; the version that is out stays as it is.
	next, _ := p.PutDraft(problem.Content{Tasks: []judge.Task{task(50, 1), task(50, 1)}})
	if !p.Current.Equal(first) || next.Draft.Testdata != first.Testdata {
		t.Errorf("drafted %+v", next.Draft)
	}
	next, changed = next.Publish()
	if !changed || next.Version != 2 || len(next.Current.Tasks) != 2 {
		t.Errorf("published %+v", next)
	}
	// So they do while newer test data waits to be published.
	newer := problem.Content{Tasks: first.Tasks, Testdata: job.Artifact{Size: 4, SHA256: "bb"}}
	next, _ = next.PutDraft(newer)
	next, _ = next.PutDraft(problem.Content{Tasks: []judge.Task{task(50, 1), task(50, 1)}})
	if next.Draft.Testdata != newer.Testdata || next.Current.Testdata != first.Testdata {
		t.Errorf("drafted %+v", next.Draft)
	}
	if empty, changed := (problem.Problem{ID: 2}).Publish(); changed {
		t.Errorf("nothing was published as %+v", empty)
	}
}
