package dispatch

import (
	"testing"

	"runlease/shared/job"
	"runlease/shared/judge"
)

// TestDigestTellsResultsApart: whatever differs, also where one text ends and
// the next begins, and to which task a case belongs.
func TestDigestTellsResultsApart(t *testing.T) {
	of := func(cases ...judge.Case) [][]judge.Case { return [][]judge.Case{cases} }
	seen := map[string]string{}
	for name, cases := range map[string][][]judge.Case{
		"nothing":          {},
		"an empty task":    {{}},
		"a case":           of(judge.Case{}),
		"stdout":           of(judge.Case{Stdout: "ab"}),
		"stderr":           of(judge.Case{Stderr: "ab"}),
		"both":             of(judge.Case{Stdout: "a", Stderr: "b"}),
		"exit code":        of(judge.Case{ExitCode: 1}),
		"status":           of(judge.Case{Status: 1}),
		"time":             of(judge.Case{ExecTime: 1}),
		"memory":           of(judge.Case{MemoryUsage: 1}),
		"two cases":        of(judge.Case{}, judge.Case{}),
		"two tasks":        {{{}}, {{}}},
		"two tasks of two": {{{}, {}}, {}},
	} {
		for outputs, a := range map[string]job.Artifact{"": {}, " with outputs": {Size: 1, SHA256: "aa"}, " with others": {Size: 1, SHA256: "bb"}} {
			digest := digestOf(cases, a)
			if digest != digestOf(cases, a) {
				t.Errorf("%s: two digests", name)
			}
			if other, taken := seen[digest]; taken {
				t.Errorf("%s and %s: one digest", name+outputs, other)
			}
			seen[digest] = name + outputs
		}
	}
}
