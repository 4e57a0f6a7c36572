package measure

import (
	"fmt"

	"runlease/shared/bill"
	"runlease/shared/dispatch"
	"runlease/shared/testkit/figure"
)

// saturationJobs is how many jobs the figures of a job are taken over.
const saturationJobs = 100

// JobFigures is what a job costs in calls and units, create, claim, complete
// and messages included. The producer's reading of the verdict is not; it has
// its own lines.
func JobFigures(t T) []figure.Figure {
	one, four, compat := SaturateSync(t, saturationJobs, 1), SaturateSync(t, saturationJobs, 4), SaturateCompat(t, saturationJobs)
	calls := func(r bill.Request) float64 { return float64(r.APICalls) }
	writes := func(r bill.Request) float64 { return r.WriteUnits }
	reads := func(r bill.Request) float64 { return r.ReadUnits }
	of := func(prefix string) func(bill.Request) float64 {
		return func(r bill.Request) float64 { return float64(Count(r, prefix)) }
	}
	jobs := float64(saturationJobs)
	rows := rowsByName(t)
	compatCalls := compat.PerJob(calls) + calls(compat.Verdict)/jobs
	return []figure.Figure{
		figure.AtMost("sync_api_calls_per_job", calls(one.Work)/jobs, "calls of the runner", 1.05),
		figure.Stated("sync_api_calls_per_job_4_slots", calls(four.Work)/jobs, "calls of the runner, if four jobs end together"),
		figure.AtMost("compat_api_calls_per_job", compatCalls, "calls, with a heartbeat, create and verdict", 8),
		figure.AtMost("sync_write_units_per_job", one.PerJob(writes), "write units", 8),
		figure.AtMost("sync_read_units_per_job", one.PerJob(reads), "read units", 5),
		figure.Stated("compat_write_units_per_job", compat.PerJob(writes), "write units"),
		figure.Stated("compat_read_units_per_job", compat.PerJob(reads), "read units"),
		figure.Stated("verdict_read_units_per_job", reads(one.Verdict)/jobs, "read units"),
		figure.Stated("sync_sqs_requests_per_job", one.PerJob(of("sqs ")), "requests to SQS"),
		figure.Stated("sync_sqs_requests_per_job_4_slots", four.PerJob(of("sqs ")), "requests to SQS, if four jobs end together"),
		figure.AtMost("code_puts_per_job", of("s3 PutObject")(one.Create)/jobs, "PUTs", 0),
		figure.AtMost("s3_requests_of_cached_test_data", of("s3 Get")(one.Work)+of("s3 Head")(one.Work), "requests by functions", 0),
		figure.AtMost("s3_requests_per_job", of("s3 ")(one.Create)/jobs+of("s3 ")(one.Work)/jobs, "requests", 0),
		figure.AtMost("bad_token_aws_calls", most(rows, "", "any route, malformed token", "any route, mistyped token"), "requests to AWS", 0),
		figure.AtMost("empty_poll_sqs_requests", most(rows, "sqs ", "list-jobs, nothing there", "sync, nothing there"), "requests to SQS", 2),
		figure.AtMost("empty_poll_dynamodb_requests", most(rows, "dynamodb ", "list-jobs, nothing there", "sync, nothing there"), "requests to DynamoDB", 0),
		figure.AtMost("heartbeat_write_units", max(rows["heartbeat"].WriteUnits, rows["sync, one heartbeat"].WriteUnits), "write units", 1),
		figure.AtMost("heartbeat_read_units", max(rows["heartbeat"].ReadUnits, rows["sync, one heartbeat"].ReadUnits), "read units", 1),
		figure.AtMost("heartbeat_sqs_requests", most(rows, "sqs ", "heartbeat", "sync, one heartbeat"), "requests to SQS", 1),
	}
}

func rowsByName(t T) map[string]bill.Request {
	rows := map[string]bill.Request{}
	for _, r := range Requests(t) {
		rows[r.Name] = r
	}
	return rows
}

