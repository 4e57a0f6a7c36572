package main

// bridgeTests are the tests of the bridge's guards.
func bridgeTests(names string) []command {
	return []command{{pkg: "./shared/bridge", tests: "^Test(" + names + ")$"}}
}

var (
	bridgeJournal  = []command{{pkg: "./shared/bridge/journal", tests: "."}}
	bridgePowerCut = []command{{pkg: "./infra/bridge", tests: "PowerCut"}}
)

// theBridge promises Normal-OJ that each submission ends once, and right.
var theBridge = []source{
	{file: "shared/bridge/bridge.go", guards: []guard{
		{name: "bridge: an older round comes to nothing", keeps: "I4", from: `current.Round != s.Round || current.State`, to: `current.State`, tests: bridgeTests("ComesAgainInAnyStage")},
		{name: "bridge: code goes when its round is done", keeps: "E", from: `after.State == journal.Done`, to: `false`, tests: bridgeTests("VerdictsComeBack")},
	}},
	{file: "shared/bridge/submit.go", guards: []guard{
		{name: "bridge: the token stands before the code", keeps: "S", from: `	case !known:
`, to: `	case false && !known:
`, tests: bridgeTests("SubmitRefuses")},
	}},
	{file: "shared/bridge/journal/files.go", guards: []guard{
		{name: "bridge: code is bounded", keeps: "S", from: `} else if zip.Size > most {`, to: `} else if zip.Size < 0 {`, tests: bridgeTests("SubmitRefuses")},
		{name: "bridge: code is on the disk before it is accepted", keeps: "I4", from: `err = f.Sync(); err != nil {`, to: `err != nil {`, tests: bridgePowerCut},
		{name: "bridge: what a kill has left is cleared", keeps: "E", from: `if !named[f.Name()] {`, to: `if false {`, tests: bridgeJournal},
		{name: "bridge: code that is named stays", keeps: "I4", from: `if !named[f.Name()] {`, to: `if true {`, tests: bridgeJournal},
		{name: "bridge: what is refused leaves no file", keeps: "S", from: "_ = os.Remove(f.Name())\n\t\t", to: ``, tests: bridgeTests("SubmitRefuses")},
	}},
	{file: "shared/bridge/journal/journal.go", tests: bridgeJournal, guards: []guard{
		{name: "bridge: what the journal has said is on the disk", keeps: "I4", from: `bolt.MaxBatchDelay = time.Millisecond`, to: `bolt.NoSync = true`, tests: bridgePowerCut},
		{name: "bridge: a newer journal is refused", keeps: "I6", from: `stored) > format`, to: `stored) > 99`},
		{name: "bridge: only what is done is forgotten", keeps: "I5", from: `s.State == Done && s.ChangedAt`, to: `s.ChangedAt`, also: []edit{{`if found && s.State == Done {`, `if found && s.State != "" {`}}},
		{name: "bridge: not what was done of late", keeps: "I6", from: ` && s.ChangedAt.Before(before) {`, to: ` {`},
	}},
	{file: "shared/bridge/fence.go", guards: []guard{
		{name: "bridge: what comes again waits for a call's end", keeps: "I4", from: `	if sending != nil {
`, to: `	if sending != nil && id == "" {
`, tests: bridgeTests("ComesAgainWhileVerdictIsSent")},
	}},
	{file: "shared/bridge/deliver.go", guards: []guard{
		{name: "bridge: no older round's verdict is sent", keeps: "I4", from: `current.Round != s.Round {`, to: `current.Round < s.Round {`, tests: bridgeTests("ComesAgainInAnyStage")},
		{name: "bridge: a verdict has the problem's tasks", keeps: "I5", from: `== len(tasks)`, to: `>= 0`, tests: bridgeTests("ProblemChangesWhileJudged")},
		{name: "bridge: a verdict that was lost is kept", keeps: "I5", from: `journal.Done, keep,`, to: `journal.Done, keep && s.Kept,`, tests: bridgeTests("BackEndFailsOnVerdict")},
		{name: "bridge: 403 is the end of a verdict", keeps: "I5", from: `	case status == http.StatusForbidden:
`, to: `	case status == http.StatusForbidden && s.ID == "":
`, also: []edit{{`case status == http.StatusForbidden && before.status != 0:`, `case status == http.StatusForbidden && before.status < 0:`}}, tests: bridgeTests("BackEndFailsOnVerdict")},
	}},
	{file: "shared/bridge/handin.go", guards: []guard{
		{name: "bridge: a kept verdict is of its problem", keeps: "I4", from: `case s.Kept && s.Checksum == p.Checksum:`, to: `case s.Kept:`, tests: bridgeTests("KeptVerdictIsOfItsProblem")},
		{name: "bridge: a rejudge looks at the problem anew", keeps: "I4", from: `case s.Round == 1:`, to: `case s.Round > 0:`, tests: bridgeTests("Rejudge")},
		{name: "bridge: other code is another job", keeps: "I6", from: `"job_conflict":`, to: `"":`, tests: bridgeTests("Rejudge")},
		{name: "bridge: what runs is replaced", keeps: "I4", from: `if j.State == jobQueued {`, to: `if j.State != "" {`, tests: bridgeTests("Rejudge")},
		{name: "bridge: a runlease without the problem gets it", keeps: "I5", from: `"problem_not_found":`, to: `"":`, tests: bridgeTests("SidesAway")},
	}},
	{file: "shared/bridge/problems.go", guards: []guard{
		{name: "bridge: one look at a problem at a time", keeps: "E", from: `if !p.looking {`, to: `if p != nil {`, tests: bridgeTests("ProblemIsFetchedOnce")},
		{name: "bridge: what changes while it is fetched", keeps: "I4", from: `!= checksum &&`, to: `== "" &&`, tests: bridgeTests("SlowTestData")},
		{name: "bridge: scores of any sum", keeps: "I5", from: `if sum == full && legal {`, to: `if legal {`, tests: bridgeTests("VerdictsComeBack")},
	}},
	{file: "shared/bridge/gate.go", guards: []guard{
		{name: "bridge: a call at a time to a side that is away", keeps: "E", from: `wait <= 0 && !g.probing {`, to: `wait <= 0 {`, tests: bridgeTests("SidesAway")},
		{name: "bridge: a side that is away is left alone", keeps: "E", from: `case probe || g.until.IsZero():`, to: `case g.tries < 0:`, tests: bridgeTests("SidesAway")},
	}},
	{file: "shared/bridge/watch.go", guards: []guard{
		{name: "bridge: a runlease that has lost a job gets it", keeps: "I5", from: `found.Missing`, to: `found.Missing[:0]`, tests: bridgeTests("SidesAway")},
		{name: "bridge: a runlease older than its feed", keeps: "I5", from: `hasFeed = false`, to: `hasFeed = true`, tests: bridgeTests("VerdictsComeBack")},
	}},
	{file: "shared/bridge/verdict.go", guards: []guard{
		{name: "bridge: texts are cut", keeps: "S", from: `if len(s) > most {`, to: `if len(s) < 0 {`, tests: bridgeTests("Texts")},
	}},
	{file: "shared/bridge/status.go", guards: []guard{
		{name: "bridge: no redirect of //status", keeps: "I5", from: `"/" + strings.TrimLeft`, to: `"" + strings.TrimRight`, tests: bridgeTests("Status")},
		{name: "bridge: a full disk has it passed over", keeps: "I5", from: `	if full { // the`, to: `	if full && r == nil { // the`, tests: bridgeTests("Status")},
		{name: "bridge: details are for the token", keeps: "S", from: `token != "" && b.knows(token) {`, to: `token != "" {`, tests: bridgeTests("Status")},
	}},
	{file: "shared/bridge/metrics.go", guards: []guard{
		{name: "bridge: metrics are for the token", keeps: "S", from: `|| !b.knows(`, to: `&& !b.knows(`, tests: bridgeTests("VerdictsComeBack")},
	}},
	{file: "shared/bridge/backend/backend.go", guards: []guard{
		{name: "bridge: a firewall is not the back end", keeps: "I5", from: `reply.Status == "err" {`, to: `reply.Status == "err" || true {`, tests: bridgeTests("BackEndFailsOnVerdict"), also: []edit{{`if json.Unmarshal(text, &reply) == nil && reply`, `if _ = json.Unmarshal(text, &reply); reply`}}},
		{name: "bridge: slow test data are waited for", keeps: "I5", from: `func() { timer.Reset(c.Silence) }`, to: `func() {}`, tests: bridgeTests("SlowTestData")},
	}},
}
