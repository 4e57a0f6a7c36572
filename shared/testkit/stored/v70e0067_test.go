package stored

import (
	"runlease/shared/judge"
	"runlease/shared/judging"
)

// v70e0067 is what the version of that commit stores: a problem's rules, the
// detail of a release and the reasons of cases are new.
func v70e0067() meaning {
	m := v24b93b5()
	now := &m.problems[1]
	now.Current.Rules = judging.Rules{
		OutputLimit: 2048, Compile: judging.Compile{TimeLimit: 60_000, MemoryLimit: 2 << 20}, StopOnFailure: true,
		Checker: judging.Checker{Kind: judging.Floats, Abs: 1e-6, Rel: 1e-300},
	}
	m.versions[2] = now.Current
	draft := *now.Draft
	draft.Rules.Checker.Kind = judging.Tokens
	now.Draft = &draft
	for i := range m.jobs {
		j := &m.jobs[i]
		if j.ID == "queued_again" {
			j.Past[1].Detail = "disk full"
		}
		if j.Result != nil && j.Result.Tasks != nil {
			j.Result.Tasks = []byte(`[[40,[0,12,3400,0],[0,-1,-1,0]],[0,[7,7,9,1,"more than 1024 bytes of output"]]]`)
		}
	}
	m.tasks[1].Cases = []judge.Case{{Status: judge.OLE, ExitCode: 1, ExecTime: 7, MemoryUsage: 9, Reason: "more than 1024 bytes of output"}}
	m.owed.Tasks[0][0].Reason = "exit code 1"
	return m
}
