package main

// measuring is what operators see, and what it costs.
var measuring = []source{
	{file: "shared/dispatch/meter.go", tests: []command{{pkg: "./shared/dispatch", tests: "Measured"}}, guards: []guard{
		{name: "measure-lost", keeps: "S", from: `job.HowLost {`, to: `job.HowReleased {`},
		{name: "measure-verdict-of-finished", keeps: "S", from: `== job.Finished`, to: `!= job.Claimed`},
		{name: "measure-known-run-time", keeps: "S", from: "if j.Result.RunTime >= 0 {", to: "if j.Result.RunTime >= -1 {"},
		{name: "measure-claims-alone", keeps: "S", from: `job.Claimed && after.Attempt > before.Attempt`, to: `job.Claimed`},
	}},
	{file: "shared/trace/trace.go", tests: []command{{pkg: "./shared/trace", tests: "."}}, guards: []guard{
		{name: "trace-digits-alone", keeps: "S", from: `if strings.Trim(part, "0123456789abcdef") != "" {`, to: `if part == "" {`},
		{name: "trace-ends", keeps: "S", from: `len(value) > length && (value[:2] == "00" || value[length] != '-')`, to: "false"},
		{name: "trace-none", keeps: "S", from: `|| strings.Trim(trace, "0") == ""`, to: ""},
	}},
	{file: "shared/api/requestid.go", tests: []command{{pkg: "./shared/api", tests: "^Test(Trace|Log)$"}}, guards: []guard{
		{name: "trace-once", keeps: "S", from: "len(said) == 1", to: "len(said) >= 1"},
		{name: "request-once-in-a-line", keeps: "S", from: `lines); are {`, to: `lines); !are && next == nil {`},
	}},
	{file: "shared/runner/sync_reply.go", tests: []command{{pkg: "./shared/runner", tests: "^TestBarred$"}}, guards: []guard{
		{name: "barred: told once", keeps: "E", from: "	if why == s.barred {\n		return\n	}\n", to: ""},
		{name: "barred: a retired runner takes no more", keeps: "E", from: "		s.r.takeNoMore()\n", to: ""},
		{name: "barred: a retired runner ends", keeps: "E", from: "		close(s.r.retired)\n", to: ""},
	}},
	{file: "shared/runner/runner.go", tests: []command{{pkg: "./shared/runner", tests: "^Test(Leave|IdleExit)$"}}, guards: []guard{
		{name: "leave-takes-nothing", keeps: "S", from: "	if r.leaving {\n		return 0", to: "	if r.leaving && r.taken < 0 {\n		return 0"},
		{name: "leave-in-time", keeps: "S", from: "	if !by.IsZero() {", to: "	if by.Year() > 9999 {"},
		{name: "leave-waits-for-jobs", keeps: "S", from: `== 0 && r.taken ==`, to: `>=`},
		{name: "retire-if-told", keeps: "S", from: "r.Retire && (errors.Is", to: "(errors.Is"},
	}},
	{file: "shared/runner/spot/spot.go", tests: []command{{pkg: "./shared/runner/spot", tests: "."}}, guards: []guard{
		{name: "spot-none-is-none", keeps: "S", from: `http.StatusNotFound`, to: `http.StatusTeapot`},
		{name: "spot-terminated-alone", keeps: "S", from: `== "Terminated"`, to: `!= ""`},
		{name: "spot-warns-once", keeps: "S", from: "case err != nil && !away:", to: "case err != nil && (away || !away):"},
	}},
	{file: "shared/dispatch/heard.go", tests: []command{{pkg: "./shared/dispatch", tests: "^TestABrokenRunnerIsQuarantined$"}}, guards: []guard{
		{name: "measure-quarantine-once", keeps: "S", from: `roster.Quarantined && before.State != after.State`, to: `roster.Quarantined`},
	}},
	{file: "shared/job/job.go", tests: []command{{pkg: "./shared/dispatch", tests: "Measured"}}, guards: []guard{
		{name: "wait-since-given-back", keeps: "S", from: `j.Past[n-1].EndedAt`, to: `0*j.Past[n-1].EndedAt`},
		{name: "wait-since-lease", keeps: "S", from: "j.Claim.LeaseExpiresAt\n\t}", to: "j.Claim.ClaimedAt\n\t}"},
	}},
	{file: "shared/cloudwatch/cloudwatch.go", tests: []command{{pkg: "./shared/cloudwatch", tests: "."}}, guards: []guard{
		{name: "waits: CloudWatch is asked once a minute", keeps: "E", from: `now.Sub(w.asked) >= remembered || `, to: `true || `},
		{name: "waits: of each pool", keeps: "E", from: `if pool != "" {`, to: `if false {`},
	}},
	{file: "shared/function/metrics.go", tests: []command{{pkg: "./shared/function", tests: "Metrics|Sweep"}}, guards: []guard{
		{name: "metrics-off", keeps: "E", from: "!m.Quiet && ", to: ""},
		{name: "metrics-add-up", keeps: "S", from: `of.Name(), sum`, to: `of.Name(), all[0]`},
		{name: "metrics-hundred-values", keeps: "S", from: "min(len(all), maxValues)", to: "len(all)"},
		{name: "metrics-of-the-line", keeps: "S", from: "if on.set&(1<<of) != 0 {", to: "if on.set != 0 {"},
		{name: "metrics-pool-by-pool", keeps: "S", from: "if !of.Pooled() {", to: "if of == deployment.OldestOpenJob {", tests: []command{{pkg: "./shared/function", tests: "Pools"}}},
	}},
}
