package durable

import (
	"context"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"runlease/shared/job"
	"runlease/shared/roster"
)

func runnerFields(c *codec, r *roster.Runner) {
	textField(c, 1, &r.Name)
	numberField(c, 2, &r.FirstHeard)
	numberField(c, 3, &r.LastHeard)
	textField(c, 4, &r.Version)
	languagesField(c, 5, &r.Languages)
	flagField(c, 6, &r.Checkers)
	textField(c, 7, &r.State)
	numberField(c, 8, &r.Since)
	textField(c, 9, &r.By)
	textField(c, 10, &r.Why)
	numberField(c, 11, &r.Revision)
	textField(c, 12, &r.WriteID)
	numberField(c, 20, &r.Slots)
	numberField(c, 30, &r.LostLeases)
	numberField(c, 31, &r.InfraErrors)
	row := r.Row.Text()
	textField(c, 32, &row)
	r.Row = roster.RowOf(row)
	textField(c, 33, &r.Probe)
	numberField(c, 34, &r.Probes)
	numberField(c, 35, &r.ProbeAt)
	pools := r.Pools.Text()
	textField(c, 21, &pools)
	r.Pools = job.PoolsIn(pools)
}

func languagesField(c *codec, n protowire.Number, l *job.Languages) {
	bits := int64(l.Bits())
	numberField(c, n, &bits)
	*l = job.LanguagesOf(uint64(bits))
}

func entryFields(c *codec, e *roster.Entry) {
	numberField(c, 1, &e.At)
	textField(c, 2, &e.By)
	textField(c, 3, &e.Act)
	textField(c, 4, &e.Target)
	textField(c, 5, &e.Why)
	textField(c, 6, &e.WriteID)
}

// Runner reads the record of a runner.
func (s *Store) Runner(_ context.Context, name string) (roster.Runner, bool, error) {
	return readRow(s.db, runners, runnerFields, name)
}

// SaveRunner writes a record if it was not written since before was read.
func (s *Store) SaveRunner(ctx context.Context, before, after roster.Runner) (current roster.Runner, saved bool, err error) {
	return s.saveRunner(ctx, before, after, func(*batch) {})
}

// ActOnRunner writes a record and what the audit keeps of it.
func (s *Store) ActOnRunner(ctx context.Context, before, after roster.Runner, e roster.Entry) (current roster.Runner, saved bool, err error) {
	return s.saveRunner(ctx, before, after, func(b *batch) { b.put(audit, e.Key(), encode(entryFields, &e)) })
}

// saveRunner writes a record, and with it what else belongs to its transaction.
func (s *Store) saveRunner(ctx context.Context, before, after roster.Runner, with func(*batch)) (current roster.Runner, saved bool, err error) {
	err = s.db.write(ctx, func(b *batch) error {
		var unknown []byte
		var err error
		if current, unknown, err = decodeRow(runners, runnerFields, after.Name, b.get(runners, after.Name)); err != nil {
			return err
		}
		if current.Revision != before.Revision {
			saved = current.WriteID == after.WriteID
			return nil
		}
		b.put(runners, after.Name, append(encode(runnerFields, &after), unknown...))
		with(b)
		current, saved = after, true
		return nil
	})
	if err != nil {
		return roster.Runner{}, false, err
	}
	return current, saved, nil
}

// Runners lists records by name.
func (s *Store) Runners(_ context.Context, after string, limit int) (page []roster.Runner, err error) {
	err = s.db.scan(runners, after, intoPage(&page, limit, runners, runnerFields))
	return page, err
}

func pauseFields(c *codec, p *roster.Pause) {
	textField(c, 1, &p.Target)
	numberField(c, 2, &p.At)
	textField(c, 3, &p.By)
	textField(c, 4, &p.Why)
	textField(c, 5, &p.WriteID)
}

// SavePause writes a pause of a target that has none.
func (s *Store) SavePause(ctx context.Context, p roster.Pause, e roster.Entry) (current roster.Pause, err error) {
	err = s.db.write(ctx, func(b *batch) error {
		if row := b.get(paused, p.Target); row != nil {
			var err error
			current, _, err = decodeRow(paused, pauseFields, p.Target, row)
			return err
		}
		b.put(paused, p.Target, encode(pauseFields, &p))
		b.put(audit, e.Key(), encode(entryFields, &e))
		current = p
		return nil
	})
	return current, err
}

// DeletePause takes a pause away.
func (s *Store) DeletePause(ctx context.Context, p roster.Pause, e roster.Entry) (deleted bool, err error) {
	err = s.db.write(ctx, func(b *batch) error {
		row := b.get(paused, p.Target)
		current, _, err := decodeRow(paused, pauseFields, p.Target, row)
		if deleted = err == nil && row != nil && current.WriteID == p.WriteID; deleted {
			b.put(paused, p.Target, nil)
			b.put(audit, e.Key(), encode(entryFields, &e))
		}
		return err
	})
	return deleted && err == nil, err
}

// Pauses lists all pauses.
func (s *Store) Pauses(context.Context) (all []roster.Pause, err error) {
	err = s.db.scan(paused, "", intoPage(&all, math.MaxInt, paused, pauseFields))
	return all, err
}

// Audit lists entries, newest first.
func (s *Store) Audit(_ context.Context, before string, limit int) (page []roster.Entry, err error) {
	err = s.db.scanBack(audit, before, intoPage(&page, limit, audit, entryFields))
	return page, err
}

// expireAudit forgets entries of the audit that are a year old: those before them are
// older.
func (s *Store) expireAudit(ctx context.Context, now job.Time) error {
	return expireRows(ctx, s.db, audit, entryFields, func(e roster.Entry) bool { return e.ExpiresAt() < now }, true)
}

// expireRunners forgets the records of runners that have been silent for long.
func (s *Store) expireRunners(ctx context.Context, now job.Time) error {
	return expireRows(ctx, s.db, runners, runnerFields, func(r roster.Runner) bool { return r.ExpiresAt() < now }, false)
}

// expireRows removes expired rows of a table, as many as one transaction may forget. If
// rows are sorted, the first that has not expired ends the look.
func expireRows[T any](ctx context.Context, db *DB, t table, fields func(*codec, *T), over func(T) bool, sorted bool) error {
	var due []string
	err := db.scan(t, "", func(name string, row []byte) (bool, error) {
		v, _, err := decodeRow(t, fields, name, row)
		if err == nil && over(v) && len(due) < expireAtOnce {
			due = append(due, name)
			return true, nil
		}
		return err == nil && !sorted, err
	})
	if err != nil || len(due) == 0 {
		return err
	}
	return db.write(ctx, func(b *batch) error {
		for _, name := range due {
			v, _, err := decodeRow(t, fields, name, b.get(t, name))
			if err != nil {
				return err
			}
			if over(v) { // it may have been written meanwhile
				b.put(t, name, nil)
			}
		}
		return nil
	})
}
