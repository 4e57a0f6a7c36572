package main

var (
	dispatch = command{pkg: "./shared/dispatch", tests: "."}
	wire     = command{pkg: "./shared/api", tests: "^Test(ListJobs|ClaimJob|Downloads|Heartbeat|CompleteJob|UploadedOutputs|ReleaseJob|LateRunner|PublishProblem|CreateJob|OutputsOfJobs|CancelJob|URLs.*)$"}
)

// ringFirst is the heart of updateFrom, ringLast the same in the wrong order.
const (
	ringFirst = `		if after.Bell != before.Bell && after.Bell != rung {
			if err := d.ring(ctx, *after); err != nil {
				return change{}, err
			}
			rung = after.Bell
		}
		after.Revision = before.Revision + 1
		if after.WriteID, err = d.writeID(); err != nil {
			return change{}, err
		}
		current, saved, err := d.Store.Save(ctx, before, *after)
		switch {
`
	ringLast = `		after.Revision = before.Revision + 1
		if after.WriteID, err = d.writeID(); err != nil {
			return change{}, err
		}
		current, saved, err := d.Store.Save(ctx, before, *after)
		if saved && after.Bell != before.Bell && after.Bell != rung {
			if err := d.ring(ctx, *after); err != nil {
				return change{}, err
			}
			rung = after.Bell
		}
		switch {
`
)

