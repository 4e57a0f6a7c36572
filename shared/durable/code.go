package durable

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Short code is a row beside its job's: the time until which it is kept whatever
// becomes of the job, and the zip. It goes with its job. A row whose job was never
// written goes after that time.

func codeName(j job.Job) string { return j.ID + "#" + j.Code.SHA256 }

const untilSize = 8 // bytes

// PutCode keeps the code of a job, and does not wait for the disk: the write of its
// job does.
func (s *Store) PutCode(ctx context.Context, j job.Job, zip []byte, until job.Time) error {
	row := binary.BigEndian.AppendUint64(make([]byte, 0, untilSize+len(zip)), uint64(until))
	return s.db.ahead(ctx, codes, codeName(j), append(row, zip...))
}

// ReadCodes reads the code of jobs.
func (s *Store) ReadCodes(_ context.Context, of []job.Job) (map[string]dispatch.Code, error) {
	names := make([]string, len(of))
	for i, j := range of {
		names[i] = codeName(j)
	}
	rows, err := s.db.get(codes, names...)
	if err != nil {
		return nil, err
	}
	found := make(map[string]dispatch.Code, len(of))
	for i, row := range rows {
		if row == nil {
			continue
		}
		if len(row) < untilSize {
			return nil, damaged(fmt.Sprintf("row %q of table %c", names[i], codes), "it is too short")
		}
		found[of[i].ID] = dispatch.Code{Zip: row[untilSize:]}
	}
	return found, nil
}

// KeepCode reports whether the code of a job is there: it is kept as long as the
// job is.
func (s *Store) KeepCode(_ context.Context, j job.Job, _ job.Time) (bool, error) {
	rows, err := s.db.get(codes, codeName(j))
	return err == nil && rows[0] != nil, err
}

// RemoveCode removes the code of a job.
func (s *Store) RemoveCode(ctx context.Context, j job.Job) error {
	return s.db.write(ctx, func(b *batch) error {
		if b.get(codes, codeName(j)) != nil {
			b.put(codes, codeName(j), nil)
		}
		return nil
	})
}

// putNoCode removes the code of a job to forget. If the job cannot be read, its code is
// a stray from then on.
func (b *batch) putNoCode(id string) {
	j, _, err := decodeRow(jobs, jobFields, id, b.get(jobs, id))
	if err == nil && j.CodeInline {
		b.put(codes, codeName(j), nil)
	}
}

// removeStrayCode removes code whose time is over and whose job does not exist, or
// has its code elsewhere.
func (db *DB) removeStrayCode(ctx context.Context, now job.Time) (removed int, err error) {
	var stray []string
	err = db.scan(codes, "", func(name string, row []byte) (bool, error) {
		if until := binary.BigEndian.Uint64(append(bytes.Clone(row), make([]byte, untilSize)...)); job.Time(until) < now {
			stray = append(stray, name)
		}
		return ctx.Err() == nil, nil
	})
	for len(stray) > 0 && err == nil {
		some := stray[:min(len(stray), expireAtOnce)]
		stray = stray[len(some):]
		err = db.write(ctx, func(b *batch) error {
			for _, name := range some {
				id, _, _ := strings.Cut(name, "#")
				if row := b.get(jobs, id); row != nil {
					j, _, err := decodeRow(jobs, jobFields, id, row)
					if err != nil {
						return err
					}
					if j.CodeInline && codeName(j) == name {
						continue
					}
				}
				b.put(codes, name, nil)
				removed++
			}
			return nil
		})
	}
	return removed, err
}
