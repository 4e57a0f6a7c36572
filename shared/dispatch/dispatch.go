// Package dispatch holds the use cases: what a runner, a producer or the sweep
// asks for, one file each. The rules are in package job; this package brings
// them together with the three ports that they need (Store, Queue, Artifacts)
// and keeps the order of writes: ring before the write, delete after it.
//
// A refusal ("already claimed") is an Answer; an error means that a port failed
// and nothing is known. After an error the caller may repeat the request: every
// use case has the effect of one, however often it is repeated.
package dispatch

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	"runlease/shared/casefile"
	"runlease/shared/job"
	"runlease/shared/problem"
	"runlease/shared/roster"
)

// Dispatcher runs the use cases. A use case that does not need a port works
// without it, so that a function wires only what it uses.
type Dispatcher struct {
	Store   Store
	Queue   Queue  // of the default pool
	Queues  Queues // of the other pools, or nil if there are none
	URLs    URLs
	Objects Objects
	Lease   LeaseBounds
	Pace    Pace
	Log     *slog.Logger
	Now     func() time.Time
	Random  io.Reader // of tokens and write ids
	// Meter hears of what is measured; it may be nil.
	Meter Meter
	// LastHour tells how long the jobs of pools waited in the last hour, by the names that
	// Meter hears of them; nil if that is not known.
	LastHour func(ctx context.Context, pools []string) (map[string]Waits, error)
	// CodeAsObjects keeps all new code as objects, however short it is, as versions
	// before this one do and expect it: for the time before one of them is deployed again.
	CodeAsObjects bool

	// The doorbell. Without it (nil) runners poll.
	Benches Benches
	Posts   Posts
	// Roster keeps the records of runners. Without it (nil) every runner may have jobs.
	Roster Roster
	// Choose picks one of n at random, 0 to n-1. Pause waits.
	Choose func(n int) int
	Pause  func(ctx context.Context, d time.Duration) error

	known    remembered[versionKey, problem.Content]
	homes    remembered[int, homeOf]
	pauses   pauses
	records  remembered[string, readRecord]
	conduct  remembered[string, roster.Conduct]
	presence presence
	able     able
	needs    remembered[int, needed]
	noise    perPool[noise]
	runs     runs
}

// New returns a Dispatcher with all ports, real time, real randomness and the
// default values.
func New(s Store, q Queue, a Artifacts) *Dispatcher {
	d := Bare()
	d.Store, d.Queue, d.URLs, d.Objects = s, q, a, a
	return d
}

// Bare returns a Dispatcher without ports, for functions that need only some of
// them.
func Bare() *Dispatcher {
	return &Dispatcher{
		Lease: DefaultLease, Pace: DefaultPace,
		Log: slog.Default(), Now: time.Now, Random: rand.Reader,
		Choose: mathrand.IntN, Pause: pause,
		known: remembered[versionKey, problem.Content]{most: maxVersions}, needs: remembered[int, needed]{most: maxNeeds},
	}
}

// pause waits, or returns why ctx has ended before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Answer is how a request ended: OK, or why not, with a Detail for the codes
// that have one.
type Answer struct {
	Outcome job.Outcome
	Detail  string
	// Findings is all that is wrong with test data, of InvalidTestdata.
	Findings *casefile.Findings
}

// OK reports whether the request was granted.
func (a Answer) OK() bool { return a.Outcome == job.OK }

// The codes that this package adds to those of package job.
const (
	CodeNotFound     job.Outcome = "code_not_found"
	TestdataNotFound job.Outcome = "testdata_not_found"
	OutputsNotFound  job.Outcome = "outputs_not_found"
	ProblemNotFound  job.Outcome = "problem_not_found"
	VersionNotFound  job.Outcome = "version_not_found"
	InvalidResult    job.Outcome = "invalid_result"    // Detail: the first fault
	UploadMissing    job.Outcome = "upload_missing"    // Detail: what is not there
	UploadMismatch   job.Outcome = "upload_mismatch"   // Detail: what is not what was announced
	InvalidCode      job.Outcome = "invalid_code"      // Detail: why the code cannot be judged
	InvalidTestdata  job.Outcome = "invalid_testdata"  // Detail: the first finding
	OutputsMismatch  job.Outcome = "outputs_mismatch"  // the uploaded outputs are not what complete says
	InvalidCursor    job.Outcome = "invalid_cursor"    // Detail: what is wanted
	InvalidLease     job.Outcome = "invalid_lease"     // Detail: the bounds
	OutputsTooLarge  job.Outcome = "outputs_too_large" // Detail: the bound
	NotFinal         job.Outcome = "not_final"         // Detail: the state, and what to do
	UnknownPool      job.Outcome = "unknown_pool"      // Detail: the pools that there are
	ItemFailed       job.Outcome = "internal_error"    // of an item of a sync, to be repeated
)

var (
	granted  = Answer{Outcome: job.OK}
	notFound = Answer{Outcome: job.NotFound}
)

func (d *Dispatcher) now() job.Time { return job.At(d.Now()) }