// most is the largest count of requests to a service in rows.
func most(rows map[string]bill.Request, prefix string, names ...string) float64 {
	n := 0
	for _, name := range names {
		n = max(n, Count(rows[name], prefix))
	}
	return float64(n)
}

// ShapeFigures is what a look costs with few and with many jobs there.
func ShapeFigures(t T) []figure.Figure {
	units := func(r bill.Request) float64 { return r.ReadUnits + r.WriteUnits }
	looks := []struct {
		name string
		Backlog
	}{
		{"10", Backlog{Waiting: 10}},
		{"1000", Backlog{Waiting: 1_000}},
		{"100000", Backlog{Waiting: 100_000}},
		{"1000000", Backlog{Waiting: 1_000_000}},
		{"100000_in_flight", Backlog{Waiting: 1_000, InFlight: 100_000}},
	}
	looked := make([]Looked, len(looks))
	for i, l := range looks {
		looked[i] = l.Look(t)
	}
	var figures []figure.Figure
	add := func(kind string, base Looked, of func(Looked) bill.Request) {
		for i, l := range looks {
			figures = append(figures, figure.AtMost(fmt.Sprintf("%s_units_%s", kind, l.name), units(of(looked[i])), "units", units(of(base))))
		}
	}
	add("list", looked[0], func(l Looked) bill.Request { return l.List })
	add("sync", looked[0], func(l Looked) bill.Request { return l.Sync })
	// A sweep looks at up to 180 jobs; fewer cost less.
	add("sweep", looked[1], func(l Looked) bill.Request { return l.Sweep })
	return figures
}

// What a million jobs of 8 s may cost, with code of 465 bytes kept as long as its job,
// 100 bytes of packed outputs, storage, the read of a bench, the write of the feed, and
// their verdicts announced at the first try; and an unused deployment. What the
// operator sees of the fleet has a limit for itself, and is in no other.
const (
	smallOutputs    = 100 // bytes, packed
	syncDollars     = 13.00
	compatDollars   = 21.00
	operatorDollars = 1.00
	devDollars      = 0.15
)

