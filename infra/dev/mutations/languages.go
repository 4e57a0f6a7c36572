package main

var (
	able     = command{pkg: "./shared/dispatch", tests: "^Test(AJobGoesToARunnerThatJudgesIt|AListShowsNoJobWhoseCheckerIsUnknown|ManyOfOthersStandBeforeNobody|AJobThatNobodyJudges|ACheckersLanguageIsTheRunnersToo|AKnownRunnerIsWaitedFor)$"}
	says     = command{pkg: "./shared/api", tests: "^Test(ListJobs|ClaimJob|Languages.*)$"}
	table    = command{pkg: "./shared/runner/toolchain", tests: "."}
	spoken   = command{pkg: "./infra/runner", tests: "^TestLanguagesOfARunner$"}
	inNative = command{pkg: "./shared/runner/execute", tests: "^TestNativeSpeaks$"}
	ahead    = command{pkg: "./shared/runner/sandbox", tests: "^TestSpareBox$"}
	few      = command{pkg: "./shared/runner/sandbox", tests: "^TestFewDescriptors$"}
	inBoxes  = command{pkg: "./shared/runner/sandbox", tests: "^TestTimeFactor$"}
	sameUser = command{pkg: "./shared/runner/sandbox", tests: "^TestSameUser$"}
	killing  = command{pkg: "./shared/runner/sandbox", tests: "^TestKillsWithoutEnd$"}
	forOwner = command{pkg: "./shared/runner/sandbox", tests: "^TestARunnerForItsOwnerAlone$"}
	chaos    = command{pkg: "./shared/runner/sandbox", tests: "^TestChaosIsPutBesideTheSource$"}
	hostile  = command{pkg: "./shared/runner/sandbox", tests: "^TestAttacks$/^(hello.c|no-program.c|says-that-it-was-killed.c)$"}
)

