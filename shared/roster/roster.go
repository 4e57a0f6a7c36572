// Package roster holds the rules of a runner's record: when it was heard, what it
// reports, and whether it may have jobs. It is pure; package dispatch reads and
// writes the records.
//
// A record belongs to a name. It is written only when something changes; the time of
// the last request is written every five minutes at most, by the process that notices
// first. The record does not have what a runner holds and has judged: the jobs have it.
//
// Health is written where an attempt ends badly, and nowhere else. A bad end is an
// attempt that was lost or given back as infra_error; the writer that notes it adds it
// to the record, after the job's own write. The record is judged when the runner asks for
// jobs, by a read of the jobs in question. BadInARow bad ends in a row quarantine the
// runner: it gets no jobs but, now and then, a probe, whose result lets it back. Bad ends
// are in a row if no result of the runner lies between them, and if the times from its
// claims to the results of others do not meet. In an outage they do meet: all of them last
// until it is over.
//
// Conduct is what a process has seen of a runner, and is stored nowhere. A runner that
// looks at jobs and claims none hides them for less time, and one that holds FirstHold
// jobs of which it has said nothing gets no more.
//
// A runner is barred if its record or its conduct keeps it from jobs.
package roster

import (
	"strings"
	"time"

	"runlease/shared/job"
)

const (
	// HeardEvery is how old LastHeard grows before it is written again.
	HeardEvery = 5 * time.Minute
	// reportsEvery bounds how often a change of what a runner reports is written: two
	// programs under one name would change it with each poll.
	reportsEvery = time.Minute
	// Remembered is how long a process goes by a record that it has read. After that
	// time an act of an operator is in force everywhere.
	Remembered = time.Minute
	// Kept is how long a record is kept after its runner was heard last.
	Kept = 30 * 24 * time.Hour
	// MaxVersion bounds the version that a runner reports, in bytes.
	MaxVersion = 100
)

// State is whether a runner may have jobs.
type State string

// The states.
const (
	Serving     State = "ok"
	Paused      State = "paused"      // by an operator, until it is resumed
	Draining    State = "draining"    // finishes what it holds
	Retired     State = "retired"     // for ever: its machine may be gone
	Quarantined State = "quarantined" // by the health rules
)

// barred is why a runner in a state may not have jobs.
var barred = map[State]job.Why{
	Paused: job.RunnerPaused, Draining: job.RunnerDraining, Retired: job.RunnerRetired, Quarantined: job.RunnerQuarantined,
}

// Runner is the record of a runner. The zero Runner has never been heard.
type Runner struct {
	Name                  string
	FirstHeard, LastHeard job.Time
	Reports
	State State
	Since job.Time // of State; 0: from the beginning
	By    string   // the credential that changed State; "": the health rules
	Why   string   // the reason that was given
	Health

	Revision int64
	WriteID  string
}

// Reports is what a runner reports of itself.
type Reports struct {
	Version   string // its User-Agent; of a request, "": not sent
	Languages job.Languages
	Checkers  bool
	// Slots is the most jobs that it has asked for at once, up to 10; of a request, how
	// many it asks for. 0: not sent.
	Slots int
	Pools job.Pools // that it asks for
}

// Barred returns why the runner may not have jobs; "" if it may.
func (r Runner) Barred() job.Why { return barred[r.State] }

// ExpiresAt is when a store may forget r.
func (r Runner) ExpiresAt() job.Time { return max(r.LastHeard, r.Since).Add(Kept) }

// Heard is one request of a runner.
type Heard struct {
	Name string
	At   job.Time
	Reports
	// Able: the request says which jobs the runner can judge. Else Languages, Checkers
	// and Pools mean nothing.
	Able bool
}

// Hear returns the record after a request, and whether it must be written for that.
func (r Runner) Hear(h Heard) (Runner, bool) {
	said := h.Reports
	if said.Version = printable(said.Version); said.Version == "" {
		said.Version = r.Version
	}
	if !h.Able {
		said.Languages, said.Checkers, said.Pools = r.Languages, r.Checkers, r.Pools
	}
	// A busy runner asks for less than it can hold. A runner that comes back, or in
	// another version, may hold less than before.
	if said.Slots == 0 || said.Version == r.Version && h.At.Sub(r.LastHeard) < 2*HeardEvery {
		said.Slots = max(said.Slots, r.Slots)
	}
	if r.LastHeard == 0 {
		r.Name, r.FirstHeard, r.LastHeard, r.Reports = h.Name, h.At, h.At, said
		if r.State == "" {
			r.State = Serving
		}
		return r, true
	}
	silent := h.At.Sub(r.LastHeard)
	if silent < HeardEvery && (said == r.Reports || silent < reportsEvery) {
		return r, false
	}
	r.LastHeard, r.Reports = max(r.LastHeard, h.At), said
	return r, true
}

// printable is the beginning of a header without what would break a table on a terminal.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	return s[:min(len(s), MaxVersion)]
}
