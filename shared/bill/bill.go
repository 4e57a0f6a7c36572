package bill

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// Units is how much of everything that has a price, by its name in prices.json.
type Units map[string]float64

// Add adds n times other.
func (u Units) Add(n float64, other Units) {
	for name, units := range other {
		u[name] += n * units
	}
}

// Line is one line of a bill.
type Line struct {
	Name           string // in prices.json
	Units, Dollars float64
}

// Bill is what units cost, in a fixed order; what is not used is left out.
func (p Prices) Bill(u Units) (lines []Line, total float64) {
	for _, name := range counted {
		if u[name] != 0 {
			line := Line{name, u[name], p.dollars(name, u[name])}
			lines = append(lines, line)
			total += line.Dollars
		}
	}
	return lines, total
}

// Flow is how runners talk to the API.
type Flow string

// The flows.
const (
	Compat Flow = "compat" // a route for each step, as existing clients do
	Sync   Flow = "sync"
)

// What can only be counted once it is deployed. It is assumed, and the output says so.
const (
	// functionSeconds is how long a function is billed for a request: a few
	// calls to AWS, 5 to 10 ms each, one after another. Cold starts are left out:
	// they are rare where there is traffic that costs anything.
	functionSeconds = 0.030
	sweepSeconds    = 0.100
	drainSeconds    = 0.010 // to look for announcements that failed
	// logBytes of a request: the function's line, and as much in the access log of
	// a deployment that has one. They are kept for logMonths.
	logBytes  = 450
	logMonths = 3
	// replyBytes of a request leave AWS, its headers included.
	replyBytes = 800
	// To announce a final job: a function that sends a body of announceBytes, and
	// waits for the answer. It logs failures alone. Estimated, until it is measured.
	announceSeconds, announceBytes = 0.100, 1200
	// sweepLogBytes: its line, with its metrics.
	sweepLogBytes = 500
)

// CodeBytes is the zip of a submission: the median of 272 real ones.
const CodeBytes = 465

// gb is the memory of a function.
func gb(function string) float64 { return float64(deployment.SizeOf(function).MemoryMB) / 1024 }

// functionGB is the memory of most functions; those of a job's main path have more.
var functionGB = gb("get-job")

// more are the GB-seconds that a request takes beyond those of most functions.
func more(function string) float64 { return functionSeconds * (gb(function) - functionGB) }

// JobBytes is the item of a final job of 20 cases without their outputs, as
// package measure finds it.
const JobBytes = 734

// EndedBytes is the entry of a final job in the index, as package measure finds it.
const EndedBytes = 53

// FinalBytes is its entry in the index of final jobs by problem.
const FinalBytes = 77

// finalWrites are the write units of that entry: of those of a result, one.
const finalWrites = 1

// CodeItemBytes is the item of short code, of a job with an id of 24 characters,
// beside the zip, as package measure finds it.
const CodeItemBytes = 53

// Of DynamoDB, in bytes: what storage adds to every item, and the write unit.
const itemOverhead, writeUnit = 100, 1024

// What the stack is made of, for as long as it stands.
const (
	alarmMetrics = 54
	poolAlarms   = 2 // of each pool beside the default one
	dashboards   = 1
)

// How long things are kept, in months.
const (
	jobMonths    = float64(job.KeepFinal) / float64(Month)
	outputMonths = float64(deployment.ResultsKept) / float64(Month)
	codeMonths   = float64(deployment.CodeKept) / float64(Month)
	shortMonths  = float64(dispatch.CodeKept) / float64(Month)
	monthDays    = 365.0 / 12
	// Month is the month of a bill: a twelfth of a year.
	Month    = time.Duration(monthDays * 24 * float64(time.Hour))
	gigabyte = float64(1 << 30) // not whole: bytes of one request are a part of one
)

// heartbeatEvery is how often a holder is heard: existing clients send one a
// minute; our runner asks for a lease of a minute and is told 20 s.
var heartbeatEvery = map[Flow]float64{Compat: 60, Sync: 20}

// metricBytes are what the lines of a job's claim and result have for CloudWatch's
// metrics; by sync they are one line.
var metricBytes = map[Flow]float64{Compat: 540, Sync: 410}

