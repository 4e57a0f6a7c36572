package dispatch

import (
	"crypto/sha256"
	"encoding/hex"
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
			digest, err := digestOf(cases, a)
			if err != nil {
				t.Fatal(err)
			}
			if other, taken := seen[digest]; taken {
				t.Errorf("%s and %s: one digest", name+outputs, other)
			}
			seen[digest] = name + outputs
		}
	}
}

// TestDigestStays: another version of the code must know a result again.
func TestDigestStays(t *testing.T) {
	cases := [][]judge.Case{{{ExitCode: 1, Status: judge.RE, Stdout: "<\xff", Stderr: "e", ExecTime: 2, MemoryUsage: 3}}}
	got, err := digestOf(cases, job.Artifact{Size: 4, SHA256: "ab"})
	sum := sha256.Sum256([]byte(`{"Cases":[[{"ExitCode":1,"Status":5,"Stdout":"\u003c\ufffd","Stderr":"e","ExecTime":2,"MemoryUsage":3}]],"Outputs":{"Size":4,"SHA256":"ab"}}`))
	if want := hex.EncodeToString(sum[:]); got != want || err != nil {
		t.Errorf("got %s, error %v, want %s", got, err, want)
	}
}
