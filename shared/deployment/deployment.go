// Package deployment holds the facts of a deployment that several programs
// need: the CDK app builds by them, functions name their metrics by them, the
// embedded server keeps the same clock, and the bill counts them.
package deployment

import "time"

// SweepEvery is the period of the sweep.
const SweepEvery = time.Minute

// PoolQueuesProperty is the property of CloudFormation's resource that holds the pools: the
// queues of those beside the default one, as <pool>=<URL> with commas between.
const PoolQueuesProperty = "Queues"

// SweepFunction is the name of the function that a rule starts every SweepEvery.
const SweepFunction = "sweep"

// AnnounceFunction is the name of the function that announces final jobs.
const AnnounceFunction = "announce"

// How long objects are kept after they were written. A final job is kept for
// job.KeepFinal, and DynamoDB may take some days more to expire it.
const (
	// ResultsKept is for outputs, which are written when the job becomes final,
	// and the zip of small ones when somebody asks for it.
	ResultsKept = 100 * day
	// CodeKept is for code, which is written when the job is created and must
	// still be there when the job is rejudged on its last day and kept once more.
	CodeKept = 200 * day

	day = 24 * time.Hour
)

// Size is what a function may use.
type Size struct {
	MemoryMB int // a function's share of a CPU follows from it
	Timeout  time.Duration
}

// usual is the size of a function that sizes does not name. An API function
// answers within 15 s or not at all: API Gateway gives up after 29 s, and every
// AWS call inside has its own deadline.
var usual = Size{MemoryMB: 256, Timeout: 15 * time.Second}

var sizes = map[string]Size{
	// Bodies of up to 3 MB are decoded, zipped and stored: CPU, not memory, is what they need more of.
	"complete-job": {MemoryMB: 512, Timeout: usual.Timeout},
	"sync":         {MemoryMB: 512, Timeout: usual.Timeout},
	// The code comes base64 in the body and is hashed and stored.
	"create-job": {MemoryMB: 512, Timeout: usual.Timeout},
	// It waits for other hosts: 3 s for each batch of the stream, and to drain the
	// outbox, until the next minute's start.
	AnnounceFunction: {MemoryMB: usual.MemoryMB, Timeout: SweepEvery - 5*time.Second},
	// It looks at a bounded number of jobs, and ends before the next one starts. No
	// concurrency is reserved for it: two sweeps at once do no harm, and a
	// reservation fails the deployment in accounts whose limit is still at its
	// first value of 10.
	SweepFunction: {MemoryMB: usual.MemoryMB, Timeout: SweepEvery - 5*time.Second},
}

// SizeOf returns the size of a function by its name.
func SizeOf(function string) Size {
	if s, found := sizes[function]; found {
		return s
	}
	return usual
}
