package durable

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runlease/shared/announce"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/problem"
)

// Store is dispatch.Store in a folder.
type Store struct{ db *DB }

// Store is the folder's jobs and problems.
func (db *DB) Store() *Store { return &Store{db} }

// Get reads a job.
func (s *Store) Get(_ context.Context, id string) (job.Job, bool, error) {
	return readRow(s.db, jobs, jobFields, id)
}

// readRow reads one record; it returns false if there is none.
func readRow[T any](db *DB, t table, lead func(*codec, *T), name string) (record T, found bool, err error) {
	rows, err := db.get(t, name)
	if err != nil || rows[0] == nil {
		return record, false, err
	}
	record, _, err = decodeRow(t, lead, name, rows[0])
	return record, true, err
}

// decodeRow is decode, with an error that says which row it was.
func decodeRow[T any](t table, lead func(*codec, *T), name string, row []byte) (record T, unknown []byte, err error) {
	if record, unknown, err = decode(lead, row); err != nil {
		err = damaged(fmt.Sprintf("row %q of table %c", name, t), err)
	}
	return record, unknown, err
}

// GetMany reads the jobs that exist.
func (s *Store) GetMany(_ context.Context, names []string) (map[string]job.Job, error) {
	rows, err := s.db.get(jobs, names...)
	if err != nil {
		return nil, err
	}
	found := make(map[string]job.Job, len(names))
	for i, row := range rows {
		if row == nil {
			continue
		}
		if found[names[i]], _, err = decodeRow(jobs, jobFields, names[i], row); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Create writes a new job if its id is free.
func (s *Store) Create(ctx context.Context, j job.Job) (current job.Job, created bool, err error) {
	row := encode(jobFields, &j)
	err = s.db.write(ctx, func(b *batch) error {
		current, created = j, true
		if taken := b.get(jobs, j.ID); taken != nil {
			var err error
			current, _, err = decodeRow(jobs, jobFields, j.ID, taken)
			created = current.WriteID == j.WriteID
			return err
		}
		b.putJob(job.Job{}, j, row)
		return nil
	})
	if err != nil {
		return job.Job{}, false, err
	}
	return current, created, nil
}

// Save writes a job if it was not written since before was read.
func (s *Store) Save(ctx context.Context, before, after job.Job) (current job.Job, saved bool, err error) {
	row := encode(jobFields, &after)
	var due []memory.KeptLetter
	if s.db.hooks != nil && announce.Step(before, after) {
		for _, l := range s.db.hooks.Final(after) {
			due = append(due, memory.KeptLetter{Letter: l, Due: l.Since})
		}
	}
	err = s.db.write(ctx, func(b *batch) error {
		current, saved = job.Job{}, false
		stored := b.get(jobs, after.ID)
		if stored == nil {
			return nil
		}
		var unknown []byte
		var err error
		if current, unknown, err = decodeRow(jobs, jobFields, after.ID, stored); err != nil {
			return err
		}
		if current.Revision != before.Revision {
			saved = current.WriteID == after.WriteID
			return nil
		}
		b.putJob(current, after, append(row, unknown...))
		for _, l := range due { // in the job's own transaction: no kill comes between them
			b.put(letters, memory.LetterName(l.Letter), encode(letterFields, &l))
		}
		current, saved = after, true
		return nil
	})
	if err != nil {
		return job.Job{}, false, err
	}
	if saved && len(due) > 0 {
		s.db.hooks.Load(due...)
	}
	return current, saved, nil
}

// DeleteJob removes a job if it was not written since it was read.
func (s *Store) DeleteJob(ctx context.Context, j job.Job) (current job.Job, deleted bool, err error) {
	err = s.db.write(ctx, func(b *batch) error {
		current, deleted = job.Job{}, false
		stored := b.get(jobs, j.ID)
		if stored == nil {
			return nil
		}
		var err error
		if current, _, err = decodeRow(jobs, jobFields, j.ID, stored); err != nil || current.Revision != j.Revision {
			return err
		}
		b.putJob(current, job.Job{ID: j.ID}, nil) // takes its entries out of the indexes
		deleted = true
		return nil
	})
	return current, deleted && err == nil, err
}

// putJob writes a job and moves its entries in the indexes.
func (b *batch) putJob(before, after job.Job, row []byte) {
	b.put(jobs, after.ID, row)
	for _, index := range []struct {
		table   table
		was, is string
		value   []byte
	}{
		{open, openName(before), openName(after), []byte{}},
		{ends, endName(before), endName(after), endedValue(after)},
		{finals, finalName(before), finalName(after), []byte{}},
		{disputes, disputeName(before), disputeName(after), []byte{}},
	} {
		if index.was == index.is {
			continue
		}
		if index.was != "" {
			b.put(index.table, index.was, nil)
		}
		if index.is != "" {
			b.put(index.table, index.is, index.value)
		}
	}
}

// openName is a job's place among the open ones, by shard and age; "" if it has none.
func openName(j job.Job) string {
	if !j.Open() {
		return ""
	}
	return placed([]byte{byte(dispatch.ShardOf(j.ID))}, j.QueuedAt, j.ID)
}

// endName is a job's place among the jobs that will expire.
func endName(j job.Job) string {
	at := j.ExpiresAt()
	if at == 0 {
		return ""
	}
	return placed(nil, at, j.ID)
}

// endedValue is what the index of ends says beside a job's place: of a final job its
// generation and state. Jobs that ended under an older version have none.
func endedValue(j job.Job) []byte {
	if !j.Final() {
		return []byte{}
	}
	return append(binary.AppendUvarint(nil, uint64(j.Generation)), j.State...)
}

// Ended lists final jobs that ended after a time, from the index of ends.
func (s *Store) Ended(_ context.Context, after job.Time, limit int) (page []dispatch.EndedJob, more bool, err error) {
	var found []dispatch.EndedJob
	err = s.db.scan(ends, placed(nil, (after+1).Add(job.KeepFinal), ""), func(name string, value []byte) (bool, error) {
		generation, n := binary.Uvarint(value)
		if n <= 0 {
			return true, nil
		}
		at, id := place(name)
		at = at.Add(-job.KeepFinal)
		found = append(found, dispatch.EndedJob{ID: id, Generation: int(generation), State: job.State(value[n:]), EndedAt: at})
		return len(found) <= limit || at == found[0].EndedAt, nil
	})
	if err != nil {
		return nil, false, err
	}
	page, more = dispatch.PageOf(found, limit)
	return page, more, nil
}

func placed(prefix []byte, at job.Time, id string) string {
	return string(append(binary.BigEndian.AppendUint64(prefix, uint64(at)), id...))
}

// place takes apart what placed has put together, without its prefix.
func place(name string) (job.Time, string) {
	return job.Time(binary.BigEndian.Uint64([]byte(name[:8]))), name[8:]
}

// Open lists open jobs of a shard, oldest first, behind a cursor.
func (s *Store) Open(_ context.Context, shard int, cursor string, limit int) (page []dispatch.OpenJob, next string, err error) {
	prefix := string(rune(shard)) // below 128, one byte
	behind := prefix
	if cursor != "" {
		at, id, found := strings.Cut(cursor, "#")
		ms, err := strconv.ParseInt(at, 10, 64)
		if !found || err != nil {
			return nil, "", errors.New("read cursor: it is none of ours")
		}
		behind = placed([]byte(prefix), job.Time(ms), id)
	}
	err = s.db.scan(open, behind, func(name string, _ []byte) (bool, error) {
		if !strings.HasPrefix(name, prefix) {
			return false, nil
		}
		if len(page) == limit {
			last := page[limit-1]
			next = fmt.Sprintf("%d#%s", last.QueuedAt, last.ID)
			return false, nil
		}
		at, id := place(name[1:])
		page = append(page, dispatch.OpenJob{ID: id, QueuedAt: at})
		return true, nil
	})
	return page, next, err
}

// Problem reads a problem.
func (s *Store) Problem(_ context.Context, id int) (problem.Problem, bool, error) {
	return readRow(s.db, problems, problemFields, strconv.Itoa(id))
}

// SaveProblem writes a problem if it was not written since before was read, and with it
// the record of a new version.
func (s *Store) SaveProblem(ctx context.Context, before, after problem.Problem) (current problem.Problem, saved bool, err error) {
	name := strconv.Itoa(after.ID)
	err = s.db.write(ctx, func(b *batch) error {
		current, saved = problem.Problem{}, false
		var unknown []byte
		if stored := b.get(problems, name); stored != nil {
			var err error
			if current, unknown, err = decodeRow(problems, problemFields, name, stored); err != nil {
				return err
			}
		}
		if current.Revision != before.Revision {
			saved = current.WriteID == after.WriteID
			return nil
		}
		b.put(problems, name, append(encode(problemFields, &after), unknown...))
		if after.Version != before.Version {
			b.put(versions, versionName(after.ID, after.Version), encode(contentFields, &after.Current))
		}
		current, saved = after, true
		return nil
	})
	if err != nil {
		return problem.Problem{}, false, err
	}
	return current, saved, nil
}

func versionName(id, number int) string { return fmt.Sprintf("%d#%d", id, number) }

// ProblemVersion reads a published version.
func (s *Store) ProblemVersion(_ context.Context, id, number int) (problem.Content, bool, error) {
	return readRow(s.db, versions, contentFields, versionName(id, number))
}

// Problems lists problems by id. Their rows are in the order of texts, so it
// looks at every id: a server of one machine has some thousand.
func (s *Store) Problems(_ context.Context, after, limit int) ([]dispatch.ListedProblem, error) {
	var known []int
	err := s.db.scan(problems, "", func(name string, _ []byte) (bool, error) {
		id, err := strconv.Atoi(name)
		if id > after {
			known = append(known, id)
		}
		return true, err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(known)
	var page []dispatch.ListedProblem
	for _, id := range known[:min(limit, len(known))] {
		p, _, err := readRow(s.db, problems, problemFields, strconv.Itoa(id))
		if err != nil {
			return nil, err
		}
		page = append(page, dispatch.ListedProblem{ID: id, Version: p.Version})
	}
	return page, nil
}

// ProblemVersions lists versions of a problem by number: they have no gaps.
func (s *Store) ProblemVersions(ctx context.Context, id, after, limit int) (page []dispatch.PublishedVersion, err error) {
	for number := after + 1; len(page) < limit; number++ {
		c, found, err := s.ProblemVersion(ctx, id, number)
		if err != nil || !found {
			return page, err
		}
		page = append(page, dispatch.PublishedVersion{Number: number, Content: c})
	}
	return page, nil
}

// sweepMark is the one row of marks.
const sweepMark = "sweep"

// Mark reads where the sweep stands.
func (s *Store) Mark(context.Context) (dispatch.Mark, error) {
	mark, _, err := readRow(s.db, marks, markFields, sweepMark)
	return mark, err
}

// SaveMark writes where the sweep stands if it was not written since before was read.
func (s *Store) SaveMark(ctx context.Context, before, after dispatch.Mark) (saved bool, err error) {
	err = s.db.write(ctx, func(b *batch) error {
		current, unknown, err := decodeRow(marks, markFields, sweepMark, b.get(marks, sweepMark))
		if saved = err == nil && current.Revision == before.Revision; saved {
			b.put(marks, sweepMark, append(encode(markFields, &after), unknown...))
		}
		return err
	})
	return saved && err == nil, err
}