// DollarFigures is what a million jobs of 8 s cost, by part. What idle runners
// and the deployment cost is not in it.
func DollarFigures(t T) []figure.Figure {
	prices, err := bill.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	const million = 1e6
	load := func(flow bill.Flow) bill.Load {
		return bill.Load{Flow: flow, Jobs: million, Seconds: jobTime.Seconds(), Outputs: smallOutputs, Code: bill.CodeBytes, Doorbell: true}
	}
	costOf := func(load bill.Load, parts ...bill.Part) float64 {
		c, err := bill.Cost(load)
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for _, part := range parts {
			_, dollars := prices.Bill(c.Parts[part])
			total += dollars
		}
		return total
	}
	cost := func(flow bill.Flow, parts ...bill.Part) float64 { return costOf(load(flow), parts...) }
	large := load(bill.Sync)
	large.Outputs = dispatch.MaxPacked + 1
	own := []bill.Part{bill.Create, bill.Work, bill.Outputs, bill.Storage}
	const unit = "dollars"
	// beside is what the parts do not have.
	beside := func(load bill.Load, of func(bill.Costs) []bill.Units) (total float64) {
		c, err := bill.Cost(load)
		if err != nil {
			t.Fatal(err)
		}
		for _, units := range of(c) {
			_, dollars := prices.Bill(units)
			total += dollars
		}
		return total
	}
	// A backend that is told of verdicts does not read them.
	told := func(flow bill.Flow) float64 {
		return cost(flow, own...) + beside(load(flow), func(c bill.Costs) []bill.Units { return []bill.Units{c.Announce} })
	}
	both := func(flow bill.Flow) float64 { return told(flow) + cost(flow, bill.Verdict, bill.Operator) }
	out := func(flow bill.Flow) float64 {
		return beside(load(flow), func(c bill.Costs) []bill.Units { return []bill.Units{c.Out} })
	}
	kilobyte := load(bill.Sync)
	kilobyte.Code = 1 << 10
	standing := func(c bill.Costs) []bill.Units { return []bill.Units{c.Standing} }
	figures := []figure.Figure{
		figure.AtMost("sync_dollars_per_million_jobs", told(bill.Sync), unit, syncDollars),
		figure.AtMost("compat_dollars_per_million_jobs", told(bill.Compat), unit, compatDollars),
		figure.AtMost("records_and_metrics_dollars_per_million_jobs", max(cost(bill.Sync, bill.Operator), cost(bill.Compat, bill.Operator)), unit, operatorDollars),
		figure.Stated("sync_dollars_per_million_jobs_announced_with_records", told(bill.Sync)+cost(bill.Sync, bill.Operator), unit),
		figure.Stated("compat_dollars_per_million_jobs_announced_with_records", told(bill.Compat)+cost(bill.Compat, bill.Operator), unit),
		figure.Stated("sync_dollars_per_million_jobs_verdicts_read", cost(bill.Sync, append(own, bill.Verdict)...), unit),
		figure.Stated("compat_dollars_per_million_jobs_verdicts_read", cost(bill.Compat, append(own, bill.Verdict)...), unit),
		figure.Stated("sync_dollars_per_million_jobs_with_everything", both(bill.Sync), unit),
		figure.Stated("compat_dollars_per_million_jobs_with_everything", both(bill.Compat), unit),
		figure.Stated("sync_dollars_per_million_jobs_1_kb_code", costOf(kilobyte, own...), unit),
		figure.Stated("sync_dollars_data_out", out(bill.Sync), unit),
		figure.Stated("compat_dollars_data_out", out(bill.Compat), unit),
		figure.AtMost("deployment_dollars_dev", beside(bill.Load{Flow: bill.Sync, Dev: true}, standing), "dollars a month", devDollars),
		figure.Stated("deployment_dollars_prod", beside(bill.Load{Flow: bill.Sync}, standing), "dollars a month"),
		figure.Stated("sync_dollars_per_million_jobs_large_outputs", costOf(large, own...), unit),
	}
	for _, part := range bill.Parts() {
		figures = append(figures,
			figure.Stated("sync_dollars_"+string(part), cost(bill.Sync, part), unit),
			figure.Stated("compat_dollars_"+string(part), cost(bill.Compat, part), unit))
	}
	waiting, err := bill.Cost(bill.Load{Flow: bill.Sync, Runners: 20, Doorbell: true})
	if err != nil {
		t.Fatal(err)
	}
	_, idle := prices.Bill(waiting.Idle)
	figures = append(figures, figure.AtMost("idle_dollars_20_runners", idle, "dollars a month, runners that hear the doorbell", 1.50))
	// Records of runners, by the flow that needs more.
	records := func(load bill.Load, of func(bill.Costs) bill.Units) float64 {
		compat := load
		load.Flow, compat.Flow = bill.Sync, bill.Compat
		one := func(c bill.Costs) []bill.Units { return []bill.Units{of(c)} }
		return max(beside(load, one), beside(compat, one))
	}
	figures = append(figures,
		figure.AtMost("bad_ends_dollars_per_million_jobs", million/100*records(bill.Load{Seconds: jobTime.Seconds()}, func(c bill.Costs) bill.Units { return c.BadEnd }), unit+", if one attempt in a hundred ends badly", 0.30),
		figure.AtMost("own_metrics_dollars", beside(bill.Load{Flow: bill.Sync}, func(c bill.Costs) []bill.Units {
			return []bill.Units{{"cloudwatch.metrics": c.Standing["cloudwatch.metrics"]}}
		}), "dollars a month", 4.50),
		figure.AtMost("records_dollars_20_idle_runners", records(bill.Load{Runners: 20}, func(c bill.Costs) bill.Units { return c.IdleRecords }), "dollars a month, runners that poll", 0.60))
	for i := range figures {
		figures[i] = figures[i].Rounded(2)
	}
	return figures
}
