package main

var (
	referee = command{pkg: "./shared/runner/execute", tests: "^TestVerdictsOfReferees$"}
	kept    = command{pkg: "./shared/runner/execute", tests: "^TestKeptReferee$"}
	files   = command{pkg: "./shared/casefile", tests: "^TestCheck$"}
	ruled   = command{pkg: "./shared/api", tests: "^TestRulesOfAProblem$"}
)

// referees decide on submissions: what is their fault is never the submission's,
// nor the other way round.
var referees = []source{
	{file: "shared/runner/execute/referee.go", tests: []command{referee}, guards: []guard{
		{name: "referee: too much output is a fault", keeps: "I4", from: `case s.TooMuchOutput || s.Signal == syscall.SIGXFSZ:`, to: `case false:`},
		{name: "referee: too many processes are a fault", keeps: "I4", from: `case s.TooManyOf > 0:`, to: `case false:`},
		{name: "referee: too much memory is a fault", keeps: "I4", from: `case s.OutOfMemory:`, to: `case false:`},
		{name: "referee: too much time is a fault", keeps: "I4", from: `s.CPU > cpu || `, to: ``},
		{name: "referee: a signal is a fault", keeps: "I4", from: `case s.Signal != 0:`, to: `case false:`},
		{name: "referee: an unknown exit code is a fault", keeps: "I4", from: `42, []int{43}`, to: `42, []int{43, 1}`},
		{name: "referee: its message is bounded", keeps: "S", from: `> maxReason {`, to: `< 0 {`},
		{name: "talk: who fails first is at fault", keeps: "I4", from: `case t.First && ruled != AC:`, to: `case ruled != AC:`},
		{name: "talk: what comes later is a consequence", keeps: "I4", from: `ruled != AC:`, to: `ruled == JE:`},
		{name: "talk: who was accepted early must end well", keeps: "I4", from: `case t.First && ruled != AC:`, to: `case t.First:`},
		{name: "talk: an interactor that does not read is at fault", keeps: "I4", from: `case t.Deaf && s.StoppedByWall`, to: `case t.Deaf && s.StoppedByCPU && s.StoppedByWall`},
		{name: "talk: but not for what comes at the end", keeps: "I4", from: `case t.Deaf && s.StoppedByWall && !s.StoppedByCPU:`, to: `case t.Deaf:`},
	}},
	{file: "shared/runner/execute/kept_referee.go", tests: []command{kept}, guards: []guard{
		{name: "kept referee: damaged is not taken", keeps: "S", from: `!bytes.Equal`, to: `false && !bytes.Equal`},
		{name: "kept referee: one at a time", keeps: "S", from: `syscall.LOCK_EX|syscall.LOCK_NB`, to: `syscall.LOCK_SH|syscall.LOCK_NB`},
		{name: "kept referee: nothing is left of the one before", keeps: "S", from: `err := k.file.Truncate(0)`, to: `err := error(nil)`},
	}},
	{file: "shared/casefile/check.go", tests: []command{files}, guards: []guard{
		{name: "publish: the checker's source is there", keeps: "I4", from: `want.Checker`, to: `""`},
		{name: "publish: the checker's source can be read", keeps: "I4", from: `case len(there) == 1 && zipdir.Readable(there[0]) != "":`, to: `case false:`},
	}},
	{file: "shared/judging/program.go", tests: []command{ruled}, guards: []guard{
		{name: "checker: its file is in its folder", keeps: "S", from: `case !isFileName(c.File):`, to: `case false:`},
		{name: "checker: its file is of its language", keeps: "I4", from: `case path.Ext(c.File) != path.Ext(source):`, to: `case false:`},
		{name: "checker: its time is bounded", keeps: "S", from: `(c.TimeLimit < MinCheckerTime || c.TimeLimit > MaxCheckerTime)`, to: `c.TimeLimit > MaxCheckerTime`},
		{name: "checker: its memory is bounded", keeps: "S", from: `(c.MemoryLimit < MinCheckerMemory || c.MemoryLimit > MaxCheckerMemory)`, to: `c.MemoryLimit > MaxCheckerMemory`},
	}},
	{file: "shared/judging/checker.go", tests: []command{ruled}, guards: []guard{
		{name: "checker: a runner that does not know it does not judge", keeps: "I4", from: `return r.Checker.Kind != Lines`, to: `return r.Checker.Kind == Floats`},
	}},
}
