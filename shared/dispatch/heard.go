package dispatch

import (
	"context"
	"time"

	"runlease/shared/deployment"
	"runlease/shared/job"
	"runlease/shared/roster"
)

// Roster keeps the records of runners.
type Roster interface {
	// Runner reads the record of a name; it returns false if there is none. Strongly consistent.
	Runner(ctx context.Context, name string) (roster.Runner, bool, error)
	// SaveRunner writes the difference between two states of a record on the condition
	// that the stored Revision is before.Revision (0: none stored); after has Revision
	// + 1 and a fresh WriteID. If somebody wrote in between, saved is false and current
	// is what they left; a repetition of our own write counts as saved.
	SaveRunner(ctx context.Context, before, after roster.Runner) (current roster.Runner, saved bool, err error)
	// Runners lists up to limit records in the order of their names, those with a name
	// after another. It may lag behind writes.
	Runners(ctx context.Context, after string, limit int) ([]roster.Runner, error)
	Acts
	Rejudges
}

// hear notes that a runner was heard, and returns its record. A runner that asks for
// jobs needs a record that is at most roster.Remembered old; otherwise an older one
// will do. A roster that fails stops no runner: the record that was read last counts,
// or without one the runner may have jobs.
func (d *Dispatcher) hear(ctx context.Context, h roster.Heard, asks bool) roster.Runner {
	if d.Roster == nil {
		return roster.Runner{}
	}
	now := d.Now().Round(0) // the wall clock, as in pace.go
	h.At = job.At(now)
	was, known := d.records.get(h.Name)
	record, readAt := was.Runner, was.at
	after, changed := record.Hear(h)
	// Another process may have written it meanwhile: to read it costs a fifth of a
	// write that is refused.
	if !known || (asks || changed) && now.Sub(readAt) >= roster.Remembered {
		stored, _, err := d.Roster.Runner(ctx, h.Name)
		if err != nil {
			d.Log.WarnContext(ctx, "record of a runner not read", "runner", h.Name, "error", err)
			return record
		}
		record, readAt = stored, now
		after, changed = record.Hear(h)
	}
	if changed {
		current, _, err := d.saveRunner(ctx, record, after)
		if err != nil {
			d.Log.WarnContext(ctx, "record of a runner not written", "runner", h.Name, "error", err)
			return record
		}
		if record, readAt = current, now; record.Name == "" { // forgotten this moment
			return record
		}
	}
	d.records.put(h.Name, readRecord{record, readAt})
	return record
}

// rungForAct has a runner's record read anew if the runner may have been rung for an act of
// this minute: if no job has taken its seat, or if it has no seat because it is barred.
func (d *Dispatcher) rungForAct(r SyncRequest) {
	if known, _ := d.records.get(r.Runner); r.Seat != 0 || known.Barred() != "" {
		d.records.change(r.Runner, func(known *readRecord) { known.at = time.Time{} })
	}
}

// asks notes a runner that asks for jobs, and returns it with why it may have none.
// probes: it may have one, to show that it works again.
func (d *Dispatcher) asks(ctx context.Context, c job.Candidate, able bool, slots int) (asking job.Candidate, probes bool) {
	said := roster.Reports{Version: c.Version, Languages: c.Languages, Checkers: c.Checkers, Pools: c.Pools, Slots: slots}
	record := d.try(ctx, d.hear(ctx, roster.Heard{Name: c.Runner, Reports: said, Able: able}, true))
	if probes = record.MayProbe(d.now()); !probes {
		c.Barred = record.Barred()
	}
	return c, probes
}

// Heard notes a runner that asks for no jobs.
func (d *Dispatcher) Heard(ctx context.Context, runner string) {
	d.try(ctx, d.hear(ctx, roster.Heard{Name: runner}, false))
}

// barredDetails tell a runner why it may have no job, and how that can change.
var barredDetails = map[job.Why]string{
	job.RunnerPaused:      "it is paused until an operator resumes it",
	job.RunnerDraining:    "it is to finish what it holds and take no more",
	job.RunnerRetired:     "it is retired for ever: start a runner under another name",
	job.RunnerSilent:      "it holds jobs of which nothing was heard since their claims: it is to send their heartbeats or results, or give them back",
	job.RunnerQuarantined: "too many of its attempts ended badly: it gets one job now and then, whose result lets it back, or an operator releases it",
}

// saveRunner writes a record, and returns it as it is stored then.
func (d *Dispatcher) saveRunner(ctx context.Context, before, after roster.Runner) (current roster.Runner, saved bool, err error) {
	after.Revision = before.Revision + 1
	if after.WriteID, err = d.writeID(); err != nil {
		return before, false, err
	}
	if current, saved, err = d.Roster.SaveRunner(ctx, before, after); saved {
		current = after
		if after.State == roster.Quarantined && before.State != after.State && after.By == "" {
			d.Measure(ctx, deployment.Quarantines, "", 1)
		}
	}
	return current, saved, err
}

// readRecord is a record and when it was read.
type readRecord struct {
	roster.Runner
	at time.Time
}