// Load is a month of a deployment.
type Load struct {
	Flow    Flow
	REST    bool    // a REST API; else an HTTP API
	Jobs    float64 // in the month
	Seconds float64 // that a job takes its runner
	Runners float64 // that are connected all the time
	Outputs float64 // bytes of a job's outputs, packed; beyond dispatch.MaxPacked they are an object
	Code    float64 // bytes of a job's code, as a zip; beyond dispatch.MaxCodeInline it is an object
	// Fetched are the bytes of test data that a job makes its runner get: 0 while it
	// has them already.
	Fetched float64
	// AccessLog: API Gateway writes a line beside the function's. Dev: no alarms,
	// dashboard and metrics.
	AccessLog, Dev bool
	// Poll is how often an idle runner asks, in seconds; 0: as the server says.
	Poll float64
	// Doorbell: runners by sync hear of jobs, and poll seldom while they wait. Jobs
	// find a busy fleet, so none of them rings a runner.
	Doorbell bool
	// Pools of the deployment; beyond one, some metrics have a value for each,
	// and alarms.
	Pools float64
}

// metrics counts the deployment's own.
func (l Load) metrics() float64 {
	n := 0.0
	for _, m := range deployment.Metrics() {
		n++
		if m.Pooled() && l.Pools > 1 {
			n += l.Pools
		}
	}
	return n
}

// hears reports whether runners wait for a ring.
func (l Load) hears() bool { return l.Doorbell && l.Flow == Sync }

// Costs are those of a month, by cause.
type Costs struct {
	// Heartbeats that one job sends.
	Heartbeats float64
	// Job is what one job takes, its heartbeats included.
	Job Request
	// Polls and IdleHeartbeats that idle runners send in the month.
	Polls, IdleHeartbeats float64
	// Jobs, Idle and Standing are the units of all jobs, of the runners while
	// they wait, and of the deployment itself.
	Jobs, Idle, Standing Units
	// Out are the units of what leaves AWS for all jobs, for backends and runners
	// that are elsewhere. It is in no other sum.
	Out Units
	// Announce are those of all jobs, where final ones are announced. They are
	// estimated, and in no other sum.
	Announce Units
	// IdleRecords are what the records of runners take of Idle.
	IdleRecords Units
	// BadEnd is what the record of a runner takes for an attempt that ended badly. It is
	// in no other sum: sound runners have none.
	BadEnd Units
	// Refused are those of one request that a function refuses.
	Refused Units
	// Parts are those of Jobs, by what they are for.
	Parts map[Part]Units
}

// Part is what a part of a job's cost is for.
type Part string

// The parts.
const (
	Create  Part = "create"  // the producer's call that hands it in
	Work    Part = "work"    // the runner's calls, and its GET of code that is an object
	Outputs Part = "outputs" // to store what the cases have written
	Verdict Part = "verdict" // the producer's call that reads it
	Storage Part = "storage" // of the item, the code and the outputs
	// Operator is what shows the fleet to operators: the records of runners, metrics, and
	// writing the index of final jobs by problem.
	Operator Part = "operator"
)

// Parts lists them in the order of a job's life.
func Parts() []Part { return []Part{Create, Work, Outputs, Verdict, Storage, Operator} }

// Names of rows of requests.json.
const (
	rowCompat          = "a job by the compat routes, without heartbeats"
	rowSync            = "a job by sync, without heartbeats"
	rowHeartbeat       = "heartbeat"
	rowSyncHeartbeat   = "sync, one heartbeat"
	rowPoll            = "list-jobs, nothing there"
	rowSyncPoll        = "sync, nothing there"
	rowCreate          = "create-job"
	rowVerdict         = "get-job"
	rowSweep           = "sweep, no open jobs"
	rowNobodyWaits     = "create-job, nobody waits for a ring"
	rowSits            = "sync, nothing there, the runner sits on its bench"
	rowRecord          = "any request for jobs, its runner's record (once a minute)"
	rowRecordWritten   = "any request for jobs, its runner's record is written (every five minutes)"
	rowBadEnd          = "release-job, infra_error, its runner's record"
	rowForgiven        = "a result after a bad end, its runner's record"
	rowLookUp          = "any route, its credential look-up (once a minute)"
	idleHeartbeatEvery = 60.0 // seconds; existing clients send one without a job
	lookUpEvery        = 60.0
)