// languages are data, and a runner judges the languages that it reports.
var languages = []source{
	{file: "shared/job/may_have.go", tests: []command{job}, guards: []guard{
		{name: "language: a runner has no job in an unreported one", keeps: "I4", from: `if !c.Languages.Has(j.Language) {`, to: `if false {`, tests: []command{job, able}, each: true},
		{name: "language: what a runner lacks does not pass", keeps: "E", from: `return o.Why == LacksLanguage || o.Why`, to: `return o.Why`},
	}},
	{file: "shared/dispatch/unfit.go", tests: []command{able}, guards: []guard{
		{name: "language: that of a checker is the runner's too", keeps: "I4", from: `if c.Rules.Checker.IsProgram() {`, to: `if false {`},
	}},
	{file: "shared/job/languages.go", tests: []command{job}, guards: []guard{
		{name: "language: a runner that reports none has 0 to 2", keeps: "I4", from: `return 1<<C | 1<<CPP | 1<<Python3`, to: `return ^uint64(0)`},
		{name: "language: a runner that reports an empty list has none", keeps: "I4", from: `l := Languages{said: true}`, to: `l := Languages{said: len(ids) > 0}`},
	}},
	{file: "shared/dispatch/claim.go", tests: []command{able}, guards: []guard{
		{name: "language: a claim of what the runner does not judge is told so", keeps: "I4", from: `case o.Lasting():`, to: `case false:`},
		{name: "language: a claim holds to what is reported", keeps: "I4", from: `if !runner.Languages.Said() {`, to: `if true {`},
		{name: "language: a claim that reports none knows what it asks for", keeps: "I6", from: `if !runner.Languages.Said() {`, to: `if false {`},
	}},
	{file: "shared/dispatch/receive.go", tests: []command{able}, guards: []guard{
		{name: "language: a message for others goes back at once", keeps: "E", from: `case o.Lasting():`, to: `case false:`},
	}},
	{file: "shared/dispatch/unfit.go", tests: []command{able}, guards: []guard{
		{name: "language: what no runner judges is hidden after its first receives", keeps: "E", from: `if receives <= unknownReceives || `, to: `if true || `},
		{name: "language: what somebody judges is not hidden", keeps: "E", from: ` || d.able.toJudge(j, d.InPool(j), needs, d.Now(), d.present()) {`, to: ` {`},
		{name: "language: what no runner judges is hidden for a minute at most", keeps: "I1", from: `time.Minute),`, to: `time.Hour),`},
		{name: "language: why a job waits is noted", keeps: "E", from: `if j.Lacks != lacks {`, to: `if false {`},
	}},
	{file: "shared/api/languages.go", tests: []command{says}, guards: []guard{
		{name: "language: a number that no runner can report", keeps: "S", from: `|| n > job.MaxLanguage {`, to: `{`},
		{name: "language: a list reports a number in range", keeps: "S", from: `n > job.MaxLanguage || `, to: ``},
	}},
	{file: "shared/runner/toolchain/parse.go", tests: []command{table}, guards: []guard{
		{name: "language table: no id twice", keeps: "I4", from: `; twice {`, to: `; twice && l.ID < 0 {`},
		{name: "language table: an id of the contract keeps its source", keeps: "I4", from: `l.Source != source:`, to: `l.Source == "":`},
		{name: "language table: no id that is not assigned", keeps: "I4", from: `l.ID == language.Handwritten || !language.Legal(l.ID):`, to: `l.ID == language.Handwritten:`},
		{name: "language table: not what is written by hand", keeps: "I4", from: `l.ID == language.Handwritten || `, to: ``},
		{name: "language table: a command to run", keeps: "I4", from: `case len(l.Run) == 0:`, to: `case false:`},
		{name: "language table: a check", keeps: "I4", from: `case l.Check == "":`, to: `case false:`},
		{name: "language table: a name", keeps: "I4", from: `case l.Name == "" || len(l.Name)`, to: `case len(l.Name)`},
		{name: "language table: no field that means nothing", keeps: "I4", from: `, json.RejectUnknownMembers(true)`, to: ``},
	}},
	{file: "shared/runner/toolchain/toolchain.go", tests: []command{inBoxes}, guards: []guard{
		{name: "language: its factor of time", keeps: "I4", from: `return int(float64(limit) * l.TimeFactor)`, to: `return limit`},
		{name: "box: hidden files are not compiled", keeps: "I4", from: ` && name[0] != '.'`, to: ``, tests: []command{hostile}},
	}},
	{file: "shared/runner/sandbox/spare_linux.go", tests: []command{ahead}, guards: []guard{
		{name: "box: one made ahead is for one job", keeps: "S", from: `p.boxes = slices.Delete(p.boxes, i, i+1)`, to: `_ = i`},
		{name: "box: one made ahead that has ended is left", keeps: "E", from: ` && b.env.Ping() == nil`, to: ``},
		{name: "box: one made ahead whose directory was cleared is left", keeps: "E", from: `os.SameFile(source, b.source)`, to: `source != nil`},
		{name: "box: one made ahead is not older than what compilers keep", keeps: "E", from: `s.warmed.Load()`, to: `0`},
	}},
	{file: "shared/runner/sandbox/box_linux.go", tests: []command{few}, guards: []guard{
		{name: "box: no more files than can be cleared", keeps: "E", from: `int(min(limit.Max-descriptors, mostFiles))`, to: `mostFiles`},
		{name: "box: directories of a runner's own user are put right", keeps: "S", from: `unix.Chmod(path, dir.mode)`, to: `error(nil)`, tests: []command{sameUser}},
		{name: "box: no KILLs without end", keeps: "E", from: `> freeKills {`, to: `> 1<<40 {`, tests: []command{killing}},
	}},
	{file: "shared/runner/sandbox/sandbox_linux.go", tests: []command{hostile}, guards: []guard{
		{name: "box: a program's file is put right", keeps: "S", from: `unix.Fchmod(fd, 0o777)`, to: `error(nil)`, tests: []command{sameUser}},
		{name: "box: a source's word for a KILL is not believed twice", keeps: "E", from: `if !again && `, to: `if `},
	}},
	{file: "shared/runner/sandbox/export_linux.go", tests: []command{forOwner}, guards: []guard{
		{name: "box: a runner that is for its owner alone takes classes out", keeps: "E", from: `info.Mode()&0o001 == 0 {`, to: `info == nil {`},
	}},
	{file: "shared/runner/sandbox/run_linux.go", tests: []command{hostile}, guards: []guard{
		{name: "box: what cannot be started is no fault of the runner", keeps: "E", from: `if refusal := execute.Refused(why); refusal != nil {`, to: `if refusal := execute.Refused(why); refusal == nil {`},
	}},
	{file: "shared/runner/execute/source.go", tests: []command{chaos}, guards: []guard{
		{name: "box: nothing stands in the way of what a problem adds", keeps: "E", from: `there.IsDir() != d.IsDir()`, to: `there == nil`},
	}},
	{file: "shared/runner/execute/speak.go", tests: []command{spoken}, guards: []guard{
		{name: "language: one whose check fails is left out", keeps: "I4", from: `if got.Status != AC {`, to: `if got.Status == "" {`},
	}},
	{file: "shared/runner/execute/warm_linux.go", tests: []command{inNative}, guards: []guard{
		{name: "language: compilers find what was kept, without a sandbox too", keeps: "E", from: `"" || err !=`, to: `"" || err ==`},
	}},
	{file: "infra/runner/languages.go", tests: []command{spoken}, guards: []guard{
		{name: "language: a left-out one is not reported", keeps: "I4", from: `case s.Fault != nil:`, to: `case false:`},
	}},
}
