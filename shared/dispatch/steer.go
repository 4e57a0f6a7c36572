package dispatch

import (
	"context"
	"fmt"
	"slices"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// Acts keeps what operators do, with who did it.
type Acts interface {
	// ActOnRunner is SaveRunner that writes an entry of the audit in the same
	// transaction: both are stored, or neither.
	ActOnRunner(ctx context.Context, before, after roster.Runner, e roster.Entry) (current roster.Runner, saved bool, err error)
	// SavePause writes a pause of a target that has none, and an entry of the audit, in one
	// transaction. If the target has one, that is returned and nothing is written.
	SavePause(ctx context.Context, p roster.Pause, e roster.Entry) (current roster.Pause, err error)
	// DeletePause takes a pause away and writes an entry of the audit, in one
	// transaction; false if it is not there any more, and nothing is written.
	DeletePause(ctx context.Context, p roster.Pause, e roster.Entry) (deleted bool, err error)
	// Pauses lists all pauses by their targets, roster.MaxPauses and a few at most.
	Pauses(ctx context.Context) ([]roster.Pause, error)
	// Audit lists up to limit entries, newest first, those before the one with a key
	// ("": all). It may lag behind writes.
	Audit(ctx context.Context, before string, limit int) ([]roster.Entry, error)
}

// The codes of steering.
const (
	RunnerNotFound job.Outcome = "runner_not_found"
	RunnerState    job.Outcome = "runner_state" // Detail: the state, and what it allows
)

// Steered is a runner after an act.
type Steered struct {
	roster.Runner
	Holds []string // the jobs that it holds, by id
	// More: there are more open jobs than one look takes, and it may hold some of the others.
	More bool
}

// ActOnRunner does what an operator orders. A repeated order changes nothing and
// leaves no second entry in the audit. Refused with RunnerNotFound and RunnerState.
//
// A runner retires in two steps: the first order drains it. An order that finds it
// drained for roster.Settled, holding nothing, answers that its machine may go.
func (d *Dispatcher) ActOnRunner(ctx context.Context, name string, o roster.Order) (Steered, Answer, error) {
	if d.Roster == nil {
		return Steered{}, Answer{Outcome: RunnerNotFound}, nil
	}
	o.At = d.now()
	before, found, err := d.Roster.Runner(ctx, name)
	if err != nil {
		return Steered{}, Answer{}, err
	}
	for range 1 + maxConflicts {
		if !found {
			return Steered{}, Answer{Outcome: RunnerNotFound}, nil
		}
		after, allowed := before.Steer(o)
		if !allowed {
			return Steered{Runner: before}, Answer{Outcome: RunnerState, Detail: contradiction(before)}, nil
		}
		s := Steered{Runner: after}
		if s.Holds, s.More, err = d.heldBy(ctx, name); err != nil {
			return s, Answer{}, err
		}
		if o.Act == roster.ActRetire && len(s.Holds) == 0 && !s.More && after.MayRetire(o.At) {
			after = after.Retire(o)
		}
		if after == before {
			return s, granted, nil
		}
		current, saved, err := d.actOnRunner(ctx, before, after, o)
		if err != nil {
			return s, Answer{}, err
		}
		if saved {
			d.ringForAct(ctx, name)
			s.Runner = current
			return s, granted, nil
		}
		before, found = current, current.Name != ""
	}
	return Steered{}, Answer{}, fmt.Errorf("act on a runner: %w", errContended)
}

// actOnRunner writes a record with the audit, and returns it as it is stored then.
// This process goes by it at once.
func (d *Dispatcher) actOnRunner(ctx context.Context, before, after roster.Runner, o roster.Order) (current roster.Runner, saved bool, err error) {
	readAt := d.Now().Round(0)
	after.Revision = before.Revision + 1
	if after.WriteID, err = d.writeID(); err != nil {
		return before, false, err
	}
	current, saved, err = d.Roster.ActOnRunner(ctx, before, after, o.Entry(roster.RunnerTarget(after.Name), after.WriteID))
	if saved {
		current = after
		d.records.put(current.Name, readRecord{current, readAt})
	}
	return current, saved, err
}

// contradiction describes the state of a runner, and what an operator can do about it.
func contradiction(r roster.Runner) string {
	state := fmt.Sprintf("it is %s", r.State)
	switch r.State {
	case roster.Paused:
		return state + ": resume it"
	case roster.Draining, roster.Quarantined:
		return state + ": release it first"
	case roster.Retired:
		return state + " for ever: start a runner under another name"
	case roster.Serving:
	}
	return state
}

// What one look for the jobs of a runner reads.
const heldPage = 500 // entries of the index of open jobs, of each shard

// RetireRunner is a runner's own word that it asks for no more jobs, ever. It needs
// no time to be known: it is retired at once if it holds nothing, else drained until it
// asks again.
func (d *Dispatcher) RetireRunner(ctx context.Context, name string) (Steered, error) {
	if d.Roster == nil {
		return Steered{}, nil
	}
	d.Heard(ctx, name) // it has a record
	o := roster.Order{Act: roster.ActRetire, By: roster.RunnerTarget(name), Why: "it asked to be", At: d.now()}
	for range 1 + maxConflicts {
		before, _, err := d.Roster.Runner(ctx, name)
		if err != nil {
			return Steered{}, err
		}
		after, _ := before.Steer(o) // allowed in every state
		after.Name = name
		s := Steered{Runner: after}
		if s.Holds, s.More, err = d.heldBy(ctx, name); err != nil {
			return s, err
		}
		if len(s.Holds) == 0 && after.State != roster.Retired {
			after = after.Retire(o)
		}
		if after == before {
			return s, nil
		}
		current, saved, err := d.actOnRunner(ctx, before, after, o)
		if s.Runner = current; err != nil || saved {
			return s, err
		}
	}
	return Steered{}, fmt.Errorf("retire: %w", errContended)
}

// heldBy lists the jobs that a runner holds; more: there are too many open jobs to see
// all. A job whose lease has expired is not held: anybody may have it.
func (d *Dispatcher) heldBy(ctx context.Context, runner string) (ids []string, more bool, err error) {
	now := d.now()
	var open []string
	for shard := range Shards {
		page, next, err := d.Store.Open(ctx, shard, "", heldPage)
		if err != nil {
			return nil, false, err
		}
		more = more || next != ""
		for _, o := range page {
			open = append(open, o.ID)
		}
	}
	for some := range slices.Chunk(open, 100) {
		jobs, err := d.Store.GetMany(ctx, some)
		if err != nil {
			return nil, false, fmt.Errorf("read open jobs: %w", err)
		}
		for _, j := range jobs {
			if j.State == job.Claimed && j.Claim.Runner == runner && !j.LeaseExpired(now) {
				ids = append(ids, j.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids, more, nil
}

// Audit lists up to limit acts, newest first, those before the one with a key; more
// reports whether there are older ones.
func (d *Dispatcher) Audit(ctx context.Context, before string, limit int) (page []roster.Entry, more bool, err error) {
	if d.Roster == nil {
		return nil, false, nil
	}
	page, err = d.Roster.Audit(ctx, before, limit+1)
	page, more = cut(page, limit)
	return page, more, err
}