// Cost is what a month costs in units.
func Cost(l Load) (Costs, error) {
	requests, err := Requests()
	if err != nil {
		return Costs{}, err
	}
	rows := map[Flow][3]string{
		Compat: {rowCompat, rowHeartbeat, rowPoll},
		Sync:   {rowSync, rowSyncHeartbeat, rowSyncPoll},
	}
	names, known := rows[l.Flow]
	switch {
	case !known:
		return Costs{}, fmt.Errorf("unknown flow %q: compat or sync", l.Flow)
	case !finite(l.Jobs, l.Seconds, l.Runners, l.Poll, l.Outputs, l.Code, l.Fetched):
		return Costs{}, fmt.Errorf("jobs, seconds, runners, poll, outputs, code and test data: want 0 or more")
	case l.Jobs*l.Seconds > l.Runners*Month.Seconds() && l.Runners > 0:
		return Costs{}, fmt.Errorf("%.0f runners cannot do %.0f jobs of %g s in a month, one at a time: want at least %.0f",
			l.Runners, l.Jobs, l.Seconds, math.Ceil(l.Jobs*l.Seconds/Month.Seconds()))
	}
	for _, name := range []string{names[0], names[1], names[2], rowCreate, rowVerdict, rowSweep, rowLookUp, rowRecord, rowRecordWritten, rowBadEnd, rowForgiven} {
		if _, found := requests[name]; !found {
			return Costs{}, fmt.Errorf("requests.json does not know %q", name)
		}
	}

	c := Costs{Heartbeats: math.Floor(l.Seconds / heartbeatEvery[l.Flow])}
	beat := requests[names[1]]
	c.Job = requests[names[0]]
	c.Job.AWS = maps.Clone(c.Job.AWS)
	for name, n := range beat.AWS {
		c.Job.AWS[name] += n * int(c.Heartbeats)
	}
	c.Job.APICalls += int(c.Heartbeats)
	c.Job.WriteUnits += c.Heartbeats * beat.WriteUnits
	c.Job.ReadUnits += c.Heartbeats * beat.ReadUnits

	if l.hears() {
		names[2] = rowSits
	}
	if l.Doorbell {
		bench := requests[rowNobodyWaits].without(requests[rowCreate])
		c.Job.ReadUnits += bench.ReadUnits
		c.Job.WriteUnits += bench.WriteUnits
		maps.Copy(c.Job.AWS, bench.AWS)
		requests[rowCreate] = requests[rowNobodyWaits]
	}
	create, verdict := requests[rowCreate], requests[rowVerdict]
	work := c.Job.without(create).without(verdict)
	c.Parts = map[Part]Units{
		Create:  l.units(create),
		Work:    l.units(work),
		Outputs: {},
		Verdict: l.units(verdict),
		Storage: {
			"dynamodb.storage": (JobBytes + itemOverhead) * jobMonths / gigabyte,
			"dynamodb.index":   (EndedBytes + FinalBytes + 2*itemOverhead) * jobMonths / gigabyte,
		},
		Operator: {"dynamodb.writes": finalWrites},
	}
	c.Parts[Work]["dynamodb.writes"] -= finalWrites
	// A process reads the record of a runner that asks for jobs once a minute, and a
	// runner asks by as many functions as its flow has.
	record, written := l.units(requests[rowRecord]), l.units(requests[rowRecordWritten].without(requests[rowRecord]))
	c.Parts[Operator].Add(map[Flow]float64{Compat: 2, Sync: 1}[l.Flow]*min(1, l.Seconds/roster.Remembered.Seconds()), record)
	c.Parts[Operator].Add(l.Seconds/roster.HeardEvery.Seconds(), written)
	c.BadEnd = l.units(requests[rowBadEnd])
	c.BadEnd.Add(1, l.units(requests[rowForgiven]))
	if !l.Dev { // the metrics of a job, beside what they cost by themselves
		c.Parts[Operator].Add(1, Units{"logs.ingest": metricBytes[l.Flow] / gigabyte, "logs.storage": metricBytes[l.Flow] * logMonths / gigabyte})
	}
	l.outputs(c.Parts[Outputs], c.Parts[Storage])
	l.code(c.Parts)
	// One request of each is of a function with more memory.
	c.Parts[Create]["lambda.gb-seconds"] += more("create-job")
	c.Parts[Work]["lambda.gb-seconds"] += more(map[Flow]string{Compat: "complete-job", Sync: "sync"}[l.Flow])
	c.Jobs = Units{}
	for part, one := range c.Parts {
		c.Parts[part] = Units{}
		c.Parts[part].Add(l.Jobs, one)
		c.Jobs.Add(l.Jobs, one)
	}

	c.Out, c.Announce = Units{}, Units{}
	out := float64(c.Job.APICalls)*replyBytes + l.Fetched
	if l.Flow == Compat || l.Code > dispatch.MaxCodeInline {
		out += l.Code
	} else {
		out += l.Code * 4 / 3 // in base64
	}
	c.Out.Add(l.Jobs, Units{"data.out": out / gigabyte})
	c.Announce.Add(l.Jobs, Units{
		"lambda.requests": 1, "lambda.gb-seconds": announceSeconds * functionGB, "data.out": announceBytes / gigabyte,
	})

	every := l.Poll
	switch {
	case every != 0:
	case l.hears():
		every = dispatch.DefaultPace.Seated.Seconds()
	default:
		every = PollSeconds(l.Flow, l.Runners)
	}
	waits := max(0, l.Runners*Month.Seconds()-l.Jobs*l.Seconds)
	c.Polls = waits / every
	c.Idle = Units{}
	c.Idle.Add(c.Polls, l.units(requests[names[2]]))
	if l.Flow == Sync { // a function with more memory
		c.Idle["lambda.gb-seconds"] += c.Polls * more("sync")
	}
	if l.Flow == Compat {
		c.IdleHeartbeats = waits / idleHeartbeatEvery
		c.Idle.Add(c.IdleHeartbeats, l.units(requests["heartbeat, no job"]))
	}
	c.IdleRecords = Units{}
	c.IdleRecords.Add(waits/max(every, roster.Remembered.Seconds()), record)
	c.IdleRecords.Add(waits/max(every, roster.HeardEvery.Seconds()), written)
	c.Idle.Add(1, c.IdleRecords)
	lookUp := requests[rowLookUp]
	lookUp.APICalls = 0 // it is part of a request
	c.Idle.Add(waits/max(every, lookUpEvery), l.units(lookUp))
	if l.hears() {
		c.Idle.Add(waits, listening(l.units(Request{APICalls: 1})))
	}

	c.Refused = l.units(Request{APICalls: 1})
	sweeps := float64(Month) / float64(deployment.SweepEvery)
	c.Standing = Units{
		"cloudwatch.alarms":     alarmMetrics + poolAlarms*max(0, l.Pools-1),
		"cloudwatch.metrics":    l.metrics(),
		"cloudwatch.dashboards": dashboards,
		"eventbridge.schedule":  sweeps,
		"lambda.requests":       sweeps,
		"lambda.gb-seconds":     sweeps * sweepSeconds * gb(deployment.SweepFunction),
		"logs.ingest":           sweeps * sweepLogBytes / gigabyte,
		"logs.storage":          sweeps * sweepLogBytes * logMonths / gigabyte,
	}
	if l.Dev {
		for _, name := range []string{"cloudwatch.alarms", "cloudwatch.metrics", "cloudwatch.dashboards"} {
			delete(c.Standing, name)
		}
	}
	c.Standing.Add(sweeps, l.units(requests[rowSweep]))
	c.Standing.Add(sweeps, Units{ // with a webhook; without one the outbox is not looked at
		"lambda.requests": 1, "lambda.gb-seconds": drainSeconds * gb(deployment.AnnounceFunction),
		"dynamodb.reads": 1, "sqs.requests": 1,
	})
	return c, nil
}

