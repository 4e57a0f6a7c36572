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
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"runlease/shared/job"
)

// Dispatcher runs the use cases. A use case that does not need a port works
// without it, so that a function wires only what it uses.
type Dispatcher struct {
	Store   Store
	Queue   Queue
	URLs    URLs
	Objects Objects
	Lease   LeaseBounds
	Pace    Pace
	Log     *slog.Logger
	Now     func() time.Time
	Random  io.Reader // of tokens and write ids

	known versions
	fleet fleet
	noise noise
}

// LeaseBounds says which lease a claim gets.
type LeaseBounds struct {
	Least, Default, Longest time.Duration
}

// DefaultLease has the values of the wire contract.
var DefaultLease = LeaseBounds{Least: 30 * time.Second, Default: 600 * time.Second, Longest: 900 * time.Second}

// New is a Dispatcher with all ports, real time, real randomness and the default
// values.
func New(s Store, q Queue, a Artifacts) *Dispatcher {
	d := Bare()
	d.Store, d.Queue, d.URLs, d.Objects = s, q, a, a
	return d
}

// Bare is a Dispatcher without ports, for whoever needs only some of them.
func Bare() *Dispatcher {
	return &Dispatcher{
		Lease: DefaultLease, Pace: DefaultPace,
		Log: slog.Default(), Now: time.Now, Random: rand.Reader,
	}
}

// Answer is how a request ended: OK, or why not, with a Detail for the codes
// that have one.
type Answer struct {
	Outcome job.Outcome
	Detail  string
}

// OK says whether the request was granted.
func (a Answer) OK() bool { return a.Outcome == job.OK }

// The codes that this package adds to those of package job.
const (
	CodeNotFound     job.Outcome = "code_not_found"
	TestdataNotFound job.Outcome = "testdata_not_found"
	OutputsNotFound  job.Outcome = "outputs_not_found"
	ProblemNotFound  job.Outcome = "problem_not_found"
	InvalidResult    job.Outcome = "invalid_result"    // Detail: the first fault
	UploadMissing    job.Outcome = "upload_missing"    // Detail: what is not there
	UploadMismatch   job.Outcome = "upload_mismatch"   // Detail: what is not what was announced
	OutputsMismatch  job.Outcome = "outputs_mismatch"  // the uploaded outputs are not what complete says
	InvalidLease     job.Outcome = "invalid_lease"     // Detail: the bounds
	OutputsTooLarge  job.Outcome = "outputs_too_large" // Detail: the bound
	ItemFailed       job.Outcome = "internal_error"    // of an item of a sync, to be repeated
)

var (
	granted  = Answer{Outcome: job.OK}
	notFound = Answer{Outcome: job.NotFound}
)

// errContended says that others wrote between every read of ours and the write
// that followed.
var errContended = errors.New("too many concurrent writes")

// maxConflicts is how often a decision is made again after a conflict.
const maxConflicts = 3

// change is a job before and after an update.
type change struct {
	before, after job.Job
	job.Decision
}

func (c change) answer() Answer { return Answer{Outcome: c.Outcome} }

// decide looks at a job and says what becomes of it. It may be called again
// with a newer job.
type decide func(job.Job) (job.Job, job.Decision, error)

// apply makes a decide of an Op's Apply.
func apply(op func(job.Job) (job.Job, job.Decision)) decide {
	return func(j job.Job) (job.Job, job.Decision, error) {
		next, out := op(j)
		return next, out, nil
	}
}

// update reads a job, decides, and writes the difference on the condition that
// nobody wrote in between. If that makes the job claimable, its bell is rung
// first: a message without a write costs a look, a write without a message
// would leave the job waiting.
func (d *Dispatcher) update(ctx context.Context, id string, decide decide) (change, error) {
	j, found, err := d.Store.Get(ctx, id)
	if err != nil {
		return change{}, err
	}
	if !found {
		return change{Decision: job.Decision{Outcome: job.NotFound}}, nil
	}
	return d.updateFrom(ctx, j, decide)
}

// updater is update, or one like it that has read the job before.
type updater func(ctx context.Context, id string, decide decide) (change, error)

// updateFrom is update for a job that has just been read.
func (d *Dispatcher) updateFrom(ctx context.Context, before job.Job, decide decide) (change, error) {
	var rung int64 // by us: a conflict does not ask for the same bell twice
	for range 1 + maxConflicts {
		after, out, err := decide(before)
		if err != nil || !out.Write {
			return change{before, before, out}, err
		}
		if after.Bell != before.Bell && after.Bell != rung {
			if err := d.ring(ctx, after); err != nil {
				return change{}, err
			}
			rung = after.Bell
		}
		after.Revision = before.Revision + 1
		if after.WriteID, err = d.writeID(); err != nil {
			return change{}, err
		}
		current, saved, err := d.Store.Save(ctx, before, after)
		switch {
		case err != nil:
			return change{}, err
		case saved:
			return change{before, after, out}, nil
		case current.ID == "": // expired under our hands
			return change{Decision: job.Decision{Outcome: job.NotFound}}, nil
		}
		before = current
	}
	return change{}, fmt.Errorf("update job: %w", errContended)
}

func (d *Dispatcher) ring(ctx context.Context, j job.Job) error {
	return d.Queue.Ring(ctx, j.Message())
}

// forget deletes messages whose bell is spent; an empty handle is that of a
// message that is not known. It may fail: then the messages come back and their
// receivers delete them.
func (d *Dispatcher) forget(ctx context.Context, handles ...string) {
	known := make([]string, 0, len(handles))
	for _, handle := range handles {
		if handle != "" {
			known = append(known, handle)
		}
	}
	if len(known) == 0 {
		return
	}
	if err := d.Queue.Delete(ctx, known); err != nil {
		d.Log.WarnContext(ctx, "messages not deleted", "error", err)
	}
}

// hide moves the clocks of messages. It may fail: then they come back too early,
// and their receivers hide them again.
func (d *Dispatcher) hide(ctx context.Context, hidings []Hiding) {
	if len(hidings) == 0 {
		return
	}
	if err := d.Queue.Hide(ctx, hidings); err != nil {
		d.Log.WarnContext(ctx, "messages not hidden", "error", err)
	}
}

func (d *Dispatcher) now() job.Time { return job.At(d.Now()) }

func (d *Dispatcher) writeID() (string, error) {
	var id [8]byte
	if _, err := io.ReadFull(d.Random, id[:]); err != nil {
		return "", fmt.Errorf("make write id: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}
