package dispatch

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"runlease/shared/job"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// Rejudges keeps the records of rejudges of many.
type Rejudges interface {
	// Rejudge reads one by its id; it returns false if there is none. Strongly consistent.
	Rejudge(ctx context.Context, id string) (rejudge.Many, bool, error)
	// SaveRejudge writes the difference between two states of a record on the condition
	// that the stored Revision is before.Revision (0: none stored), and in the same
	// transaction an entry of the audit; nil: none. A new one is written on the condition
	// that no other of its problem is running. If it was not written, saved is false and
	// current is what stood in its way; a repetition of our own write counts as saved.
	SaveRejudge(ctx context.Context, before, after rejudge.Many, e *roster.Entry) (current rejudge.Many, saved bool, err error)
	// Rejudges lists up to limit of them, the last that began in front, those before the
	// one with an id ("": all). It may lag behind writes.
	Rejudges(ctx context.Context, before string, limit int) ([]rejudge.Many, error)
	// RunningRejudges lists the ids of up to limit running rejudges. It may lag
	// behind writes.
	RunningRejudges(ctx context.Context, limit int) ([]string, error)
}

// The codes of rejudges of many.
const (
	RejudgeNotFound job.Outcome = "rejudge_not_found"
	RejudgeRunning  job.Outcome = "rejudge_running" // Detail: which
	RejudgeState    job.Outcome = "rejudge_state"   // Detail: the state
)

// RejudgeMany begins a rejudge of the final jobs that a filter matches, which the sweep
// goes on with. They are judged in a pool, by name; "": each where it was. The same
// order again returns the rejudge that runs by it. Refused with UnknownPool and
// ProblemNotFound, and with RejudgeRunning while another of the problem runs.
func (d *Dispatcher) RejudgeMany(ctx context.Context, f rejudge.Filter, pool string, o roster.Order) (rejudge.Many, Answer, error) {
	if pool != "" && !d.Queues.has(job.PoolOf(pool)) {
		return rejudge.Many{}, d.noPool(pool), nil
	}
	if answer, err := d.problemExists(ctx, f.Problem); err != nil || !answer.OK() {
		return rejudge.Many{}, answer, err
	}
	o.Act, o.At = rejudge.ActBegin, d.now()
	id, err := d.writeID()
	if err != nil {
		return rejudge.Many{}, Answer{}, err
	}
	m := rejudge.Begin(f, pool, o, id)
	current, saved, err := d.Roster.SaveRejudge(ctx, rejudge.Many{}, m, new(o.Entry(rejudge.Target(m.ID), id)))
	switch {
	case err != nil:
		return rejudge.Many{}, Answer{}, err
	case !saved && !current.Repeats(m):
		return current, Answer{Outcome: RejudgeRunning, Detail: fmt.Sprintf("%s is running: wait for its end, or stop it", current.ID)}, nil
	}
	return current, granted, nil
}

// FindRejudge reads a rejudge of many. Refused with RejudgeNotFound.
func (d *Dispatcher) FindRejudge(ctx context.Context, id string) (rejudge.Many, Answer, error) {
	m, found, err := d.Roster.Rejudge(ctx, id)
	if err == nil && !found {
		return m, Answer{Outcome: RejudgeNotFound}, nil
	}
	return m, granted, err
}

// ListRejudges lists up to limit rejudges of many, the last that began in front, those
// before the one with an id; more reports whether there are older ones.
func (d *Dispatcher) ListRejudges(ctx context.Context, before string, limit int) (page []rejudge.Many, more bool, err error) {
	if page, err = d.Roster.Rejudges(ctx, before, limit+1); len(page) > limit {
		page, more = page[:limit], true
	}
	return page, more, err
}

