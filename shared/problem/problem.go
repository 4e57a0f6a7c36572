// Package problem holds what jobs are judged by. A problem's tasks and test
// data change together: a draft is written, and publishing turns it into the
// next version, which never changes again. A claim pins the version that is
// current then. Pure, like package job.
package problem

import (
	"fmt"
	"slices"

	"runlease/shared/casefile"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/judging"
)

// The limits of a problem.
const (
	MaxTasks    = 100
	MaxCases    = 100  // of one task
	MaxAllCases = 1000 // of all tasks
	FullScore   = 100  // what the scores of the tasks sum to
	MaxTestdata = casefile.MaxTestData
	// MaxTime in ms: no case may run longer than a claim.
	MaxTime = 3_600_000
	// MaxMemory in KB is 64 GiB.
	MaxMemory = 64 << 20
)

// Content is what a version or a draft says.
type Content struct {
	Tasks    []judge.Task // never changed in place
	Testdata job.Artifact // a zip; the zero Artifact: none
	Rules    judging.Rules
}

// Problem is its current version and its draft.
type Problem struct {
	ID      int
	Current Content
	Version int // of the current version; 0: never published
	Draft   *Content
	Pool    job.Pool // whose runners judge jobs that name no other; it goes by no version

	Revision int64  // +1 with every write
	WriteID  string // of the last write
}

// Equal reports whether two contents are the same.
func (c Content) Equal(d Content) bool {
	return c.Testdata == d.Testdata && c.Rules == d.Rules && slices.Equal(c.Tasks, d.Tasks)
}

// Want is what the test data of c must hold.
func (c Content) Want() casefile.Want {
	want := casefile.Want{Cases: make([]int, len(c.Tasks)), OutputLimit: casefile.OutputLimit, Checker: c.Rules.Checker.Path()}
	if c.Rules.OutputLimit > 0 {
		want.OutputLimit = int64(c.Rules.OutputLimit) << 10
	}
	for i, t := range c.Tasks {
		want.Cases[i] = t.Cases
	}
	return want
}

// Check finds the first thing wrong with tasks, as a *judge.Fault.
func Check(tasks []judge.Task) error {
	if len(tasks) == 0 || len(tasks) > MaxTasks {
		return &judge.Fault{Path: "tasks", Why: fmt.Sprintf("want 1 to %d tasks", MaxTasks)}
	}
	score, cases := 0, 0
	for i, t := range tasks {
		for _, field := range []struct {
			name            string
			value, from, to int
		}{
			{"taskScore", t.Score, 0, FullScore},
			{"caseCount", t.Cases, 1, MaxCases},
			{"memoryLimit", t.MemoryLimit, 1, MaxMemory},
			{"timeLimit", t.TimeLimit, 1, MaxTime},
		} {
			if field.value < field.from || field.value > field.to {
				return &judge.Fault{
					Path: fmt.Sprintf("tasks[%d].%s", i, field.name),
					Why:  fmt.Sprintf("want %d to %d", field.from, field.to),
				}
			}
		}
		score += t.Score
		cases += t.Cases
	}
	if cases > MaxAllCases {
		return &judge.Fault{Path: "tasks", Why: fmt.Sprintf("want at most %d cases in all", MaxAllCases)}
	}
	if score != FullScore {
		return &judge.Fault{Path: "tasks", Why: fmt.Sprintf("scores sum to %d, want %d", score, FullScore)}
	}
	return nil
}

// PutDraft writes a draft and reports whether that changed anything. Without new
// test data it keeps the draft's, or else the current version's: a corrected
// task does not take back what was uploaded before.
func (p Problem) PutDraft(c Content) (Problem, bool) {
	switch {
	case c.Testdata != (job.Artifact{}):
	case p.Draft != nil:
		c.Testdata = p.Draft.Testdata
	default:
		c.Testdata = p.Current.Testdata
	}
	if p.Draft != nil && p.Draft.Equal(c) {
		return p, false
	}
	p.Draft = &c
	return p, true
}

// Publish makes the draft the current version and reports whether that changed
// anything: an unchanged draft, or none, does not. Its caller has checked the
// draft's test data.
func (p Problem) Publish() (Problem, bool) {
	if p.Draft == nil || (p.Version > 0 && p.Draft.Equal(p.Current)) {
		return p, false
	}
	p.Current = *p.Draft
	p.Version++
	return p, true
}