// What keeps a connection of the doorbell, in seconds: a word, which is a message
// and its answer, and a new connection, which starts two functions. API Gateway
// does not bill handshakes; they are counted as messages anyway.
const (
	wordEvery    = 8 * 60.0
	connectEvery = 110 * 60.0
)

// listening is what one second of a connection takes; call is a request of a function.
func listening(call Units) Units {
	u := Units{
		"api.connections": 1.0 / 60,
		"api.messages":    2/wordEvery + 2/connectEvery,
		"dynamodb.writes": 6 / connectEvery, // two records, made and deleted, and the count
		"dynamodb.reads":  3 / connectEvery,
	}
	for _, name := range []string{"lambda.requests", "lambda.gb-seconds", "logs.ingest"} {
		u[name] = 2 * call[name] / connectEvery
	}
	return u
}

// outputs is what storing a job's outputs takes: a longer item, or an object.
func (l Load) outputs(store, keep Units) {
	if l.Outputs > dispatch.MaxPacked {
		store["s3.puts"]++
		keep["s3.storage"] += l.Outputs * outputMonths / gigabyte
		return
	}
	store["dynamodb.writes"] += math.Ceil((JobBytes+l.Outputs)/writeUnit) - 1
	keep["dynamodb.storage"] += l.Outputs * jobMonths / gigabyte
}

