package durable

import (
	"context"
	"strconv"

	"runlease/shared/job"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

func rejudgeFields(c *codec, m *rejudge.Many) {
	textField(c, 1, &m.ID)
	numberField(c, 2, &m.Problem)
	status := rejudge.StatusText(m.Status)
	textField(c, 3, &status)
	m.Status = rejudge.StatusIn(status)
	numberField(c, 4, &m.From)
	numberField(c, 5, &m.To)
	textField(c, 6, &m.Pool)
	textField(c, 7, &m.By)
	textField(c, 8, &m.Why)
	textField(c, 9, &m.State)
	numberField(c, 10, &m.StartedAt)
	numberField(c, 11, &m.UpdatedAt)
	numberField(c, 12, &m.EndedAt)
	numberField(c, 13, &m.Matched)
	flagField(c, 14, &m.Counted)
	numberField(c, 15, &m.Rejudged)
	numberField(c, 16, &m.Skipped)
	numberField(c, 17, &m.Failed)
	textField(c, 18, &m.Cursor)
	pending := rejudge.PendingText(m.Pending)
	textField(c, 19, &pending)
	m.Pending = rejudge.PendingIn(pending)
	numberField(c, 20, &m.Tries)
	numberField(c, 21, &m.Step)
	textField(c, 22, &m.RungIn)
	numberField(c, 23, &m.Revision)
	textField(c, 24, &m.WriteID)
}

// Rejudge reads a rejudge of many.
func (s *Store) Rejudge(_ context.Context, id string) (rejudge.Many, bool, error) {
	return readRow(s.db, rejudges, rejudgeFields, id)
}

// SaveRejudge writes one if it was not written since before was read, and no other of its
// problem runs if it is new.
func (s *Store) SaveRejudge(ctx context.Context, before, after rejudge.Many, e *roster.Entry) (current rejudge.Many, saved bool, err error) {
	problem := strconv.Itoa(after.Problem)
	err = s.db.write(ctx, func(b *batch) error {
		read := func(id string) (unknown []byte, err error) {
			current, unknown, err = decodeRow(rejudges, rejudgeFields, id, b.get(rejudges, id))
			return unknown, err
		}
		unknown, err := read(after.ID)
		if err != nil {
			return err
		}
		if current.Revision != before.Revision {
			saved = current.WriteID == after.WriteID
			return nil
		}
		if running := b.get(rejudging, problem); before.Revision == 0 && running != nil {
			_, err := read(string(running))
			return err
		}
		b.put(rejudges, after.ID, append(encode(rejudgeFields, &after), unknown...))
		switch {
		case before.Revision == 0:
			b.put(rejudging, problem, []byte(after.ID))
		case before.Running() && !after.Running():
			b.put(rejudging, problem, nil)
		}
		if e != nil {
			b.put(audit, e.Key(), encode(entryFields, e))
		}
		current, saved = after, true
		return nil
	})
	if err != nil {
		return rejudge.Many{}, false, err
	}
	return current, saved, nil
}

// Rejudges lists them, the last that began in front.
func (s *Store) Rejudges(_ context.Context, before string, limit int) (page []rejudge.Many, err error) {
	err = s.db.scanBack(rejudges, before, intoPage(&page, limit, rejudges, rejudgeFields))
	return page, err
}

// RunningRejudges lists the ids of running rejudges.
func (s *Store) RunningRejudges(_ context.Context, limit int) (ids []string, err error) {
	err = s.db.scan(rejudging, "", func(_ string, id []byte) (bool, error) {
		ids = append(ids, string(id))
		return len(ids) < limit, nil
	})
	return ids, err
}

// expireRejudges forgets rejudges that ended a year ago. Only the counts of an ended
// rejudge still change.
func (s *Store) expireRejudges(ctx context.Context, now job.Time) error {
	return expireRows(ctx, s.db, rejudges, rejudgeFields, func(m rejudge.Many) bool { return m.ExpiresAt() != 0 && m.ExpiresAt() < now }, false)
}