// useCases are the order of writes, and what is checked beside the rules.
var useCases = []source{
	{file: "shared/dispatch/code.go", tests: []command{{pkg: "./shared/dispatch", tests: "Code"}}, guards: []guard{
		{name: "code: the sweep keeps what a long wait would lose", keeps: "I1", from: `_, err = d.Store.KeepCode(ctx, j, now.Add(CodeKept))`, to: `_ = now`},
		{name: "code: the sweep keeps it in time", keeps: "I1", from: `kept.Sub(now) >= CodeKept-codeSlack/2`, to: `kept.Sub(now) >= 0`},
		{name: "code: of a claim that cannot be read is asked for", keeps: "I6", from: `claims[i].Code = codes[claims[i].Job.ID].Zip`, to: `claims[i].Code = []byte("?")`},
	}},
	{file: "shared/dispatch/rejudge.go", tests: []command{{pkg: "./shared/dispatch", tests: "Code|TestOrderOfWrites"}}, guards: []guard{
		{name: "rejudge: keeps the code", keeps: "I1", from: `if made.write && j.CodeInline {`, to: `if false {`},
		{name: "rejudge: not without its code", keeps: "I1", from: `if !found {`, to: `if false {`},
	}},
	{file: "shared/dispatch/delete.go", tests: []command{{pkg: "./shared/api", tests: "^TestDeleteJob$"}}, guards: []guard{
		{name: "delete: only a final job", keeps: "I5", from: `case !j.Final():`, to: `case false:`},
		{name: "delete: the objects too", keeps: "S", from: `d.Objects.Remove(ctx, keys)`, to: `d.Objects.Remove(ctx, keys[:1])`},
	}},
	{file: "shared/dispatch/verdicts.go", tests: []command{dispatch}, guards: []guard{
		{name: "feed: a second look", keeps: "S", from: `again := at.sure < at.seen &&`, to: `again := false &&`},
		{name: "feed: nothing is sure before it is certain", keeps: "S", from: `to := min(at.seen, certain)`, to: `to := at.seen`},
		{name: "feed: a first look is not sure of all", keeps: "S", from: `max(at.sure, min(at.seen, certain))`, to: `at.seen`},
		{name: "feed: what is old is not read twice", keeps: "E", from: `first := at.sure == at.seen`, to: `first := false`},
		{name: "feed: a second look that was cut goes on", keeps: "S", from: "		if more {\n", to: "		if false {\n"},
		{name: "feed: a cursor in its one form", keeps: "S", from: `c.String() == s &&`, to: ``},
		{name: "feed: no cursor of the future", keeps: "S", from: ` && c.seen <= now.Add(settled)`, to: ``},
	}},
	{file: "shared/dispatch/update.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "trap: the write comes before its ring", keeps: "I1", from: ringFirst, to: ringLast},
		{name: "trap: the write comes before its ring, found by the simulation", keeps: "I1", from: ringFirst, to: ringLast, tests: []command{simulate}},
		{name: "trap: the write comes before its ring, found by the exploration", keeps: "I1", from: ringFirst, to: ringLast, tests: []command{explore}},
		{name: "update: rings", keeps: "I1", from: `if after.Bell != before.Bell && after.Bell != rung {`, to: `if false && after.Bell != rung {`},
		{name: "update: no ring, no write", keeps: "I1", from: "\t\t\tif err := d.ring(ctx, *after); err != nil {\n\t\t\t\treturn change{}, err\n\t\t\t}\n", to: "\t\t\t_ = d.ring(ctx, *after)\n"},
		{name: "update: a conflict does not ring the same bell twice", keeps: "E", from: `after.Bell != before.Bell && after.Bell != rung {`, to: `after.Bell != before.Bell && after.Bell+1 != rung {`},
		{name: "update: the version goes up", keeps: "I2", from: `after.Revision = before.Revision + 1`, to: `after.Revision = before.Revision`},
		{name: "update: a fresh write id", keeps: "I6", from: `after.WriteID, err = d.writeID(); err != nil {`, to: `after.WriteID, err = before.WriteID, nil; err != nil {`},
		{name: "update: a conflict is no success", keeps: "I2", from: `case saved:`, to: `case saved || current.ID != "":`},
		{name: "update: decides again on what the other left", keeps: "I2", from: "\t\tbefore = current\n", to: "\t\t_ = current\n"},
		{name: "update: decides again at all", keeps: "I6", from: `for range 1 + maxConflicts {`, to: `for range 1 {`},
		{name: "update: gives up in the end", keeps: "E", from: `for range 1 + maxConflicts {`, to: `for range 100 + maxConflicts {`},
		{name: "update: expired under our hands", keeps: "I6", from: `case current.ID == "": // expired under our hands`, to: `case false:`},
		{name: "update: nothing to write, no write", keeps: "E", from: `!decision.write {`, to: `!decision.OK() {`},
		{name: "update: a late result is refused and written all the same", keeps: "I4", from: `!decision.write {`, to: `!decision.write || !decision.OK() {`},
		{name: "update: of an unknown job", keeps: "I6", from: `	if !found {`, to: `	if !found && id == "" {`},
		{name: "spent: nothing without a handle", keeps: "E", from: `if handle != "" {`, to: `if true {`},
		{name: "spent: a message that is not deleted fails nothing", keeps: "I6", from: `d.Log.WarnContext(ctx, "messages not deleted", "error", err)`, to: `panic(err)`},
		{name: "hide: a message that is not hidden fails nothing", keeps: "I6", from: `d.Log.WarnContext(ctx, "messages not hidden", "error", err)`, to: `panic(err)`},
	}},
	{file: "shared/dispatch/claim.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "claim: no handle of an older bell", keeps: "I3", from: `if o.job.Bell == j.Bell {`, to: `if o.job.Bell <= j.Bell {`},
		{name: "claim: only the hash of its token is stored", keeps: "S", from: `op.TokenHash = auth.Hash(token)`, to: `op.TokenHash = token`},
		{name: "claim: the problem as it is now", keeps: "I4", from: `op.ProblemVersion = p.Version`, to: `op.ProblemVersion = 1`},
		{name: "claim: a problem that is published", keeps: "I4", from: `if !found || p.Version == 0 {`, to: `if !found {`},
		{name: "claim: no read of a problem for a job that is taken", keeps: "E", from: `tried.Outcome != job.OK {`, to: `tried.Outcome == job.NotFound {`},
	}},
	{file: "shared/dispatch/lease.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "lease: the least", keeps: "E", from: `*asked < b.Least || `, to: ``},
		{name: "lease: the longest", keeps: "I5", from: ` || *asked > b.Longest`, to: ``},
	}},
	{file: "shared/dispatch/holder.go", tests: []command{dispatch}, guards: []guard{
		{name: "download: for the holder only", keeps: "S", from: `return j, Answer{Outcome: j.HeldBy(runner, tokenHash)}, nil`, to: `return j, granted, nil`},
	}},
	{file: "shared/dispatch/versions.go", tests: []command{dispatch, wire}, guards: []guard{
		{name: "create: a draft is not published", keeps: "I4", from: `case p.Version == 0:`, to: `case p.Version < 0:`},
	}},
	{file: "shared/dispatch/uploaded.go", tests: []command{dispatch}, guards: []guard{
		{name: "submit: the code is there", keeps: "I1", from: `case !exists:`, to: `case !exists && got.Size < 0:`},
		{name: "submit: the code is what was announced", keeps: "I1", from: `case got != want:`, to: `case got == want && false:`},
	}},
	{file: "shared/dispatch/complete.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "complete: deletes the message of a final job only", keeps: "I3", from: `if c.after.Final() {`, to: `if c.write {`},
		{name: "complete: deletes last", keeps: "I3", from: "\t}\n\treturn decided(op.Apply(j)), nil\n}", to: "\t}\n\tmade := decided(op.Apply(j))\n\tif made.after.Final() {\n\t\tc.d.deleteSpent(ctx, j.Claim.Handle)\n\t}\n\treturn made, nil\n}"},
		{name: "complete: deletes at all", keeps: "E", from: `if c.after.Final() {`, to: `if false {`},
		{
			name: "complete: outputs before the verdict", keeps: "I4", from: `op.Result.Outputs, op.Result.Packed = c.storeOutputs(ctx, standing, result.cases)`, to: `op.Result.Outputs, c.later = outputsKey(c.r.ID, standing, "later"), func() { c.storeOutputs(ctx, standing, result.cases) }`,
			also: []edit{
				{"\tc, err := update(ctx, r.ID, (&completion{d: d, r: r}).decide)\n", "\treport := &completion{d: d, r: r, later: func() {}}\n\tc, err := update(ctx, r.ID, report.decide)\n"},
				{"\tstored storedOutputs\n", "\tstored storedOutputs\n\tlater  func()\n"},
				{"\tif c.after.Final() {", "\treport.later()\n\tif c.after.Final() {"},
			},
		},
		{name: "complete: an illegal result is refused", keeps: "I4", from: `case result.fault != nil:`, to: `case false:`},
		{name: "complete: who does not hold it learns nothing of its fault", keeps: "S", from: `case result.fault != nil && standing.Outcome != job.OK:`, to: `case false:`},
		{name: "complete: a late result stores no outputs", keeps: "I4", from: `if standing.Outcome == job.OK && !standing.Accepted`, to: `if !standing.Accepted`},
		{name: "complete: a repeated result stores no outputs", keeps: "E", from: `standing.Outcome == job.OK && !standing.Accepted && `, to: `standing.Outcome == job.OK && `},
		{name: "complete: a cancelled one stores no outputs", keeps: "E", from: ` && !j.CancelRequested {`, to: ` {`},
		{name: "complete: other outputs than announced", keeps: "I4", from: `if c.stored.mismatch {`, to: `if false {`},
		{name: "complete: judged by the pinned version", keeps: "I4", from: `c.judgeOnce(ctx, j.Problem, standing.ProblemVersion)`, to: `c.judgeOnce(ctx, j.Problem, max(1, standing.ProblemVersion-1))`},
		{name: "complete: its digest covers the cases", keeps: "I4", from: `}{cases, outputs})`, to: `}{nil, outputs})`},
		{name: "complete: its digest covers the outputs", keeps: "I4", from: `}{cases, outputs})`, to: `}{cases, job.Artifact{}})`},
	}},
	{file: "shared/dispatch/outputs.go", tests: []command{dispatch}, guards: []guard{
		{name: "outputs: uploads for the holder only", keeps: "S", from: "\tif err != nil || !answer.OK() {\n\t\treturn Upload{}, answer, err", to: "\tif err != nil {\n\t\treturn Upload{}, answer, err"},
		{name: "outputs: not beyond the bound", keeps: "S", from: `if a.Size > MaxOutputs {`, to: `if false {`},
		{name: "outputs: stored once, whatever the conflicts", keeps: "E", from: `if stored.attempt == s.Attempt {`, to: `if false {`},
		{name: "outputs: that are not there are missing", keeps: "I4", from: `return job.OutputsMissing, false`, to: `return outputsKey(c.r.ID, s, c.r.Outputs.SHA256), false`},
		{name: "outputs: that cannot be looked up are not missing", keeps: "I4", from: `"uploaded outputs not looked up", "job_id", c.r.ID, "attempt", s.Attempt, "error", err)`, to: `"uploaded outputs not looked up", "job_id", c.r.ID, "attempt", s.Attempt, "error", err)
			key = job.OutputsMissing`},
		{name: "outputs: that are not what was announced", keeps: "I4", from: `return key, found != c.r.Outputs`, to: `return key, found.Size < 0`},
		{name: "outputs: that cannot be stored are missing", keeps: "I4", from: `		err = c.d.Objects.PutAhead(ctx, key, body, a)`, to: `		_ = c.d.Objects.PutAhead(ctx, key, body, a)`},
		{name: "outputs: none make no object", keeps: "E", from: `	if noOutput(cases) {`, to: `	if false {`},
		{name: "outputs: small ones make no object", keeps: "E", from: `if stored.packed = pack(cases); stored.packed != nil {`, to: `if stored.packed = pack(cases); false {`},
		{name: "outputs: their zip is made when it is asked for", keeps: "I4", from: `return key, d.Objects.Put(ctx, key, body, a)`, to: `_, _ = body, a; return key, nil`},
		{name: "outputs: their zip is made once", keeps: "E", from: `err != nil || exists {`, to: `err != nil || exists && key == "" {`},
		{name: "outputs: a zip of the attempt that made them", keeps: "S", from: `job.Standing{Generation: j.Generation, Attempt: j.Result.Attempt}`, to: `job.Standing{Generation: j.Generation}`},
	}},
	{file: "shared/dispatch/pack.go", tests: []command{dispatch}, guards: []guard{
		{name: "pack: what is too long is not packed", keeps: "E", from: `if len(shortest) > MaxPacked {`, to: `if false {`},
		{name: "pack: what is far too long is not tried", keeps: "S", from: `size > maxPackable {`, to: `size < 0 {`},
		{name: "pack: squeezed if that is shorter", keeps: "E", from: `packed != nil && len(packed) < len(plain) {`, to: `packed != nil && len(packed) < 0 {`},
		{name: "unpack: bounded", keeps: "S", from: `io.LimitReader(flate.NewReader(bytes.NewReader(plain)), 2*maxPackable)`, to: `io.LimitReader(flate.NewReader(bytes.NewReader(plain)), 1<<40)`},
		{name: "unpack: no text longer than what is there", keeps: "S", from: `n <= 0 || length > uint64(len(plain)-n) {`, to: `n <= 0 {`},
		{name: "unpack: nothing is left", keeps: "I4", from: `	if len(plain) > 0 {`, to: `	if false {`},
		{name: "unpack: known ways only", keeps: "I4", from: "\tdefault:\n\t\treturn errPacked\n", to: "\tdefault:\n"},
	}},
	{file: "shared/dispatch/keys.go", tests: []command{dispatch, wire}, guards: []guard{
		{name: "keys: outputs are of one attempt", keeps: "S", from: `id, s.Generation, s.Attempt, sha256)`, to: `id, s.Generation, 0, sha256)`},
		{name: "keys: outputs are of one generation", keeps: "S", from: `id, s.Generation, s.Attempt, sha256)`, to: `id, 0, s.Attempt, sha256)`},
		{name: "keys: code is of one job", keeps: "S", from: `CodePrefix + id + "/" + sha256`, to: `CodePrefix + sha256`},
	}},
	{file: "shared/dispatch/create.go", tests: []command{dispatch, wire}, guards: []guard{
		{
			name: "create: rings before the write", keeps: "I1", from: `			if err := d.ring(ctx, j); err != nil {
				return Created{}, Answer{}, err
			}
`, to: "",
			also: []edit{{"\tif !created { // since we looked\n", "\tif created && j.Bell > 0 {\n\t\tif err := d.ring(ctx, j); err != nil {\n\t\t\treturn Created{}, Answer{}, err\n\t\t}\n\t}\n\tif !created { // since we looked\n"}},
		},
		{name: "create: rings", keeps: "I1", from: `if j.Bell > 0 {`, to: `if false {`},
		{name: "create: rings for what is queued only", keeps: "E", from: `if j.Bell > 0 {`, to: `if true {`},
		{name: "create: the code is stored", keeps: "I1", from: `if err := d.storeCode(ctx, j, r.Inline, r.CodeInline); err != nil {`, to: `if err != nil {`},
		{name: "create: only of a published problem", keeps: "I4", from: `if err != nil || !answer.OK() {`, to: `if err != nil {`},
		{name: "create: looks before it rings", keeps: "E", from: "\t\tif found {\n\t\t\tif out := r.Repeats(there)", to: "\t\tif false {\n\t\t\tif out := r.Repeats(there)", also: []edit{{"\t\tif found {\n\t\t\tc, err :=", "\t\tif false && found {\n\t\t\tc, err :="}}},
		{name: "create: other content than what is there", keeps: "I6", from: `out.Outcome != job.OK || there.State != job.Created || there.Language`, to: `there.State != job.Created && out.Outcome == job.OK || there.Language`},
		{name: "create: queues what awaits its upload", keeps: "I1", from: `out.Outcome != job.OK || there.State != job.Created || there.Language == job.Handwritten`, to: `out.Outcome != "?" || there.ID == ""`},
		{name: "create: other content than what came meanwhile", keeps: "I6", from: `if out := r.Repeats(current); out.Outcome != job.OK {`, to: `if out := r.Repeats(current); out.Outcome == job.NotFound {`},
		{name: "create: queues what came meanwhile", keeps: "I1", from: `if r.Inline != nil && j.State == job.Created {`, to: `if false {`},
		{name: "create: an upload only while it is awaited", keeps: "S", from: `if r.Inline == nil && j.State == job.Created {`, to: `if r.Inline == nil {`},
	}},
	{file: "shared/dispatch/submit.go", tests: []command{dispatch}, guards: []guard{
		{name: "submit: the code is checked", keeps: "I1", from: `if j.State == job.Created {`, to: `if false {`},
		{name: "submit: checked once, its code may be gone later", keeps: "I6", from: `if j.State == job.Created {`, to: `if true {`},
	}},
	{file: "shared/dispatch/look.go", tests: []command{dispatch}, guards: []guard{
		{name: "publish: test data is kept before a version has it", keeps: "E", from: `kept, err := d.Objects.Keep(ctx, key)`, to: `kept, err := true, error(nil)`},
		{name: "publish: not of test data that has just gone", keeps: "E", from: `if err == nil && !kept {`, to: `if err == nil && !kept && false {`},
	}},
	{file: "shared/dispatch/heartbeat.go", tests: []command{dispatch, wire}, guards: []guard{
		{name: "heartbeat: moves the message too", keeps: "E", from: `c.write && c.after.Claim.Handle != "" {`, to: `false {`},
		{name: "heartbeat: hides only what it wrote", keeps: "I5", from: `c.write && c.after`, to: `c.after`},
		{name: "heartbeat: writes, then hides", keeps: "I1", from: "\tc, err := update(ctx, id, apply(op.Apply))\n", to: "\tc, err := update(ctx, id, func(ctx context.Context, j job.Job) (decision, error) {\n\t\tmade := decided(op.Apply(j))\n\t\tif made.write {\n\t\t\t_ = d.Queue.Hide(ctx, []Hiding{{j.Claim.Handle, inSeconds(60)}})\n\t\t}\n\t\treturn made, nil\n\t})\n"},
		{name: "heartbeat: tells to stop", keeps: "I5", from: `if c.after.MustCancel(op.Now) {`, to: `if false {`},
	}},
	{file: "shared/dispatch/release.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "release: deletes the message of its own write only", keeps: "I3", from: `if c.write {`, to: `if true {`},
		{name: "release: deletes last", keeps: "I3", from: "\tc, err := d.update(ctx, id, apply(op.Apply))\n", to: "\tc, err := d.update(ctx, id, func(ctx context.Context, j job.Job) (decision, error) {\n\t\tmade := decided(op.Apply(j))\n\t\tif made.write {\n\t\t\td.deleteSpent(ctx, j.Claim.Handle)\n\t\t}\n\t\treturn made, nil\n\t})\n"},
		{name: "release: deletes at all", keeps: "E", from: `if c.write {`, to: `if false {`},
	}},
	{file: "shared/dispatch/download.go", tests: []command{dispatch}, guards: []guard{
		{name: "download: code for the holder only", keeps: "S", from: "\tif err != nil || !answer.OK() {\n\t\treturn Download{}, answer, err\n\t}\n\tif j.Code", to: "\tif err != nil {\n\t\treturn Download{}, answer, err\n\t}\n\tif j.Code"},
		{name: "download: test data for the holder only", keeps: "S", from: "\tif err != nil || !answer.OK() {\n\t\treturn Download{}, answer, err\n\t}\n\tcontent,", to: "\tif err != nil {\n\t\treturn Download{}, answer, err\n\t}\n\tcontent,"},
		{name: "download: test data of the pinned version", keeps: "I4", from: `d.version(ctx, j.Problem, j.Claim.ProblemVersion)`, to: `d.version(ctx, j.Problem, j.Claim.ProblemVersion+1)`},
		{name: "download: no outputs of what has no result", keeps: "S", from: `j.Result == nil || !j.Result.HasOutputs()`, to: `j.Result != nil && !j.Result.HasOutputs()`},
		{name: "download: no outputs that are missing", keeps: "I4", from: `!j.Result.HasOutputs()`, to: `j.Result.Outputs == "" && len(j.Result.Packed) == 0`},
	}},
	{file: "shared/dispatch/problem.go", tests: []command{dispatch}, guards: []guard{
		{name: "publish: test data is checked", keeps: "I4", from: `changed && (next.Current.Testdata != (job.Artifact{}) || next.Current.Rules.Checker.IsProgram()) {`, to: `changed && id < 0 {`},
		{name: "publish: a checker that is a program needs test data", keeps: "I4", from: ` || next.Current.Rules.Checker.IsProgram()) {`, to: `) {`, tests: []command{ruled}},
		{name: "publish: only what there is", keeps: "I6", from: `if p.Revision == 0 {`, to: `if false {`},
		{name: "publish: writes on the condition", keeps: "I2", from: `if err != nil || saved {`, to: `if err != nil || saved || current.ID != 0 {`},
		{name: "publish: decides again on what the other left", keeps: "I2", from: "\t\tbefore = current\n", to: "\t\t_ = current\n"},
		{name: "publish: the version of the item goes up", keeps: "I2", from: `after.Revision = before.Revision + 1`, to: `after.Revision = before.Revision`},
	}},
	{file: "shared/dispatch/receive.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "receive: not to a runner that gave it back a moment ago", keeps: "E", from: `case o.Why != "":`, to: `case o.Why == "never":`},
		{name: "receive: a job is offered once", keeps: "E", from: `case !offered[j.ID]:`, to: `case true:`},
		{name: "receive: deletes only after the end is written", keeps: "I3", from: `if d.end(ctx, j, now) {`, to: `if d.end(ctx, j, now) || true {`},
		{name: "receive: ends what is over", keeps: "I5", from: `if d.end(ctx, j, now) {`, to: `if false {`},
		{name: "receive: deletes only what its end made final", keeps: "I3", from: `return c.after.Final()`, to: `return c.after.ID != ""`},
		{name: "receive: deletes what is spent", keeps: "E", from: "\t\tcase job.Deleted:\n\t\t\tspent = append(spent, m.Handle)\n", to: "\t\tcase job.Deleted:\n"},
		{name: "receive: hides what is under way", keeps: "E", from: "\t\tcase job.Hidden:\n\t\t\thidings = append(hidings, Hiding{m.Handle, handling.Hide})\n", to: "\t\tcase job.Hidden:\n"},
		{name: "receive: hides what it gives to a claim", keeps: "E", from: "\t\tcase job.Attached:\n\t\t\thidings = append(hidings, Hiding{m.Handle, handling.Hide})\n", to: "\t\tcase job.Attached:\n"},
		{name: "receive: gives the message to the claim", keeps: "E", from: "\t\t\td.attach(ctx, j, m, now)\n", to: ""},
	}},
	{file: "shared/dispatch/list.go", tests: []command{dispatch}, guards: []guard{
		{name: "list: oldest first", keeps: "E", from: `return cmp.Compare(a.job.QueuedAt, b.job.QueuedAt)`, to: `return cmp.Compare(b.job.QueuedAt, a.job.QueuedAt)`},
		{name: "list: what stands back goes back at once", keeps: "E", from: "\td.hide(ctx, hidings)\n", to: ""},
		{name: "list: what is listed stays hidden", keeps: "E", from: `	for i, o := range back {`, to: `	hidings = make([]Hiding, len(offers))
	for i, o := range offers {`},
	}},
	{file: "shared/dispatch/fair.go", tests: []command{dispatch}, guards: []guard{
		{name: "fair: a quiet job alone", keeps: "E", from: `return quiet[:1], append(others, quiet[1:]...)`, to: `return quiet, others`},
		{name: "fair: the oldest quiet one", keeps: "E", from: `return quiet[:1], append(others, quiet[1:]...)`, to: `return quiet[len(quiet)-1:], append(others, quiet[:len(quiet)-1]...)`},
		{name: "fair: without the others", keeps: "E", from: `return quiet[:1], append(others, quiet[1:]...)`, to: `return append(quiet[:1], others...), nil`},
		{name: "fair: few jobs are not noisy", keeps: "E", from: `noisyLeast = 30`, to: `noisyLeast = 3`},
		{name: "fair: nobody is noisy beside others as large", keeps: "E", from: `noisyTimes*n.heard[group] <= n.most`, to: `n.heard[group] <= n.most`},
		{name: "fair: jobs without a group are not noisy", keeps: "E", from: `	if group == "" {`, to: `	if false {`},
		{name: "fair: noise fades", keeps: "E", from: `now.Sub(n.fadedAt) >= noiseFades`, to: `now.Sub(n.fadedAt) >= 100*noiseFades`},
		{name: "fair: the noisy group waits no more", keeps: "E", from: `now.Sub(n.lastAt) > noisyWaits`, to: `now.Sub(n.lastAt) > 100*noisyWaits`},
		{name: "fair: the noisy group waits still", keeps: "E", from: `now.Sub(n.lastAt) > noisyWaits`, to: `now.Sub(n.lastAt) > 0`},
		{name: "fair: a quiet job on top is no reason", keeps: "E", from: `case len(quiet) == 1 && n.quiet(group(offers[0])):`, to: `case false:`},
		{name: "fair: many quiet jobs are listed together", keeps: "E", from: `case quietMuch*n.calm > n.all:`, to: `case false:`},
		{name: "fair: many quiet jobs are listed without the others", keeps: "E", from: `return quiet, others`, to: `return offers, nil`},
		{name: "fair: a bounded memory", keeps: "S", from: `if len(n.heard) >= maxGroups {`, to: `if false {`},
	}},
	{file: "shared/dispatch/sweep.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "sweep: ends what is over", keeps: "I5", from: `next, out := job.EndOp{Now: now}.Apply(j)`, to: `next, out := j, job.Decision{Outcome: job.OK}`},
		{name: "sweep: rings for what is lost", keeps: "I1", from: `if !out.Write {`, to: `if false {`},
		{name: "sweep: rings only with a silent queue", keeps: "E", from: `job.RingOp{Now: now, Silent: silent}`, to: `job.RingOp{Now: now, Silent: true}`},
		{name: "sweep: a visible message is no silence", keeps: "E", from: `case visible > 0:`, to: `case visible < 0:`},
		{name: "sweep: silence begins with its first look", keeps: "I1", from: `case mark.SilentSince == 0:`, to: `case true:`},
		{name: "sweep: two looks, 30 s apart", keeps: "E", from: ` && now.Sub(next.SilentSince) >= silentFor`, to: ``},
		{name: "sweep: silence ends", keeps: "E", from: `silent := next.SilentSince != 0 && `, to: `silent := `},
		{name: "sweep: repairs the oldest", keeps: "I5", from: `	if err := d.repair(ctx, ids, silent, &swept); err != nil {`, to: `	if err := d.repair(ctx, nil, silent, &swept); err != nil {`},
		{name: "sweep: repairs the page behind the cursor", keeps: "I5", from: `		if err := d.repair(ctx, page, silent, &swept); err != nil {`, to: `		if err := d.repair(ctx, page[:0], silent, &swept); err != nil {`},
		{name: "sweep: the cursor moves", keeps: "I5", from: "\t\tnext.Cursor = cursor\n", to: ""},
		{name: "sweep: the cursor reaches every shard", keeps: "I5", from: `if cursor == "" {`, to: `if false {`},
		{name: "sweep: all shards", keeps: "I5", from: `for shard := range Shards {`, to: `for shard := range Shards - 1 {`},
		{name: "sweep: remembers where it stopped", keeps: "I5", from: `_, err = d.Store.SaveMark(ctx, mark, next)`, to: ``},
		{name: "sweep: the version of its mark goes up", keeps: "I2", from: "\tnext.Revision++\n", to: ""},
		{name: "sweep: nothing to do, no write", keeps: "E", from: `if next == mark {`, to: `if false {`},
		{name: "sweep: one page while the queue is alive", keeps: "E", from: "\tcase silent:\n\t\tpages = sweepPages\n", to: "\tcase true:\n\t\tpages = sweepPages\n"},
		{name: "sweep: more pages while it is silent", keeps: "I1", from: "\tcase silent:\n\t\tpages = sweepPages\n", to: "\tcase false:\n\t\tpages = sweepPages\n"},
		{name: "sweep: deletes the message of what it ended", keeps: "E", from: "\t\t\td.deleteSpent(ctx, c.before.Claim.Handle)\n", to: ""},
		{name: "sweep: a job that cannot be written stops nothing", keeps: "I5", from: "\t\tcase err != nil:\n\t\t\tswept.Failed++\n", to: "\t\tcase err != nil:\n\t\t\treturn err\n"},
	}},
	{file: "shared/dispatch/visit.go", tests: []command{dispatch}, guards: []guard{
		{name: "visit: looks again after sitting down", keeps: "I1", from: "\tif over, err := v.look(ctx); over {\n\t\treturn err\n\t}\n\tv.settle()", to: "\tv.settle()", tests: []command{{pkg: "./shared/testkit/sim", tests: "^TestWakeups$"}}},
		{name: "visit: leaves the bench with a job", keeps: "I1", from: `v.leave(ctx, v.seat)`, to: `_ = v.leave`},
		{name: "visit: sits while it is on its bench", keeps: "E", from: "case there: // nothing", to: "case false && there: // nothing"},
		{name: "visit: who may not have a job passes the ring on", keeps: "I1", from: "\t\tv.ringRunner(ctx)\n", to: ""},
		{name: "visit: a connection of another credential", keeps: "S", from: ` || l.Credential != v.Credential`, to: ``},
	}},
	{file: "shared/dispatch/doorbell.go", tests: []command{dispatch}, guards: []guard{
		{name: "doorbell: a ring has a deadline", keeps: "E", from: "\tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ringWithin)\n\tdefer cancel()\n\tif _, err", to: "\tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)\n\tdefer cancel()\n\tif _, err"},
		{name: "doorbell: after one that is gone another is rung", keeps: "I1", from: "\t\tif !gone {\n", to: "\t\tif gone || !gone {\n"},
		{name: "doorbell: whose bench others took looks at another", keeps: "I1", from: `err != nil || rang || !raced {`, to: `err != nil || rang || !raced || raced {`},
		{name: "doorbell: a swallowed ring is passed on", keeps: "I1", from: `if err == nil && !left {`, to: `if err == nil && !left && false {`},
		{name: "doorbell: a chain without anybody is closed", keeps: "E", from: `closed, err := d.Benches.Chain(ctx, more, 0)`, to: `closed, err := false, error(nil)`},
		{name: "doorbell: the sweep rings again who was not heard of", keeps: "I1", from: `for _, connection := range bench.Unheard(d.Now()) {`, to: `for _, connection := range bench.Unheard(time.Time{}) {`},
		{name: "doorbell: the seat of a replaced connection", keeps: "I1", from: "\treturn d.forget(ctx, before.Connection)\n", to: "\treturn nil\n"},
	}},
	{file: "shared/connections/connections.go", tests: []command{{pkg: "./shared/connections", tests: "."}}, guards: []guard{
		{name: "doorbell: a post is signed for its path", keeps: "S", from: `strings.ReplaceAll(url.PathEscape(connection), "=", "%3D")`, to: `connection`},
		{name: "doorbell: a post ends with its deadline", keeps: "E", from: `http.NewRequestWithContext(ctx, `, to: `http.NewRequestWithContext(context.WithoutCancel(ctx), `},
		{name: "doorbell: 410 is gone", keeps: "I1", from: `reply.StatusCode == http.StatusGone, `, to: ``},
		{name: "doorbell: 429 is not gone", keeps: "E", from: `case reply.StatusCode == http.StatusGone,`, to: `case reply.StatusCode == http.StatusTooManyRequests, reply.StatusCode == http.StatusGone,`},
		{name: "doorbell: an error of a post tells no secret", keeps: "S", from: "API Gateway answered %d\", reply.StatusCode)", to: "API Gateway answered %d to %v\", reply.StatusCode, r.Header)"},
	}},
	{file: "shared/function/doorbell.go", tests: []command{{pkg: "./shared/function", tests: "^TestDoorbell"}}, guards: []guard{
		{name: "doorbell: a connection that is not noted is not opened", keeps: "I1", from: "\t\tw.WriteHeader(http.StatusServiceUnavailable)\n", to: ""},
		{name: "doorbell: a connection is noted by its id", keeps: "I1", from: `l.Connection = apigw.ConnectionID(r)`, to: `_ = apigw.ConnectionID`},
	}},
	{file: "shared/apigw/websocket.go", tests: []command{{pkg: "./shared/function", tests: "^TestDoorbell"}}, guards: []guard{
		{name: "doorbell: each function takes its own event", keeps: "S", from: ` || e.RequestContext.EventType != kind`, to: ``},
	}},
	{file: "infra/local/doorway.go", tests: []command{{pkg: "./infra/local", tests: "^TestARingIntoTheVoid$"}}, guards: []guard{
		{name: "doorbell: a line that is not read delays no hand-in", keeps: "E", from: "\tctx, done := context.WithTimeout(ctx, postWithin)\n", to: "\tctx, done := context.WithCancel(ctx)\n"},
		{name: "doorbell: a line that is dead is found by a ping", keeps: "I1", from: `err := socket.Ping(ping)`, to: `err := ping.Err()`},
		{name: "doorbell: a line that there is not is gone", keeps: "I1", from: "\tif !known {\n\t\treturn true, nil\n", to: "\tif !known {\n\t\treturn false, nil\n"},
	}},
	{file: "shared/dispatch/sync.go", tests: []command{dispatch}, guards: []guard{
		{name: "sync: a message is given back when its claim is lost", keeps: "E", from: `back = append(back, Hiding{o.handle, listHide})`, to: `_ = back`},
		{name: "sync: deletes messages after the last write", keeps: "I3", from: "\td.deleteSpent(ctx, spent...)\n", to: "\t_ = spent\n"},
		{name: "sync: hides messages of leases", keeps: "E", from: "\td.hide(ctx, hidings)\n", to: "\t_ = hidings\n"},
		{name: "sync: a failed result is said to have failed", keeps: "I6", from: `answer = Answer{Outcome: ItemFailed}`, to: `answer = granted`},
		{name: "sync: what a call wrote is what its next item meets", keeps: "E", from: `jobs[id] = c.after`, to: `_ = c.after`},
		{name: "sync: the results are of who asks", keeps: "S", from: "\t\tdone.Runner = r.Runner\n", to: ""},
		{name: "sync: a lost lease is told", keeps: "I2", from: `action = ActionLost`, to: `action = ActionContinue`},
	}},
}
