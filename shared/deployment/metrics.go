package deployment

import "strings"

// In CloudWatch, metrics of a deployment are under MetricNamespace with the dimension
// MetricStage. Where there is more than one pool, metrics for which Metric.Pooled
// is true have also a value for each pool, with MetricPool beside MetricStage.
const (
	MetricNamespace = "runlease"
	MetricStage     = "Stage"
	MetricPool      = "Pool"
)

// Metric is a measurement of ours: in CloudWatch, which bills each name, and on
// /metrics of the embedded server.
type Metric int

// The metrics. There is none for AC: it is ClaimToResult's count without the others,
// and a metric saved.
const (
	OldestOpenJob Metric = iota
	WantedSlots
	QueueWait
	ClaimToResult
	RunTime
	LostLeases
	Quarantines
	RefusedTokens
	JudgedWA
	JudgedCE
	JudgedTLE
	JudgedMLE
	JudgedRE
	JudgedJE
	JudgedOLE
)

// Kind is how a metric's values belong together.
type Kind int

// The kinds.
const (
	Gauge   Kind = iota // a state: the last value counts
	Sample              // one value for each event
	Counter             // how many events there were
)

var metrics = [...]struct {
	name   string
	kind   Kind
	pooled bool
	help   string
}{
	OldestOpenJob: {"OldestOpenJobSeconds", Gauge, false, "Age of the oldest open job when the sweep looked last; 0: there was none."},
	WantedSlots:   {"WantedSlots", Gauge, true, "Slots that a fleet needs so that what waits begins within 30 s, as GET /ops/demand has it."},
	QueueWait:     {"QueueWaitSeconds", Sample, true, "From when a job could be claimed to its claim: since its submit, rejudge or release, or since a lease ran out."},
	ClaimToResult: {"ClaimToResultSeconds", Sample, true, "From the last claim of a job to its verdict, the system's JE included."},
	RunTime:       {"RunTimeSeconds", Sample, true, "Run time of a submission as its verdict has it: the time of its slowest case."},
	LostLeases:    {"LostLeases", Counter, false, "Attempts that ended because their runners fell silent."},
	Quarantines:   {"Quarantines", Counter, false, "Runners that were quarantined because their attempts ended badly."},
	RefusedTokens: {"RefusedTokens", Counter, false, "Requests whose token is not known, expired, or not good for the route or runner."},
	JudgedWA:      {"JobsJudgedWA", Counter, false, "Verdicts WA."},
	JudgedCE:      {"JobsJudgedCE", Counter, false, "Verdicts CE."},
	JudgedTLE:     {"JobsJudgedTLE", Counter, false, "Verdicts TLE."},
	JudgedMLE:     {"JobsJudgedMLE", Counter, false, "Verdicts MLE."},
	JudgedRE:      {"JobsJudgedRE", Counter, false, "Verdicts RE."},
	JudgedJE:      {"JobsJudgedJE", Counter, false, "Jobs that could not be judged, by their problem's fault or because attempts were used up: the log says why."},
	JudgedOLE:     {"JobsJudgedOLE", Counter, false, "Verdicts OLE."},
}

// Metrics lists them all.
func Metrics() []Metric {
	all := make([]Metric, len(metrics))
	for i := range all {
		all[i] = Metric(i)
	}
	return all
}

// Judged returns the metric that counts verdicts of a status; it returns false if none does.
func Judged(status string) (Metric, bool) {
	for m := JudgedWA; m <= JudgedOLE; m++ {
		if metrics[m].name == "JobsJudged"+status {
			return m, true
		}
	}
	return 0, false
}

// Name is the metric's in CloudWatch.
func (m Metric) Name() string { return metrics[m].name }

// Kind is how its values belong together.
func (m Metric) Kind() Kind { return metrics[m].kind }

// Pooled reports whether each pool of several has a value.
func (m Metric) Pooled() bool { return metrics[m].pooled }

// Help describes the metric.
func (m Metric) Help() string { return metrics[m].help }

// Unit is CloudWatch's name of the unit.
func (m Metric) Unit() string {
	if strings.HasSuffix(m.Name(), "Seconds") {
		return "Seconds"
	}
	return "Count"
}

// Prometheus is the metric's name on /metrics: runlease_queue_wait_seconds for
// QueueWaitSeconds.
func (m Metric) Prometheus() string {
	var name strings.Builder
	name.WriteString("runlease")
	small := true
	for _, c := range m.Name() {
		if c <= 'Z' && small {
			name.WriteByte('_')
		}
		small = c > 'Z'
		name.WriteString(strings.ToLower(string(c)))
	}
	if m.Kind() == Counter {
		name.WriteString("_total")
	}
	return name.String()
}