// code is what the length of a job's code changes: requests.json is of CodeBytes.
func (l Load) code(parts map[Part]Units) {
	units := func(bytes float64) float64 { return math.Ceil((CodeItemBytes + bytes) / writeUnit) }
	if l.Code <= dispatch.MaxCodeInline {
		parts[Create]["dynamodb.writes"] += units(l.Code) - units(CodeBytes)
		parts[Storage]["dynamodb.storage"] += (l.Code + CodeItemBytes + itemOverhead) * shortMonths / gigabyte
		return
	}
	parts[Create]["dynamodb.writes"] -= units(CodeBytes)
	parts[Create]["s3.puts"]++
	parts[Work]["dynamodb.reads"]--
	parts[Work]["s3.gets"]++ // by the runner; test data it has already
	parts[Storage]["s3.storage"] += l.Code * codeMonths / gigabyte
}

// PollSeconds returns how many seconds the server tells an idle runner to wait,
// in a fleet of that size. By sync an idle fleet polls about once a second in
// all, beyond 60 runners each once a minute; existing clients are told nothing.
func PollSeconds(flow Flow, runners float64) float64 {
	if flow == Sync {
		return min(max(runners, leastPoll), mostPoll)
	}
	return dispatch.DefaultPace.Idle.Seconds()
}

// The bounds of the pace by sync, in seconds.
const leastPoll, mostPoll = 1, 60

// units is what one request takes.
func (l Load) units(r Request) Units {
	gateway := "api.http"
	if l.REST {
		gateway = "api.rest"
	}
	calls, logged := float64(r.APICalls), float64(logBytes)
	if l.AccessLog {
		logged *= 2
	}
	u := Units{
		gateway:             calls,
		"lambda.requests":   calls,
		"lambda.gb-seconds": calls * functionSeconds * functionGB,
		"logs.ingest":       calls * logged / gigabyte,
		"logs.storage":      calls * logged * logMonths / gigabyte,
		"dynamodb.writes":   r.WriteUnits,
		"dynamodb.reads":    r.ReadUnits,
	}
	for name, n := range r.AWS {
		switch {
		case strings.HasPrefix(name, "sqs "):
			u["sqs.requests"] += float64(n)
		case strings.HasPrefix(name, "s3 Put"):
			u["s3.puts"] += float64(n)
		case strings.HasPrefix(name, "s3 "):
			u["s3.gets"] += float64(n)
		}
	}
	return u
}

func finite(numbers ...float64) bool {
	for _, n := range numbers {
		if !(n >= 0) || math.IsInf(n, 0) {
			return false
		}
	}
	return true
}

// Assumptions lists what Cost takes for granted.
func Assumptions() []string {
	return []string{
		fmt.Sprintf("a function runs %.0f ms a request at %d MB (create, complete and sync %d MB), the sweep %.0f ms", functionSeconds*1000, deployment.SizeOf("get-job").MemoryMB, deployment.SizeOf("sync").MemoryMB, sweepSeconds*1000),
		fmt.Sprintf("%d bytes of logs a request, kept for three months; a job's item is kept %.0f days, what its cases wrote, up to %d KB packed, as long, else as an object %.0f days; its code, up to %d bytes, %.0f days, else as an object %.0f days",
			logBytes, job.KeepFinal.Hours()/24, dispatch.MaxPacked>>10, deployment.ResultsKept.Hours()/24, dispatch.MaxCodeInline, dispatch.CodeKept.Hours()/24, deployment.CodeKept.Hours()/24),
		fmt.Sprintf("with a doorbell a runner says a word every %.0f minutes and connects anew every %.0f; its jobs find a busy fleet, and a ring for a waiting runner adds a message, two write units and two read units", wordEvery/60, connectEvery/60),
		"functions are warm, test data is cached, a runner does one job at a time",
		fmt.Sprintf("what leaves AWS: %d bytes a reply, and the code; it is not in the sums, and free where runners and backend are in the same region", replyBytes),
	}
}
