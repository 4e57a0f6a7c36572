package main

var (
	dispatch = command{pkg: "./shared/dispatch", tests: "."}
	wire     = command{pkg: "./shared/api", tests: "^Test(ListJobs|ClaimJob|Downloads|Heartbeat|CompleteJob|UploadedOutputs|ReleaseJob|LateRunner|PublishProblem|CreateJob|OutputsOfJobs|CancelJob|URLs.*)$"}
)

// manyActs are an operator's on rejudges of many.
var manyActs = []command{{pkg: "./shared/dispatch", tests: "Rejudge"}, {pkg: "./shared/api", tests: "^(TestRejudgeOfMany|TestPoolsThatAreNot)$"}}

// ringFirst is the heart of updateFrom, ringLast the same in the wrong order.
const (
	ringFirst = `		if after.Bell != before.Bell && (after.Bell != rung || after.Pool != in) {
			if err := d.ringIn(ctx, *after, decision.group); err != nil {
				return change{}, err
			}
			rung, in = after.Bell, after.Pool
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
		if saved && after.Bell != before.Bell && (after.Bell != rung || after.Pool != in) {
			if err := d.ringIn(ctx, *after, decision.group); err != nil {
				return change{}, err
			}
			rung, in = after.Bell, after.Pool
		}
		switch {
`
)

