package judge_test

import (
	"strings"
	"testing"

	"runlease/shared/judge"
)

func TestFirstFailure(t *testing.T) {
	ac := judge.Case{Status: judge.AC, Stderr: "debug"}
	for _, c := range []struct {
		name  string
		cases [][]judge.Case
		want  judge.Failure
	}{
		{
			"a compiler",
			[][]judge.Case{{{Status: judge.CE, Stderr: "/var/tmp/box-17/main.cpp:3:5: error: 'x' was not declared\n  note: /usr/include/c++/13/iostream:41\n"}}},
			judge.Failure{0, 0, judge.CE, "main.cpp:3:5: error: 'x' was not declared\n  note: iostream:41"},
		},
		{"a compiler on stdout", [][]judge.Case{{{Status: judge.CE, Stdout: "error\n"}}}, judge.Failure{0, 0, judge.CE, "error"}},
		{
			"the first that fails",
			[][]judge.Case{{ac, ac}, {ac, {Status: judge.RE, Reason: "signal 11", Stderr: `File "/box/main.py", line 1`}, {Status: judge.TLE}}},
			judge.Failure{1, 1, judge.RE, "signal 11\nFile \"main.py\", line 1"},
		},
		{"its output is not its message", [][]judge.Case{{{Status: judge.WA, Stdout: "42"}}}, judge.Failure{0, 0, judge.WA, ""}},
		{"what is no path", [][]judge.Case{{{Status: judge.RE, Stderr: "1/2 and a/b/c, / at https://x.example/a/b"}}}, judge.Failure{0, 0, judge.RE, "1/2 and a/b/c, / at https://x.example/a/b"}},
		{"a long one", [][]judge.Case{{{Status: judge.RE, Stderr: strings.Repeat("ä", 100_000)}}}, judge.Failure{0, 0, judge.RE, strings.Repeat("ä", judge.MaxMessage/2)}},
	} {
		if got, failed := judge.FirstFailure(c.cases); !failed || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, failed, c.want)
		}
	}
	if got, failed := judge.FirstFailure([][]judge.Case{{ac}}); failed {
		t.Errorf("of an accepted result: %+v", got)
	}
}
