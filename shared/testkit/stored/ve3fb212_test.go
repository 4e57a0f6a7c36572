package stored

import "runlease/shared/judging"

// ve3fb212 is what the version of that commit stores: a problem's checker may be
// a program.
func ve3fb212() meaning {
	m := v70e0067()
	now := &m.problems[1]
	now.Current.Rules.Checker = judging.Checker{
		Kind: judging.Program, Protocol: judging.Testlib, Language: 1, File: "check.cpp", TimeLimit: 2000, MemoryLimit: 65536,
	}
	m.versions[2] = now.Current
	now.Draft.Rules.Checker = judging.Checker{Kind: judging.Interactor, Protocol: judging.Kattis, File: "talk.c"}
	return m
}