// StopRejudge ends a rejudge of many where it is; up to rejudgeAtOnce more jobs may be
// rejudged by a sweep that is under way. A stopped rejudge stays as it is. Refused
// with RejudgeNotFound and RejudgeState.
func (d *Dispatcher) StopRejudge(ctx context.Context, id string, o roster.Order) (rejudge.Many, Answer, error) {
	o.Act, o.At = rejudge.ActStop, d.now()
	before, answer, err := d.FindRejudge(ctx, id)
	for range 1 + maxConflicts {
		switch {
		case err != nil || !answer.OK():
			return before, answer, err
		case before.State == rejudge.Done:
			return before, Answer{Outcome: RejudgeState, Detail: "it is done"}, nil
		case !before.Running():
			return before, granted, nil
		}
		after := before.Stop(o)
		after.Revision = before.Revision + 1
		if after.WriteID, err = d.writeID(); err != nil {
			return before, Answer{}, err
		}
		current, saved, err := d.Roster.SaveRejudge(ctx, before, after, new(o.Entry(rejudge.Target(id), after.WriteID)))
		if err != nil || saved {
			return after, granted, err
		}
		before = current
	}
	return before, Answer{}, fmt.Errorf("stop a rejudge: %w", errContended)
}

// What the sweep does for rejudges of many in one run. A job takes a message and two
// writes, some 20 ms.
const (
	rejudgesAtOnce  = 20  // records that are gone on with
	rejudgeAtOnce   = 25  // jobs that are pending at a time
	rejudgesASweep  = 600 // jobs, of all records
	finalsASweep    = 60  // pages of the index of final jobs, of each record and search
	finalsAPage     = 100
	sweepLeavesTime = 10 * time.Second // before the deadline of the run
)

// goOn goes on with the rejudges of many that are running, the oldest first. If one
// fails, the next run tries it again, and the others go on.
func (d *Dispatcher) goOn(ctx context.Context, depths map[job.Pool]Depth, swept *Swept) {
	if d.Roster == nil {
		return
	}
	ids, err := d.Roster.RunningRejudges(ctx, rejudgesAtOnce)
	if err != nil {
		d.Log.WarnContext(ctx, "rejudges of many not listed", "error", err)
	}
	slices.Sort(ids)
	for _, id := range ids {
		m, found, err := d.Roster.Rejudge(ctx, id)
		if err == nil && found && m.Running() && m.Ready(d.now()) {
			r := rejudging{Dispatcher: d, stored: m, Many: m, depths: depths, swept: swept}
			err = r.goOn(ctx)
		}
		if err != nil {
			d.Log.WarnContext(ctx, "rejudge of many not gone on with", "rejudge", id, "error", err)
		}
	}
}

// rejudging is a run of the sweep over one rejudge of many.
type rejudging struct {
	*Dispatcher
	stored rejudge.Many
	rejudge.Many
	depths map[job.Pool]Depth
	swept  *Swept

	found []FinalJob // read from the index, not looked at yet
	ended bool       // the index has no more
	pages int        // read in this run
}

func (r *rejudging) goOn(ctx context.Context) error {
	r.Many = r.Paced(r.waiting(r.RungIn))
	if !r.Counted {
		if err := r.count(ctx); err != nil {
			return err
		}
	}
	for r.Counted && r.swept.Rejudged < rejudgesASweep && r.waiting(r.RungIn) < r.Step && inTime(ctx) {
		if len(r.Pending) == 0 {
			if err := r.search(ctx); err != nil {
				return err
			}
			if len(r.Pending) == 0 {
				break
			}
			if saved, err := r.save(ctx); err != nil || !saved {
				return err
			}
		}
		left, failed, err := r.again(ctx)
		if err != nil {
			return err
		}
		r.Many = r.Tried(left, failed)
		if len(left) > 0 {
			break
		}
	}
	if r.Counted && r.ended && len(r.found) == 0 && len(r.Pending) == 0 {
		r.Many = r.Finish(r.now())
	}
	_, err := r.save(ctx)
	return err
}

// inTime reports whether the run has time for more.
func inTime(ctx context.Context) bool {
	end, bounded := ctx.Deadline()
	return ctx.Err() == nil && (!bounded || time.Until(end) > sweepLeavesTime)
}

// waiting is how many messages wait in the queue of a pool.
func (r *rejudging) waiting(pool job.Pool) int { return r.depths[pool].Visible + r.swept.rang[pool] }

// count counts the jobs that are to be rejudged.
func (r *rejudging) count(ctx context.Context) error {
	for {
		if err := r.read(ctx); err != nil {
			return err
		}
		if len(r.found) == 0 {
			break
		}
		for f := range r.looked() {
			if r.takes(f) {
				r.Matched++
			}
		}
	}
	if r.ended {
		r.Counted, r.Cursor, r.ended, r.pages = true, "", false, 0
	}
	return nil
}