// useCases are the order of writes, and what is checked beside the rules.
var useCases = []source{
	{file: "shared/dispatch/code.go", tests: []command{{pkg: "./shared/dispatch", tests: "Code"}}, guards: []guard{
		{name: "code: the sweep keeps what a long wait would lose", keeps: "I1", from: `_, err = d.Store.KeepCode(ctx, j, now.Add(CodeKept))`, to: `_ = now`},
		{name: "code: the sweep keeps it in time", keeps: "I1", from: `CodeKept-codeSlack/2`, to: `0`},
		{name: "code: of a claim that cannot be read is asked for", keeps: "I6", from: `codes[claims[i].Job.ID].Zip`, to: `append(codes[claims[i].Job.ID].Zip, '?')`},
	}},
	{file: "shared/dispatch/rejudge.go", tests: []command{{pkg: "./shared/dispatch", tests: "Code|TestOrderOfWrites"}}, guards: []guard{
		{name: "rejudge: keeps the code", keeps: "I1", from: `if made.write && j.CodeInline {`, to: `if false {`},
		{name: "rejudge: not without its code", keeps: "I1", from: `if !found {`, to: `if !found && j.ID == "" {`},
	}},
	{file: "shared/dispatch/waits.go", tests: []command{{pkg: "./shared/dispatch", tests: "^TestWaits"}}, guards: []guard{
		{name: "waits: of an hour", keeps: "E", from: `age < 0 || age >= 60`, to: `age < 0`},
		{name: "waits: a minute begins anew", keeps: "E", from: `if in.at != at {`, to: `if in.at == 0 {`},
		{name: "waits: of claims alone", keeps: "E", from: `if m != deployment.QueueWait {`, to: `if false {`},
		{name: "waits: the longest are counted too", keeps: "E", from: `min(step, waitSteps-1)`, to: `step % waitSteps`},
	}},
	{file: "shared/dispatch/rejudges.go", tests: []command{{pkg: "./shared/dispatch", tests: "Rejudge"}}, guards: []guard{
		{name: "rejudge of many: pending is written before it is done", keeps: "I6", from: `r.save(ctx);`, to: `true, error(nil);`},
		{name: "rejudge of many: the generation that was found", keeps: "I6", from: `p.Generation,`, to: `j.Generation,`},
		{name: "rejudge of many: only while there is room", keeps: "E", from: `if r.waiting(pool) >= r.Step {`, to: `if false {`},
		{name: "rejudge of many: the index is settled", keeps: "E", from: ` && m.Ready(d.now())`, to: ``},
		{name: "rejudge of many: a failed one holds no other up", keeps: "E", from: `"rejudge", id, "error", err)`, to: `"rejudge", id, "error", err); return`},
		{name: "rejudge of many: what failed is tried again", keeps: "E", from: `left, failed = append(left, p), true`, to: `failed = true`},
		{name: "rejudge of many: what is sent counts as waiting", keeps: "E", from: `r.swept.rang[c.after.Pool]++`, to: `_ = c.after`},
		{name: "rejudge of many: its own group", keeps: "E", from: `op, r.Group()`, to: `op, ""`},
		{name: "rejudge of many: what a stopped run has done is counted", keeps: "E", from: `if !some || settled {`, to: `if some || !some {`},
		{name: "audit: a rejudge of many", keeps: "S", from: `new(o.Entry(rejudge.Target(m.ID), id)))`, to: `nil)`, tests: manyActs},
		{name: "audit: its stop", keeps: "S", from: `new(o.Entry(rejudge.Target(id), after.WriteID)))`, to: `nil)`, tests: manyActs},
		{name: "rejudge of many: in a pool that there is", keeps: "I1", from: `if pool != "" && !d.Queues.has(job.PoolOf(pool)) {`, to: `if false {`, tests: manyActs},
		{name: "rejudge of many: stopped once", keeps: "I6", from: `case !before.Running():`, to: `case false:`},
		{name: "rejudge of many: the same order again", keeps: "I6", from: `case !saved && !current.Repeats(m):`, to: `case !saved:`},
	}},
	{file: "shared/rejudge/rejudge.go", tests: []command{{pkg: "./shared/dispatch", tests: "Rejudge"}}, guards: []guard{
		{name: "rejudge of many: nothing that ended after it began", keeps: "I6", from: `return m.StartedAt + 1`, to: `return m.StartedAt + 1_000_000`},
		{name: "rejudge of many: nothing that was cancelled", keeps: "E", from: `state == job.Finished && (`, to: `(`},
		{name: "rejudge of many: a job that cannot be written is given up", keeps: "I5", from: `m.Tries >= maxTries`, to: `false`},
		{name: "rejudge of many: slower where the queue is longer", keeps: "E", from: `max(m.Step/2, LeastStep)`, to: `m.Step`},
	}},
	{file: "shared/dispatch/delete.go", tests: []command{{pkg: "./shared/api", tests: "^TestDeleteJob$"}}, guards: []guard{
		{name: "delete: only a final job", keeps: "I5", from: `case !j.Final():`, to: `case false:`},
		{name: "delete: the objects too", keeps: "S", from: `d.Objects.Remove(ctx, keys)`, to: `d.Objects.Remove(ctx, keys[:1])`},
	}},
	{file: "shared/dispatch/heard.go", tests: []command{dispatch}, guards: []guard{
		{name: "heard: a state is known within a minute", keeps: "S", from: `|| (asks || changed)`, to: `|| changed`},
		{name: "heard: no read by every request", keeps: "E", from: ` && now.Sub(readAt) >= roster.Remembered {`, to: ` {`},
		{name: "heard: a heartbeat needs no fresh record", keeps: "E", from: `(asks || changed) && now`, to: `now`},
		{name: "heard: what is not read counts as it was", keeps: "I5", from: "read\", \"runner\", h.Name, \"error\", err)\n\t\t\treturn record", to: "read\", \"runner\", h.Name, \"error\", err)\n\t\t\treturn roster.Runner{}"},
	}},
	{file: "shared/dispatch/health.go", tests: []command{{pkg: "./shared/dispatch", tests: "Broken|Outage|Row"}}, guards: []guard{
		{name: "health: a bad end is noted", keeps: "E", from: `return r.Bad(e) })`, to: `_ = e; return r })`},
		{name: "health: without bad ends nothing is read", keeps: "E", from: `if !record.Suspect() {`, to: `if false {`},
		{name: "health: what is judged is written", keeps: "E", from: `if after == record {`, to: `if true {`},
		{name: "health: a probe is noted", keeps: "E", from: `return r.Probing(one.Job.ID, d.now()) })`, to: `_ = one; return r })`},
	}},
	{file: "shared/dispatch/conduct.go", tests: []command{{pkg: "./shared/dispatch", tests: "^TestOneRunnerStarvesNobody$"}}, guards: []guard{
		{name: "starve: by lists", keeps: "E", from: `d.now()), c.Hides(listHide)`, to: `d.now()), listHide`},
		{name: "starve: by what it holds", keeps: "E", from: `granted, read = c.Reserve(want, d.now())`, to: `granted = want`},
		{name: "starve: what it has claimed counts", keeps: "E", from: `c.Claimed(one.Job)`, to: `_ = one`},
	}},
	{file: "shared/dispatch/receive.go", tests: []command{{pkg: "./shared/dispatch", tests: "^TestOneRunnerStarvesNobody$"}}, guards: []guard{
		{name: "starve: by what it has failed at", keeps: "E", from: `if seen.failed == 0 {`, to: `if true {`},
	}},
	{file: "shared/dispatch/runners.go", tests: []command{{pkg: "./shared/api", tests: "^TestABarredRunner$"}}, guards: []guard{
		{name: "runners: a page has no more than was asked for", keeps: "E", from: `page, more =`, to: `_, more =`},
		{name: "runners: there is more", keeps: "E", from: `page, more =`, to: `page, _ =`},
	}},
	{file: "shared/dispatch/open_jobs.go", tests: []command{{pkg: "./shared/api", tests: "^(TestFindJobs|TestPools)$"}}, guards: []guard{
		{name: "jobs: no further than every shard was read", keeps: "E", from: `entries[:to+1],`, to: `entries[:max(to+1, len(entries))],`},
		{name: "jobs: a call reads a bounded number", keeps: "E", from: `entries[:openRead], true`, to: `entries[:openRead], more`},
		{name: "jobs: a page has no more than was asked for", keeps: "E", from: `len(found) == limit &&`, to: `len(found) > limit &&`},
	}},
	{file: "shared/dispatch/pools.go", tests: []command{{pkg: "./shared/api", tests: "^(TestDemand|TestPools)$"}}, guards: []guard{
		{name: "pools: of many jobs the messages count", keeps: "E", from: "	if more {\n", to: "	if more && false {\n"},
		{name: "pools: only runners that are there", keeps: "E", from: `return r.Barred() != ""`, to: `return false`},
	}},
	{file: "shared/roster/demand.go", tests: []command{{pkg: "./shared/roster"}}, guards: []guard{
		{name: "demand: one slot for a job at most", keeps: "E", from: `int(min(more, float64(d.Waiting)))`, to: `int(more)`},
		{name: "demand: what runs keeps its slots", keeps: "E", from: `return d.Running + int`, to: `return int`},
	}},
	{file: "shared/dispatch/pause.go", tests: []command{{pkg: "./shared/api", tests: "^TestPause$"}}, guards: []guard{
		{name: "pause: no more than are read", keeps: "E", from: `if len(all) >= roster.MaxPauses {`, to: `if false {`},
		{name: "pause: what is not paused is not resumed", keeps: "S", from: "return Answer{Outcome: NotPaused}, nil\n\t}\n\tid, err", to: "return granted, nil\n\t}\n\tid, err"},
		{name: "pause: of a pool that there is", keeps: "S", from: `is && !d.Queues.has(job.PoolOf(pool)) {`, to: `is && pool == "" {`, tests: []command{{pkg: "./shared/api", tests: "^TestP(ause|ools.*)$"}}},
		{name: "pause, rejudge: of a problem that there is", keeps: "S", from: `if err == nil && !found {`, to: `if found && !found {`},
		{name: "pause: at once where it was ordered", keeps: "E", from: "o.Entry(target, p.WriteID))\n\td.pauses.forget()\n", to: "o.Entry(target, p.WriteID))\n", tests: []command{{pkg: "./shared/dispatch", tests: "^TestAPauseIsInForceAtOnce$"}}},
		{name: "resume: at once where it was ordered", keeps: "E", from: "o.Entry(target, id))\n\td.pauses.forget()\n", to: "o.Entry(target, id))\n", tests: []command{{pkg: "./shared/dispatch", tests: "^TestAPauseIsInForceAtOnce$"}}},
		{name: "audit: a pause", keeps: "S", from: `o.Entry(target, p.WriteID))`, to: `roster.Entry{WriteID: p.WriteID})`},
		{name: "audit: a resume", keeps: "S", from: `o.Entry(target, id))`, to: `roster.Entry{WriteID: id})`},
		{name: "pause: they are read again", keeps: "E", from: `stays > 0 && stays <= roster.Remembered {`, to: `!p.until.IsZero() {`, tests: []command{{pkg: "./shared/dispatch", tests: "^TestAPauseByAnotherProcess$"}}},
	}},
	{file: "shared/dispatch/receive.go", tests: []command{{pkg: "./shared/api", tests: "^TestPause$"}}, guards: []guard{
		{name: "pause: of a problem, when messages are received", keeps: "S", from: `n.Paused = pauses.Of(here.Pool.Name(), j.Problem) != nil`, to: `_ = pauses`},
	}},
	{file: "shared/dispatch/claim.go", tests: []command{{pkg: "./shared/api", tests: "^TestPause$"}}, guards: []guard{
		{name: "pause: a claim", keeps: "S", from: `job.Needs{Paused: pause != nil}`, to: `job.Needs{}`},
	}},
	{file: "shared/dispatch/steer.go", tests: []command{{pkg: "./shared/dispatch", tests: "^Test(AnActIs|Retire$|WhatCannot)"}, {pkg: "./shared/api", tests: "^TestARunnerRetiresItself$"}}, guards: []guard{
		{name: "steer: what is not new is not written", keeps: "S", from: "if after == before {\n\t\t\treturn s, granted", to: "if false {\n\t\t\treturn s, granted"},
		{name: "steer: the runner is rung", keeps: "E", from: "\t\t\td.ringForAct(ctx, name)\n", to: ""},
		{name: "steer: the process goes by its own act", keeps: "E", from: `d.records.put(current.Name, readRecord{current, readAt})`, to: `_ = readAt`},
		{name: "retire: holds nothing", keeps: "I5", from: `len(s.Holds) == 0 && !s.More`, to: `!s.More`},
		{name: "retire: all was looked at", keeps: "I5", from: ` && !s.More`, to: ``},
		{name: "retire: no process goes by the state before", keeps: "I5", from: ` && after.MayRetire(o.At)`, to: ``},
		{name: "retire: its own word counts if it holds nothing", keeps: "I5", from: `len(s.Holds) == 0 && after.State`, to: `after.State`},
		{name: "holds: a lease that is over holds nothing", keeps: "I5", from: `j.LeaseExpired(now)`, to: `j.LeaseExpired(now - now)`},
		{name: "steer: what contradicts the state is refused", keeps: "S", from: `if !allowed {`, to: `if !allowed && name == "" {`},
		{name: "audit: an act on a runner", keeps: "S", from: `o.Entry(roster.RunnerTarget(after.Name), after.WriteID))`, to: `roster.Entry{WriteID: after.WriteID})`},
		{name: "holds: its own", keeps: "E", from: ` && j.Claim.Runner == runner`, to: ``},
	}},
	{file: "shared/dispatch/list.go", tests: []command{dispatch}, guards: []guard{
		{name: "starve: who only looks is shown one at a time", keeps: "E", from: `if probes || d.glimpses(runner.Runner) {`, to: `if probes {`},
		{name: "barred: is listed nothing", keeps: "S", from: `if runner.Barred != "" {`, to: `if false {`},
	}},
	{file: "shared/dispatch/explain.go", tests: []command{dispatch}, guards: []guard{
		{name: "explain: only waiting jobs are ahead", keeps: "E", from: `case other.Claimable(s.Now):`, to: `case true:`},
		{name: "explain: only older ones", keeps: "E", from: `other.QueuedAt < j.QueuedAt && `, to: ``},
		{name: "explain: busy with what was queued later", keeps: "E", from: `older+laterRead`, to: `older`},
		{name: "explain: it looks behind the jobs of other pools", keeps: "E", from: `read := 0; more && s.Ahead`, to: `read := 0; more && read == 0 && s.Ahead`},
		{name: "explain: it says that it has not seen all", keeps: "E", from: `s.More = true`, to: `_ = true`},
		{name: "explain: a runner with a free slot is not busy", keeps: "E", from: `held[r.Name] >= max(1, r.Slots)`, to: `held[r.Name] > 0`},
		{name: "explain: runners that were heard of late", keeps: "E", from: `if d.Present(r) {`, to: `if true {`},
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
		{name: "trap: the write comes before its ring", keeps: "I1", from: ringFirst, to: ringLast, tests: []command{dispatch, simulate, explore}, each: true},
		{name: "update: rings", keeps: "I1", from: `after.Bell != before.Bell`, to: `false`},
		{name: "update: no ring, no write", keeps: "I1", from: "\t\t\tif err := d.ringIn(ctx, *after, decision.group); err != nil {\n\t\t\t\treturn change{}, err\n\t\t\t}\n", to: "\t\t\t_ = d.ring(ctx, *after)\n"},
		{name: "update: a conflict does not ring the same bell twice", keeps: "E", from: `(after.Bell != rung || `, to: `(after.Bell+1 != rung || `},
		{name: "update: the version goes up", keeps: "I2", from: `before.Revision + 1`, to: `before.Revision`},
		{name: "update: a fresh write id", keeps: "I6", from: `d.writeID();`, to: `before.WriteID, nil;`},
		{name: "update: a conflict is no success", keeps: "I2", from: `case saved:`, to: `case saved || current.ID != "":`},
		{name: "update: decides again on what the other left", keeps: "I2", from: "\t\tbefore = current\n", to: "\t\t_ = current\n"},
		{name: "update: decides again at all", keeps: "I6", from: `for range 1 + maxConflicts {`, to: `for range 1 {`},
		{name: "update: gives up in the end", keeps: "E", from: `for range 1 +`, to: `for range 100 +`},
		{name: "update: expired under our hands", keeps: "I6", from: `case current.ID == "": // expired under our hands`, to: `case false:`},
		{name: "update: nothing to write, no write", keeps: "E", from: `!decision.write {`, to: `!decision.OK() {`},
		{name: "update: a late result is refused and written all the same", keeps: "I4", from: `!decision.write {`, to: `!decision.write || !decision.OK() {`},
		{name: "update: of an unknown job", keeps: "I6", from: `	if !found {`, to: `	if !found && id == "" {`},
		{name: "spent: a message that is not deleted fails nothing", keeps: "I6", from: `d.Log.WarnContext(ctx, "messages not deleted", "error", err)`, to: `panic(err)`},
		{name: "hide: a message that is not hidden fails nothing", keeps: "I6", from: `d.Log.WarnContext(ctx, "messages not hidden", "error", err)`, to: `panic(err)`},
	}},
	{file: "shared/dispatch/queues.go", tests: []command{dispatch}, guards: []guard{
		{name: "spent: nothing without a handle", keeps: "E", from: `if handle == "" {`, to: `if false {`},
		{name: "pools: jobs of a removed one are the default's", keeps: "I1", from: "\tif d.Queues.has(j.Pool) {\n", to: "\tif true {\n"},
		{name: "pools: each rings in its queue", keeps: "I1", from: `d.Queues[pool]; found {`, to: `d.Queues[pool]; found && q == nil {`},
		{name: "pools: a paused one is not received from", keeps: "E", from: `pool.Name())); p == nil {`, to: `pool.Name())); p == nil || true {`},
		{name: "pools: the order of a runner's is kept", keeps: "E", from: `list := slices.DeleteFunc(pools.List(), func(p job.Pool) bool { return !d.Queues.has(p) })`, to: `list := slices.Sorted(slices.Values(slices.DeleteFunc(pools.List(), func(p job.Pool) bool { return !d.Queues.has(p) })))`},
	}},
	{file: "shared/dispatch/claim.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "claim: no handle of an older bell", keeps: "I3", from: `o.job.Bell == j.Bell {`, to: `o.job.Bell <= j.Bell {`},
		{name: "claim: only the hash of its token is stored", keeps: "S", from: `auth.Hash(token)`, to: `token`},
		{name: "claim: the problem as it is now", keeps: "I4", from: `op.ProblemVersion = p.Version`, to: `op.ProblemVersion = 1`},
		{name: "claim: a problem that is published", keeps: "I4", from: `if !found || p.Version == 0 {`, to: `if !found {`},
		{name: "claim: no read of a problem for a job that is taken", keeps: "E", from: `tried.Outcome != job.OK {`, to: `tried.Outcome == job.NotFound {`},
	}},
	{file: "shared/dispatch/lease.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "lease: the least", keeps: "E", from: `*asked < b.Least || `, to: ``},
		{name: "lease: the longest", keeps: "I5", from: ` || *asked > b.Longest`, to: ``},
	}},
	{file: "shared/function/hold_pools.go", tests: []command{{pkg: "./shared/function", tests: "^TestAPoolWithMessagesIsHeld$"}}, guards: []guard{
		{name: "pools: one with messages is held", keeps: "I1", from: `if depth != (dispatch.Depth{}) {`, to: `if false {`},
		{name: "pools: hidden messages count", keeps: "I1", from: `if depth != (dispatch.Depth{}) {`, to: `if depth.Visible > 0 {`},
		{name: "pools: an uncounted one is held", keeps: "I1", from: `err != nil {`, to: `false {`},
	}},
	{file: "shared/dispatch/holder.go", tests: []command{dispatch}, guards: []guard{
		{name: "download: for the holder only", keeps: "S", from: `Answer{Outcome: j.HeldBy(runner, tokenHash)},`, to: `granted,`},
	}},
	{file: "shared/dispatch/versions.go", tests: []command{dispatch, wire}, guards: []guard{
		{name: "pools: a problem's is remembered for a minute at most", keeps: "E", from: `known && now.Sub(home.at) < homeKept`, to: `known`},
		{name: "create: a draft is not published", keeps: "I4", from: `case p.Version == 0:`, to: `case p.Version < 0:`},
	}},
	{file: "shared/dispatch/uploaded.go", tests: []command{dispatch}, guards: []guard{
		{name: "submit: the code is there", keeps: "I1", from: `case !exists:`, to: `case !exists && got.Size < 0:`},
		{name: "submit: the code is what was announced", keeps: "I1", from: `case got != want:`, to: `case got == want && false:`},
	}},
	{file: "shared/dispatch/complete.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "complete: deletes the message of a final job only", keeps: "I3", from: `if c.after.Final() {`, to: `if c.write {`},
		{name: "complete: deletes last", keeps: "I3", from: "\t}\n\treturn decided(op.Apply(j)), nil\n}", to: "\t}\n\tmade := decided(op.Apply(j))\n\tif made.after.Final() {\n\t\tc.d.deleteSpent(ctx, handles{{j.Pool, []string{j.Claim.Handle}}})\n\t}\n\treturn made, nil\n}"},
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
		{name: "complete: a late result stores no outputs", keeps: "I4", from: `standing.Outcome == job.OK && `, to: ``},
		{name: "complete: a repeated result stores no outputs", keeps: "E", from: `!standing.Accepted && `, to: ``},
		{name: "complete: a cancelled one stores no outputs", keeps: "E", from: ` && !j.CancelRequested {`, to: ` {`},
		{name: "complete: other outputs than announced", keeps: "I4", from: `if c.stored.mismatch {`, to: `if false {`},
		{name: "complete: judged by the pinned version", keeps: "I4", from: `standing.ProblemVersion)`, to: `max(1, standing.ProblemVersion-1))`},
		{name: "complete: its digest covers the cases", keeps: "I4", from: `}{cases, outputs})`, to: `}{nil, outputs})`},
		{name: "complete: its digest covers the outputs", keeps: "I4", from: `}{cases, outputs})`, to: `}{cases, job.Artifact{}})`},
	}},
	{file: "shared/dispatch/outputs.go", tests: []command{dispatch}, guards: []guard{
		{name: "outputs: uploads for the holder only", keeps: "S", from: `|| !answer.OK() `, to: ``},
		{name: "outputs: not beyond the bound", keeps: "S", from: `if a.Size > MaxOutputs {`, to: `if false {`},
		{name: "outputs: stored once, whatever the conflicts", keeps: "E", from: `if stored.attempt == s.Attempt {`, to: `if false {`},
		{name: "outputs: that are not there are missing", keeps: "I4", from: `return job.OutputsMissing, false`, to: `return outputsKey(c.r.ID, s, c.r.Outputs.SHA256), false`},
		{name: "outputs: that cannot be looked up are not missing", keeps: "I4", from: `up", "job_id", c.r.ID, "attempt", s.Attempt, "error", err)`, to: "up\", \"job_id\", c.r.ID, \"attempt\", s.Attempt, \"error\", err)\n\t\t\tkey = job.OutputsMissing"},
		{name: "outputs: that are not what was announced", keeps: "I4", from: `return key, found != c.r.Outputs`, to: `return key, found.Size < 0`},
		{name: "outputs: that cannot be stored are missing", keeps: "I4", from: `err = c.d.Objects.PutAhead`, to: `_ = c.d.Objects.PutAhead`},
		{name: "outputs: none make no object", keeps: "E", from: `	if noOutput(cases) {`, to: `	if false {`},
		{name: "outputs: small ones make no object", keeps: "E", from: `stored.packed != nil`, to: `false`},
		{name: "outputs: their zip is made when it is asked for", keeps: "I4", from: `return key, d.Objects.Put(ctx, key, body, a)`, to: `_, _ = body, a; return key, nil`},
		{name: "outputs: their zip is made once", keeps: "E", from: `err != nil || exists {`, to: `err != nil || exists && key == "" {`},
		{name: "outputs: a zip of the attempt that made them", keeps: "S", from: `j.Generation, Attempt: j.Result.Attempt}`, to: `j.Generation}`},
	}},
	{file: "shared/dispatch/pack.go", tests: []command{dispatch}, guards: []guard{
		{name: "pack: what is too long is not packed", keeps: "E", from: `if len(shortest) > MaxPacked {`, to: `if false {`},
		{name: "pack: what is far too long is not tried", keeps: "S", from: `size > maxPackable {`, to: `size < 0 {`},
		{name: "pack: squeezed if that is shorter", keeps: "E", from: `< len(plain)`, to: `< 0`},
		{name: "unpack: bounded", keeps: "S", from: `2*maxPackable`, to: `1<<40`},
		{name: "unpack: no text longer than what is there", keeps: "S", from: `n <= 0 || length > uint64(len(plain)-n) {`, to: `n <= 0 {`},
		{name: "unpack: nothing is left", keeps: "I4", from: `	if len(plain) > 0 {`, to: `	if false {`},
		{name: "unpack: known ways only", keeps: "I4", from: "\tdefault:\n\t\treturn errPacked\n", to: "\tdefault:\n"},
	}},
	{file: "shared/dispatch/keys.go", tests: []command{dispatch, wire}, guards: []guard{
		{name: "keys: outputs are of one attempt", keeps: "S", from: `s.Attempt, sha256`, to: `0, sha256`},
		{name: "keys: outputs are of one generation", keeps: "S", from: `s.Generation,`, to: `0,`},
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
		{name: "create: the code is stored", keeps: "I1", from: `:= d.storeCode(ctx, j, r.Inline, r.CodeInline); err `, to: ``},
		{name: "create: only of a published problem", keeps: "I4", from: `if err != nil || !answer.OK() {`, to: `if err != nil {`},
		{name: "create: looks before it rings", keeps: "E", from: "\t\tif found {\n\t\t\tif out := r.Repeats(there)", to: "\t\tif false {\n\t\t\tif out := r.Repeats(there)", also: []edit{{"\t\tif found {\n\t\t\tc, err :=", "\t\tif false && found {\n\t\t\tc, err :="}}},
		{name: "create: other content than what is there", keeps: "I6", from: `out.Outcome != job.OK || there.State != job.Created`, to: `there.State != job.Created && out.Outcome == job.OK`},
		{name: "create: queues what awaits its upload", keeps: "I1", from: `job.OK || there.State != job.Created || there.Language == job.Handwritten`, to: `"?" || there.ID == ""`},
		{name: "create: other content than what came meanwhile", keeps: "I6", from: `out.Outcome != job.OK {`, to: `out.Outcome == job.NotFound {`},
		{name: "create: queues what came meanwhile", keeps: "I1", from: `if r.Inline != nil && j.State == job.Created {`, to: `if false {`},
		{name: "create: an upload only while it is awaited", keeps: "S", from: `if r.Inline == nil && j.State == job.Created {`, to: `if r.Inline == nil {`},
	}},
	{file: "shared/dispatch/submit.go", tests: []command{dispatch}, guards: []guard{
		{name: "submit: the code is checked", keeps: "I1", from: `if j.State == job.Created {`, to: `if false {`},
		{name: "submit: checked once, its code may be gone later", keeps: "I6", from: `if j.State == job.Created {`, to: `if true {`},
	}},
	{file: "shared/dispatch/look.go", tests: []command{dispatch}, guards: []guard{
		{name: "publish: test data is kept before a version has it", keeps: "E", from: `d.Objects.Keep(ctx, key`, to: `true, error(nil`},
		{name: "publish: not of test data that has just gone", keeps: "E", from: `if err == nil && !kept {`, to: `if err == nil && !kept && false {`},
	}},
	{file: "shared/dispatch/heartbeat.go", tests: []command{dispatch, wire}, guards: []guard{
		{name: "heartbeat: moves the message too", keeps: "E", from: `c.write && c.after.Claim.Handle != "" {`, to: `false {`},
		{name: "heartbeat: hides only what it wrote", keeps: "I5", from: `c.write && c.after`, to: `c.after`},
		{name: "heartbeat: writes, then hides", keeps: "I1", from: `apply(op.Apply)`, to: "func(ctx context.Context, j job.Job) (decision, error) {\n\t\tmade := decided(op.Apply(j))\n\t\tif made.write {\n\t\t\t_ = d.Queue.Hide(ctx, []Hiding{{j.Claim.Handle, inSeconds(60)}})\n\t\t}\n\t\treturn made, nil\n\t}"},
		{name: "heartbeat: tells to stop", keeps: "I5", from: `if c.after.MustCancel(op.Now) {`, to: `if false {`},
	}},
	{file: "shared/dispatch/release.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "release: deletes the message of its own write only", keeps: "I3", from: `if c.write {`, to: `if true {`},
		{name: "release: deletes last", keeps: "I3", from: `apply(op.Apply)`, to: "func(ctx context.Context, j job.Job) (decision, error) {\n\t\tmade := decided(op.Apply(j))\n\t\tif made.write {\n\t\t\td.deleteSpent(ctx, handles{{j.Pool, []string{j.Claim.Handle}}})\n\t\t}\n\t\treturn made, nil\n\t}"},
		{name: "release: deletes at all", keeps: "E", from: `if c.write {`, to: `if false {`},
	}},
	{file: "shared/dispatch/download.go", tests: []command{dispatch}, guards: []guard{
		{name: "download: code for the holder only", keeps: "S", from: "|| !answer.OK() {\n\t\treturn Download{}, answer, err\n\t}\n\tif", to: "{\n\t\treturn Download{}, answer, err\n\t}\n\tif"},
		{name: "download: test data for the holder only", keeps: "S", from: "|| !answer.OK() {\n\t\treturn Download{}, answer, err\n\t}\n\tcontent,", to: "{\n\t\treturn Download{}, answer, err\n\t}\n\tcontent,"},
		{name: "download: test data of the pinned version", keeps: "I4", from: `j.Claim.ProblemVersion`, to: `j.Claim.ProblemVersion+1`},
		{name: "download: no outputs of what has no result", keeps: "S", from: `j.Result == nil ||`, to: `j.Result != nil &&`},
		{name: "download: no outputs that are missing", keeps: "I4", from: `!j.Result.HasOutputs()`, to: `j.Result.Outputs == "" && len(j.Result.Packed) == 0`},
	}},
	{file: "shared/dispatch/problem.go", tests: []command{dispatch}, guards: []guard{
		{name: "publish: test data is checked", keeps: "I4", from: `changed && (next.Current.Testdata != (job.Artifact{}) || next.Current.Rules.Checker.IsProgram()) {`, to: `changed && id < 0 {`},
		{name: "publish: a checker that is a program needs test data", keeps: "I4", from: ` || next.Current.Rules.Checker.IsProgram()) {`, to: `) {`, tests: []command{ruled}},
		{name: "publish: only what there is", keeps: "I6", from: `if p.Revision == 0 {`, to: `if false {`},
		{name: "publish: writes on the condition", keeps: "I2", from: `if err != nil || saved {`, to: `if err != nil || saved || current.ID != 0 {`},
		{name: "publish: decides again on what the other left", keeps: "I2", from: "\t\tbefore = current\n", to: "\t\t_ = current\n"},
		{name: "publish: the version of the item goes up", keeps: "I2", from: `before.Revision + 1`, to: `before.Revision`},
	}},
	{file: "shared/dispatch/receive.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "receive: not to a runner that gave it back a moment ago", keeps: "E", from: `case o.Why != "":`, to: `case o.Why == "never":`},
		{name: "receive: a job is offered once", keeps: "E", from: `case !offered[j.ID]:`, to: `case true:`},
		{name: "receive: deletes only after the end is written", keeps: "I3", from: `if d.end(ctx, j, now) {`, to: `if d.end(ctx, j, now) || true {`},
		{name: "receive: ends what is over", keeps: "I5", from: `if d.end(ctx, j, now) {`, to: `if false {`},
		{name: "receive: deletes only what its end made final", keeps: "I3", from: `return c.after.Final()`, to: `return c.after.ID != ""`},
		{name: "receive: deletes what is spent", keeps: "E", from: "\t\tcase job.Deleted:\n\t\t\tspent.add(seen.pool, m.Handle)\n", to: "\t\tcase job.Deleted:\n"},
		{name: "receive: hides what is under way", keeps: "E", from: "\t\tcase job.Hidden:\n\t\t\thidings = append(hidings, Hiding{m.Handle, handling.Hide})\n", to: "\t\tcase job.Hidden:\n"},
		{name: "receive: hides what it gives to a claim", keeps: "E", from: "\t\tcase job.Attached:\n\t\t\thidings = append(hidings, Hiding{m.Handle, handling.Hide})\n", to: "\t\tcase job.Attached:\n"},
		{name: "receive: gives the message to the claim", keeps: "E", from: "\t\t\td.attach(ctx, j, m, now)\n", to: ""},
	}},
	{file: "shared/dispatch/list.go", tests: []command{dispatch}, guards: []guard{
		{name: "list: oldest first", keeps: "E", from: `a.job.QueuedAt, b.job.QueuedAt`, to: `b.job.QueuedAt, a.job.QueuedAt`},
		{name: "list: what stands back goes back at once", keeps: "E", from: "\td.hide(ctx, seen.pool, hidings)\n", to: ""},
		{name: "list: what is listed stays hidden", keeps: "E", from: `	for i, o := range back {`, to: `	hidings = make([]Hiding, len(offers))
	for i, o := range offers {`},
	}},
	{file: "shared/dispatch/fair.go", tests: []command{dispatch}, guards: []guard{
		{name: "fair: a quiet job alone", keeps: "E", from: `return quiet[:1], append(others, quiet[1:]...)`, to: `return quiet, others`},
		{name: "fair: the oldest quiet one", keeps: "E", from: `return quiet[:1], append(others, quiet[1:]...)`, to: `return quiet[len(quiet)-1:], append(others, quiet[:len(quiet)-1]...)`},
		{name: "fair: without the others", keeps: "E", from: `return quiet[:1], append(others, quiet[1:]...)`, to: `return append(quiet[:1], others...), nil`},
		{name: "fair: few jobs are not noisy", keeps: "E", from: `noisyLeast = 30`, to: `noisyLeast = 3`},
		{name: "fair: no group is noisy beside others as large", keeps: "E", from: `noisyTimes*n.heard[group] <= n.most`, to: `n.heard[group] <= n.most`},
		{name: "fair: jobs without a group are not noisy", keeps: "E", from: `	if group == "" {`, to: `	if false {`},
		{name: "fair: noise fades", keeps: "E", from: `>= noiseFades`, to: `>= 100*noiseFades`},
		{name: "fair: the noisy group waits no more", keeps: "E", from: `> noisyWaits`, to: `> 100*noisyWaits`},
		{name: "fair: the noisy group waits still", keeps: "E", from: `> noisyWaits`, to: `> 0`},
		{name: "fair: a quiet job on top is no reason", keeps: "E", from: `case len(quiet) == 1 && n.quiet(group(offers[0])):`, to: `case false:`},
		{name: "fair: many quiet jobs are listed together", keeps: "E", from: `case quietMuch*n.calm > n.all:`, to: `case false:`},
		{name: "fair: many quiet jobs are listed without the others", keeps: "E", from: `return quiet, others`, to: `return offers, nil`},
		{name: "fair: a bounded memory", keeps: "S", from: `if len(n.heard) >= maxGroups {`, to: `if false {`},
	}},
	{file: "shared/dispatch/sweep.go", tests: []command{dispatch, simulate}, guards: []guard{
		{name: "sweep: ends what is over", keeps: "I5", from: `next, out := job.EndOp{Now: now}.Apply(j)`, to: `next, out := j, job.Decision{Outcome: job.OK}`},
		{name: "sweep: rings for what is lost", keeps: "I1", from: `if !out.Write {`, to: `if false {`},
		{name: "sweep: rings only with a silent queue", keeps: "E", from: `Silent: silent[j.Pool] || `, to: `Silent: true || `},
		{name: "sweep: a visible message is no silence", keeps: "E", from: `case depths[pool].Visible > 0:`, to: `case depths[pool].Visible < 0:`},
		{name: "sweep: silence begins with its first look", keeps: "I1", from: "\t\tcase since == 0:\n", to: "\t\tcase true:\n"},
		{name: "sweep: two looks, 30 s apart", keeps: "E", from: ` && now.Sub(since) >= silentFor`, to: ``},
		{name: "sweep: a passing message is looked at again", keeps: "I1", from: `looks := passingLooks`, to: `looks := passingLooks - passingLooks`},
		{name: "sweep: silence ends", keeps: "E", from: `if since != 0 && now.Sub`, to: `if now.Sub`},
		{name: "sweep: repairs the oldest", keeps: "I5", from: `ids, silent,`, to: `nil, silent,`},
		{name: "sweep: repairs the page behind the cursor", keeps: "I5", from: `page, silent,`, to: `page[:0], silent,`},
		{name: "sweep: the cursor moves", keeps: "I5", from: "\t\tnext.Cursor = cursor\n", to: ""},
		{name: "sweep: the cursor reaches every shard", keeps: "I5", from: `if cursor == "" {`, to: `if false {`},
		{name: "sweep: all shards", keeps: "I5", from: `for shard := range Shards {`, to: `for shard := range Shards - 1 {`},
		{name: "sweep: remembers where it stopped", keeps: "I5", from: `_, err = d.Store.SaveMark(ctx, mark, next)`, to: ``},
		{name: "sweep: the version of its mark goes up", keeps: "I2", from: "\tnext.Revision++\n", to: ""},
		{name: "sweep: nothing to do, no write", keeps: "E", from: `if next.Equal(mark) {`, to: `if false {`},
		{name: "sweep: one page while the queue is alive", keeps: "E", from: `len(silent) > 0:`, to: `true:`},
		{name: "sweep: more pages while it is silent", keeps: "I1", from: `len(silent) > 0:`, to: `false:`},
		{name: "sweep: deletes the message of what it ended", keeps: "E", from: "\t\t\td.deleteSpentBy(ctx, c)\n", to: ""},
		{name: "sweep: a job that cannot be written stops nothing", keeps: "I5", from: `swept.Failed++`, to: `return err`},
	}},
	{file: "shared/dispatch/visit.go", tests: []command{dispatch}, guards: []guard{
		{name: "doorbell: a ring for a pool that is not looked into is passed on", keeps: "I1", from: `if v.Rung && v.Benches != nil {`, to: `if v.Rung && v.Benches != nil && false {`},
		{name: "doorbell: the chain of a connection is noted", keeps: "I1", from: `l.Chain != v.chain.name {`, to: `l.Chain != v.chain.name && false {`},
		{name: "visit: looks again after sitting down", keeps: "I1", from: "\tif over, err := v.look(ctx); over {\n\t\treturn err\n\t}\n\tv.settle()", to: "\tv.settle()", tests: []command{{pkg: "./shared/testkit/sim", tests: "^TestWakeups$"}}},
		{name: "visit: a seat of no bench is none", keeps: "S", from: `>= doorbell.Benches {`, to: `>= 9*doorbell.Benches {`},
		{name: "visit: leaves the bench with a job", keeps: "I1", from: `v.chain.leave(ctx, v.seat)`, to: `_ = v.chain.leave`},
		{name: "visit: sits while it is on its bench", keeps: "E", from: "case there: // nothing", to: "case false && there: // nothing"},
		{name: "visit: who may not have a job passes the ring on", keeps: "I1", from: "\t\tv.ringRunner(ctx, pool)\n", to: ""},
		{name: "visit: a connection of another credential", keeps: "S", from: ` || l.Credential != v.Credential`, to: ``},
	}},
	{file: "shared/dispatch/chain.go", tests: []command{dispatch}, guards: []guard{
		{name: "doorbell: a chain of several pools stands beside that of each", keeps: "I1", from: `if len(c.pools) < 2 {`, to: `if len(c.pools) < 200 {`},
		{name: "doorbell: a chain beside without anybody is closed", keeps: "E", from: `err == nil && len(bench.Waiting) ==`, to: `false && err == nil && len(bench.Waiting) ==`},
		{name: "doorbell: chains do not hang on the order of pools", keeps: "I1", from: "\tslices.Sort(names)\n", to: "\t_ = slices.Sort[[]string]\n"},
	}},
	{file: "shared/dispatch/doorbell.go", tests: []command{dispatch}, guards: []guard{
		{name: "doorbell: a ring has a deadline", keeps: "E", from: "ringWithin)\n\tdefer cancel()\n\trung,", to: "time.Minute)\n\tdefer cancel()\n\trung,"},
		{name: "doorbell: of two that take a seat one rings it", keeps: "E", from: `rung.raced {`, to: `rung.raced && seat == 0 {`},
		{name: "doorbell: rung though the producer has left", keeps: "I1", from: "context.WithoutCancel(ctx), ringWithin)\n\tdefer cancel()\n\trung,", to: "ctx, ringWithin)\n\tdefer cancel()\n\trung,"},
		{name: "doorbell: a runner that is gone is forgotten", keeps: "E", from: `c.benches.Part(ctx, connection`, to: `0, error(nil`},
		{name: "doorbell: a closed chain is looked at again", keeps: "I1", from: `err = c.anyOf(ctx, more)`, to: `err = 0, doorbell.Bench{}, nil`},
		{name: "doorbell: a chain that is not empty is opened again", keeps: "I1", from: `err = c.reaches(ctx, more)`, to: `err = ctx.Err()`},
		{name: "doorbell: a bench is reachable before anybody waits there", keeps: "I1", from: "n == 0 {\n\t\treturn", to: "n >= 0 {\n\t\treturn"},
		{name: "doorbell: a sweep rings a bounded number", keeps: "E", from: `rings := min(visible, sweepRings)`, to: `rings := visible`},
		{name: "doorbell: a runner has one connection", keeps: "S", from: `d.Posts.Close(ctx, before.Connection`, to: `ctx.Err(`},
		{name: "doorbell: who hangs up leaves its seat", keeps: "E", from: `d.forget(ctx, l)`, to: `nil`},
		{name: "doorbell: a ring that died with its connection is passed on", keeps: "I1", from: `if forgotten && c.Now()`, to: `if forgotten && l.Runner == "" && c.Now()`},
		{name: "doorbell: after a gone runner another is rung", keeps: "I1", from: "\t\tif !gone {\n", to: "\t\tif gone || !gone {\n"},
		{name: "doorbell: whose bench others took looks at another", keeps: "I1", from: `!rung.raced && !rung.gone {`, to: `!rung.gone {`},
		{name: "doorbell: ghosts hide no runner", keeps: "I1", from: `!rung.raced && !rung.gone {`, to: `!rung.raced {`},
		{name: "doorbell: of rings in numbers some are followed by one more", keeps: "E", from: `rung.oneMore {`, to: `rung.oneMore && false {`},
		{name: "doorbell: a lone ring is not followed", keeps: "E", from: `rung.oneMore`, to: `rung.done`},
		{name: "doorbell: a swallowed ring is passed on", keeps: "I1", from: `if err == nil && !left {`, to: `if err == nil && !left && false {`},
		{name: "doorbell: a chain without anybody is closed", keeps: "E", from: `c.benches.Chain(ctx, more, 0`, to: `false, error(nil`},
		{name: "doorbell: the sweep rings again who waits on chains beside", keeps: "I1", from: `first.Beside))`, to: `first.Beside))[:0]`},
		{name: "doorbell: the sweep rings again who was not heard of", keeps: "I1", from: `bench.Unheard(c.Now()`, to: `bench.Unheard(time.Time{}`},
		{name: "doorbell: the seat of a replaced connection", keeps: "I1", from: "\treturn d.forget(ctx, before)\n", to: "\treturn nil\n"},
	}},
	{file: "shared/memory/benches.go", tests: []command{{pkg: "./shared/memory", tests: "^TestBenchesConform$"}}, guards: []guard{
		{name: "doorbell: memory, a seat is taken once", keeps: "E", from: `|| at.Waiting[connection] != seat `, to: ``},
		{name: "doorbell: memory, a ring is changed only by its reader", keeps: "E", from: `!known || at != was {`, to: `!known || at != was && at == 0 {`},
		{name: "doorbell: memory, a bench is bounded", keeps: "E", from: `>= doorbell.Seats`, to: `< 0`},
		{name: "doorbell: memory, a chain is changed only by its reader", keeps: "I1", from: `if b.benches[0].More != was {`, to: `if false {`},
		{name: "doorbell: memory, so are chains beside", keeps: "I1", from: `if !maps.Equal(b.benches[0].Beside, was) {`, to: `if false {`},
	}},
	{file: "shared/dynamo/benches.go", tests: []command{{pkg: "./shared/dynamo", tests: "^(TestBenchesConform|TestASeatThatOurLostReplyTook)$"}}, guards: []guard{
		{name: "doorbell: dynamo, a seat is taken once", keeps: "E", from: `"w.#c = :seat", names`, to: `"attribute_exists(w.#c) OR w.#c = :seat", names`},
		{name: "doorbell: dynamo, a seat that our own write took", keeps: "I1", from: `if !taken && rungAt != 0`, to: `if taken && rungAt != 0`},
		{name: "doorbell: dynamo, another's ring of the same millisecond", keeps: "I1", from: ` && len(now.Waiting) == 0 {`, to: ` {`},
		{name: "doorbell: dynamo, a ring is changed only by its reader", keeps: "E", from: `"r.#c = :was", names`, to: `"attribute_exists(r.#c) OR r.#c = :was", names`},
		{name: "doorbell: dynamo, a bench is bounded", keeps: "E", from: `size(w) < :seats OR `, to: `size(w) < :seats OR attribute_exists(w) OR `},
		{name: "doorbell: dynamo, a chain is changed only by its reader", keeps: "I1", from: `condition := "m = :was"`, to: `condition := "attribute_exists(m) OR m = :was"`},
		{name: "doorbell: dynamo, so are chains beside", keeps: "I1", from: `condition := "b = :was"`, to: `condition := "attribute_exists(b) OR b = :was"`},
		{name: "doorbell: dynamo, a late handshake replaces no later one", keeps: "I1", from: `t) OR t <= :t`, to: `t) OR :t = :t`},
		{name: "doorbell: dynamo, the end of an older connection", keeps: "I1", from: `name := "#c =`, to: `name := "attribute_exists(#c) OR #c =`},
	}},
	{file: "shared/connections/connections.go", tests: []command{{pkg: "./shared/connections", tests: "."}}, guards: []guard{
		{name: "doorbell: a post is signed for its path", keeps: "S", from: `strings.ReplaceAll(url.PathEscape(connection), "=", "%3D")`, to: `connection`},
		{name: "doorbell: a post ends with its deadline", keeps: "E", from: `http.NewRequestWithContext(ctx, `, to: `http.NewRequestWithContext(context.WithoutCancel(ctx), `},
		{name: "doorbell: a connection of a frozen function", keeps: "E", from: `r.Header["Idempotency-Key"] = nil`, to: `_ = r.Header`},
		{name: "doorbell: 410 is gone", keeps: "I1", from: `reply.StatusCode == http.StatusGone, `, to: ``},
		{name: "doorbell: 429 is not gone", keeps: "E", from: `http.StatusGone,`, to: `http.StatusTooManyRequests, reply.StatusCode == http.StatusGone,`},
		{name: "doorbell: an error of a post tells no secret", keeps: "S", from: `%d", reply.StatusCode`, to: `%d to %v", reply.StatusCode, r.Header`},
	}},
	{file: "shared/dynamo/lines.go", tests: []command{{pkg: "./shared/dynamo", tests: "^TestConnectionsAreCounted$"}}, guards: []guard{
		{name: "doorbell: connections are bounded", keeps: "S", from: `n <= :room`, to: `n <= :room OR attribute_exists(n)`},
		{name: "doorbell: an end that was lost is not counted for ever", keeps: "E", from: `if !over || !again {`, to: `if over || !over || !again {`},
		{name: "doorbell: an end is counted", keeps: "E", from: `"ADD n :less, #slot :less"`, to: `"ADD #slot :less"`},
	}},
	{file: "shared/function/doorbell.go", tests: []command{{pkg: "./shared/function", tests: "^TestDoorbell"}}, guards: []guard{
		{name: "doorbell: a connection that is not noted is not opened", keeps: "I1", from: "\t\tw.WriteHeader(http.StatusServiceUnavailable)\n", to: ""},
		{name: "doorbell: a connection is noted by its id", keeps: "I1", from: `l.Connection = apigw.ConnectionID(r)`, to: `_ = apigw.ConnectionID`},
	}},
	{file: "shared/apigw/websocket.go", tests: []command{{pkg: "./shared/function", tests: "^TestDoorbell"}}, guards: []guard{
		{name: "doorbell: each function takes its own event", keeps: "S", from: ` || e.RequestContext.EventType != kind`, to: ``},
	}},
	{file: "infra/local/server.go", tests: []command{{pkg: "./infra/local", tests: "^TestAFirstStartThatIsKilled$"}}, guards: []guard{
		{name: "tokens: shown before they are good", keeps: "E", from: "\tif err := show(runner, producer); err", to: "\tif err := s.credentials.PutNew(ctx, ofRunner, ofProducer); err != nil {\n\t\treturn err\n\t}\n\tif err := show(runner, producer); err"},
	}},
	{file: "infra/local/doorway.go", tests: []command{{pkg: "./infra/local", tests: "^TestARingIntoTheVoid$"}}, guards: []guard{
		{name: "doorbell: a line that is not read delays no hand-in", keeps: "E", from: `context.WithTimeout(ctx, postWithin`, to: `context.WithCancel(ctx`},
		{name: "doorbell: what is no handshake takes no runner's line", keeps: "E", from: `r.Header.Get("Sec-WebSocket-Key") == ""`, to: `r == nil`, tests: []command{{pkg: "./infra/local", tests: "^TestDoorbell$"}}},
		{name: "doorbell: a line that is dead is found by a ping", keeps: "I1", from: `err := socket.Ping(ping)`, to: `err := ping.Err()`},
		{name: "doorbell: a line that there is not is gone", keeps: "I1", from: "\tif !known {\n\t\treturn true, nil\n", to: "\tif !known {\n\t\treturn false, nil\n"},
	}},
	{file: "shared/dispatch/sync.go", tests: []command{dispatch}, guards: []guard{
		{name: "sync: a message is given back when its claim is lost", keeps: "E", from: `back = append(back, Hiding{o.handle, listHide})`, to: `_ = back`},
		{name: "sync: deletes messages after the last write", keeps: "I3", from: "\td.deleteSpent(ctx, spent)\n", to: "\t_ = spent\n"},
		{name: "sync: hides messages of leases", keeps: "E", from: "\td.hideAll(ctx, hidings)\n", to: "\t_ = hidings\n"},
		{name: "sync: a failed result is said to have failed", keeps: "I6", from: `answer = Answer{Outcome: ItemFailed}`, to: `answer = granted`},
		{name: "sync: what a call wrote is what its next item meets", keeps: "E", from: `jobs[id] = c.after`, to: `_ = c.after`},
		{name: "sync: the results are of the runner that asks", keeps: "S", from: "\t\tdone.Runner = r.Runner\n", to: ""},
		{name: "sync: a lost lease is told", keeps: "I2", from: `action = ActionLost`, to: `action = ActionContinue`},
	}},
}
