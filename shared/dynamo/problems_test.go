package dynamo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
)

func TestProblemsRoundTrip(t *testing.T) {
	full := problem.Content{
		Tasks:    []judge.Task{{Score: 30, Cases: 2, MemoryLimit: 65536, TimeLimit: 1000}, {Score: 70, Cases: 100, MemoryLimit: problem.MaxMemory, TimeLimit: problem.MaxTime}},
		Testdata: job.Artifact{Size: problem.MaxTestdata, SHA256: strings.Repeat("ab", 32)},
	}
	for _, tc := range []struct {
		name string
		p    problem.Problem
	}{
		{"draft", problem.Problem{ID: 1, Draft: &full, Revision: 1, WriteID: "00ff"}},
		{"empty draft", problem.Problem{ID: 1, Draft: &problem.Content{}, Revision: 1, WriteID: "00ff"}},
		{"published", problem.Problem{ID: 1<<31 - 1, Current: full, Version: 3, Draft: &full, Revision: 9, WriteID: "00ff"}},
		{"without a draft", problem.Problem{ID: 1, Current: full, Version: 3, Revision: 9, WriteID: "00ff"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			it := problemItem(tc.p).item()
			for name, key := range problemKey(tc.p.ID, problemNow) {
				it[name] = key
			}
			got, err := readProblem(it)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.p, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestLargestProblemFits: DynamoDB takes items up to 400 KB; a claim reads this
// one, at 4 KB a unit.
func TestLargestProblemFits(t *testing.T) {
	c := problem.Content{Testdata: job.Artifact{Size: problem.MaxTestdata, SHA256: strings.Repeat("ab", 32)}}
	for range problem.MaxTasks {
		c.Tasks = append(c.Tasks, judge.Task{Score: 1, Cases: 10, MemoryLimit: problem.MaxMemory - 1, TimeLimit: problem.MaxTime - 1})
	}
	p := problem.Problem{ID: 1<<31 - 1, Current: c, Version: 999, Draft: &c, Revision: 9999, WriteID: strings.Repeat("ab", 8)}
	size := ItemSize(problemItem(p).item())
	t.Logf("%d bytes", size)
	if size > 8<<10 {
		t.Errorf("%d bytes, want at most two read units", size)
	}
}
