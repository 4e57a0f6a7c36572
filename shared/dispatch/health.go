package dispatch

import (
	"context"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// noteBadEnd writes into a runner's record that an attempt of it has ended badly, if
// it has by a write. Nothing depends on it: what fails is logged.
func (d *Dispatcher) noteBadEnd(ctx context.Context, before, after job.Job) {
	if d.Roster == nil {
		return
	}
	if runner, e, bad := roster.BadEndOf(before, after); bad {
		d.changeRunner(ctx, runner, func(r roster.Runner) roster.Runner { return r.Bad(e) })
	}
}

// changeRunner reads a record and writes the changed one. A record that does not exist
// is not made.
func (d *Dispatcher) changeRunner(ctx context.Context, name string, by func(roster.Runner) roster.Runner) {
	current, _, err := d.Roster.Runner(ctx, name)
	saved := false
	for range 1 + maxConflicts {
		if saved || err != nil || current.Name == "" {
			break
		}
		current, saved, err = d.saveRunner(ctx, current, by(current))
	}
	if saved {
		d.remember(current)
		return
	}
	if current.Name != "" || err != nil {
		d.Log.WarnContext(ctx, "health of a runner not written", "runner", name, "error", err)
	}
}

// try applies the health rules to the record of a runner that asks for jobs, and
// writes the outcome. Without bad ends it reads and writes nothing.
func (d *Dispatcher) try(ctx context.Context, record roster.Runner) roster.Runner {
	if !record.Suspect() {
		return record
	}
	var read []string
	due := false
	d.conduct.change(record.Name, func(c *roster.Conduct) { read, due = c.Trial(record, d.now()) })
	if !due {
		return record
	}
	var jobs map[string]job.Job
	if len(read) > 0 {
		var err error
		if jobs, err = d.Store.GetMany(ctx, unique(read)); err != nil {
			d.Log.WarnContext(ctx, "jobs of a runner not read", "runner", record.Name, "error", err)
			return record
		}
	}
	after := record
	d.conduct.change(record.Name, func(c *roster.Conduct) { after = c.Judged(record, jobs, d.now()) })
	if after == record {
		return record
	}
	current, saved, err := d.saveRunner(ctx, record, after)
	if err != nil || current.Name == "" {
		d.Log.WarnContext(ctx, "health of a runner not written", "runner", record.Name, "error", err)
		return record
	}
	if saved && after.State != record.State {
		d.Log.WarnContext(ctx, "state of a runner changed by the health rules", "runner", record.Name, "state", string(after.State), "why", after.Why)
	}
	d.remember(current)
	return current
}

// probing notes which job a quarantined runner got as its probe, if it got one.
func (d *Dispatcher) probing(ctx context.Context, runner string, claimed ...Claimed) {
	for _, one := range claimed {
		d.changeRunner(ctx, runner, func(r roster.Runner) roster.Runner { return r.Probing(one.Job.ID, d.now()) })
	}
}

// remember keeps a record that was read this moment.
func (d *Dispatcher) remember(r roster.Runner) {
	d.records.put(r.Name, readRecord{r, d.Now().Round(0)})
}