// search looks for jobs to be rejudged next.
func (r *rejudging) search(ctx context.Context) error {
	for len(r.Pending) < rejudgeAtOnce {
		if err := r.read(ctx); err != nil {
			return err
		}
		if len(r.found) == 0 {
			return nil
		}
		for f := range r.looked() {
			if r.takes(f) {
				r.Pending = append(r.Pending, rejudge.Pending{Job: f.ID, Generation: f.Generation})
			}
			if len(r.Pending) == rejudgeAtOnce {
				break
			}
		}
	}
	return nil
}

func (r *rejudging) takes(f FinalJob) bool { return r.Takes(f.State, f.Status, f.EndedAt) }

// looked gives out what was read, and moves the cursor behind it.
func (r *rejudging) looked() func(yield func(FinalJob) bool) {
	return func(yield func(FinalJob) bool) {
		for len(r.found) > 0 {
			f := r.found[0]
			r.found, r.Cursor = r.found[1:], f.Cursor()
			if f.EndedAt < r.From { // so are those behind it
				r.found, r.ended = nil, true
			}
			if !yield(f) {
				return
			}
		}
	}
}

// read reads a page of the index, if the one before has been looked at, there may be
// one and the run may read more.
func (r *rejudging) read(ctx context.Context) error {
	if len(r.found) > 0 || r.ended || r.pages == finalsASweep || !inTime(ctx) {
		return nil
	}
	cursor := r.Cursor
	if cursor == "" {
		// Before all that ended in time: no id is lower.
		cursor = FinalJob{EndedJob: EndedJob{ID: "-", EndedAt: r.Before()}}.Cursor()
	}
	page, more, err := r.Store.FinalOf(ctx, r.Many.Problem, cursor, finalsAPage)
	if err != nil {
		return fmt.Errorf("list final jobs: %w", err)
	}
	r.found, r.ended = page, !more
	r.pages++
	return nil
}

// again rejudges what is pending, and returns what is left: there is no room for it in
// its queue, or it could not be written.
func (r *rejudging) again(ctx context.Context) (left []rejudge.Pending, failed bool, err error) {
	ids := make([]string, len(r.Pending))
	for i, p := range r.Pending {
		ids[i] = p.Job
	}
	jobs, err := r.Store.GetMany(ctx, ids)
	if err != nil {
		return nil, false, err
	}
	for _, p := range r.Pending {
		j, exists := jobs[p.Job]
		if !exists {
			r.Skipped++
			continue
		}
		pool := r.poolFor(j, r.Pool)
		if r.waiting(pool) >= r.Step {
			left = append(left, p)
			continue
		}
		// Later than the rejudge began, by a clock that is behind too.
		op := job.RejudgeOp{Now: max(r.now(), r.StartedAt), Generation: p.Generation, Pool: &pool}
		c, err := r.updateFrom(ctx, j, r.nextGeneration(op, r.Group()))
		switch {
		case err != nil:
			left, failed = append(left, p), true
			r.Log.WarnContext(ctx, "job not rejudged", "job_id", p.Job, "rejudge", r.ID, "error", err)
			continue
		case !c.OK():
			r.Skipped++
			continue
		case c.write:
			r.RungIn = c.after.Pool
			r.swept.Rejudged++
			r.swept.rang[c.after.Pool]++
		}
		r.Rejudged++
	}
	return left, failed, nil
}

// save writes how far the run has come; false if another run is ahead of it, or it was stopped.
func (r *rejudging) save(ctx context.Context) (saved bool, err error) {
	if reflect.DeepEqual(r.stored, r.Many) {
		return true, nil
	}
	for settled := false; ; settled = true {
		r.Revision, r.UpdatedAt = r.stored.Revision+1, max(r.now(), r.stored.UpdatedAt)
		if r.WriteID, err = r.writeID(); err != nil {
			return false, err
		}
		current, saved, err := r.Roster.SaveRejudge(ctx, r.stored, r.Many, nil)
		if err != nil {
			return false, err
		}
		if saved {
			r.stored = r.Many
			return !settled, nil
		}
		after, some := current.Settle(r.stored, r.Many)
		if !some || settled {
			return false, nil
		}
		r.stored, r.Many = current, after
	}
}
