package execute

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/judging"
)

// What a problem says goes before the executor's own limits.
func TestRulesOfAProblem(t *testing.T) {
	n := newNative(t, NativeConfig{OutputLimit: 1000})
	slow := "#include <bits/stdc++.h>\n" + sumCpp
	for _, c := range []struct {
		name     string
		language int
		source   string
		rules    judging.Rules
		want     string // of three cases, of which the second is not answered
		message  string // in the first one's stderr
	}{
		{"every case runs", Python, sumPy, judging.Rules{}, "AC WA AC", ""},
		{"the first failed case ends its task", Python, sumPy, judging.Rules{StopOnFailure: true}, "AC WA WA skipped", ""},
		{"a larger output", Python, "print('x' * 2000)", judging.Rules{OutputLimit: 4}, "WA WA WA", ""},
		{"the runner's own output", Python, "print('x' * 2000)", judging.Rules{}, "OLE OLE OLE", ""},
		{"a smaller output", Python, "print('x' * 2000)", judging.Rules{OutputLimit: 1}, "OLE OLE OLE", ""},
		{"a compiler over its time", Cpp, slow, judging.Rules{Compile: judging.Compile{TimeLimit: 20}}, "CE CE CE", "the compiler took longer than 20ms"},
		{"a checker", Python, "print(2.9999)", judging.Rules{Checker: judging.Checker{Kind: judging.Floats, Abs: 1e-3}}, "AC WA AC", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(t, c.language, c.source, ordinary, [2]string{"1 2\n", "3\n"}, [2]string{"1 2\n", "4\n"}, [2]string{"1 2\n", "3\n"})
			in.Rules = c.rules
			cases, err := n.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, one := range cases[0] {
				got = append(got, one.Status)
				if one.Reason == Skipped {
					got = append(got, one.Reason)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" || !strings.Contains(cases[0][0].Stderr, c.message) {
				t.Errorf("%s\n%q", diff, cases[0][0].Stderr)
			}
			if err := Check(in.Tasks, cases); err != nil {
				t.Error(err)
			}
		})
	}
}

// A task ends with its first failed case, and the next begins.
func TestStopOnFailureIsPerTask(t *testing.T) {
	in := Input{Tasks: []Task{{CaseCount: 3}, {CaseCount: 2}}, Rules: judging.Rules{StopOnFailure: true}}
	var ran []string
	cases, err := in.EachCase(func(_ Task, name string) (Case, error) {
		ran = append(ran, name)
		if name == "0001" {
			return Case{Status: TLE, ExecTime: 1000}, nil
		}
		return Case{Status: AC}, nil
	})
	if diff := cmp.Diff([]string{"0000", "0001", "0100", "0101"}, ran); diff != "" || err != nil {
		t.Error(diff, err)
	}
	want := Case{ExitCode: -1, Status: TLE, ExecTime: -1, MemoryUsage: -1, Reason: Skipped}
	if diff := cmp.Diff(want, cases[0][2]); diff != "" {
		t.Error(diff)
	}
}
