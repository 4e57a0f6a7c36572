package durable

import (
	"bytes"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// snapshot is the database as the last transaction has left it, for every reader
// until the next one: what is not on the disk yet, no reader sees. Its buckets
// are only ever read, so any number of goroutines may.
type snapshot struct {
	tx      *bbolt.Tx
	buckets map[table]*bbolt.Bucket
	users   atomic.Int64 // readers, and one more while it is the newest
}

func (db *DB) newSnapshot() (*snapshot, error) {
	tx, err := db.bolt.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("begin to read: %w", err)
	}
	s := &snapshot{tx: tx, buckets: make(map[table]*bbolt.Bucket)}
	s.users.Store(1)
	for _, t := range tables {
		s.buckets[t] = tx.Bucket([]byte{byte(t)})
	}
	return s, nil
}

// release gives up a use of s.
func (s *snapshot) release() {
	if s.users.Add(-1) == 0 {
		_ = s.tx.Rollback() // of a read: there is nothing that could fail
	}
}

// guarded runs read. A page that is not what bbolt has written makes it panic,
// or is a fault in memory where the file is too short: both are errors here.
func (db *DB) guarded(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			db.log.Error("a page of the database makes no sense", "fault", fault, "stack", string(debug.Stack()))
			err = damaged(file(db.dir), fault)
		}
	}()
	return read()
}

// get reads rows of a table; a missing one is nil.
func (db *DB) get(t table, names ...string) ([][]byte, error) {
	values, missing := make([][]byte, len(names)), 0
	var waits [100]bool // as many as a caller asks for
	db.mu.RLock()
	for i, name := range names {
		var p pending
		if p, waits[i] = db.pending[t][name]; waits[i] {
			values[i] = p.value
		} else {
			missing++
		}
	}
	if missing == 0 {
		db.mu.RUnlock()
		return values, nil
	}
	s := db.snapshot
	s.users.Add(1)
	db.mu.RUnlock()
	defer s.release()
	err := db.guarded(func() error {
		for i, name := range names {
			if !waits[i] {
				// Copied: the page may be another's once s is released.
				values[i] = bytes.Clone(s.buckets[t].Get([]byte(name)))
			}
		}
		return nil
	})
	return values, err
}

// rows calls more with the rows of a table, in order, until it returns false.
type rows func(name string, value []byte) (goOn bool, err error)

// intoPage appends the records of a table's rows to a page, until it has limit of them.
func intoPage[T any](page *[]T, limit int, t table, fields func(*codec, *T)) rows {
	return func(name string, row []byte) (bool, error) {
		if len(*page) == limit {
			return false, nil
		}
		record, _, err := decodeRow(t, fields, name, row)
		*page = append(*page, record)
		return err == nil, err
	}
}

// scan reads the rows of a table behind a name ("": from the first one), in order, as
// they are now.
func (db *DB) scan(t table, behind string, more rows) error {
	return db.walk(t, more, walking{
		wants: func(name string) bool { return name > behind || behind == "" },
		order: strings.Compare,
		first: func(c *bbolt.Cursor) ([]byte, []byte) {
			k, v := c.Seek([]byte(behind))
			if k != nil && string(k) == behind {
				k, v = c.Next()
			}
			return k, v
		},
		next: (*bbolt.Cursor).Next,
	})
}

// scanBack reads the rows of a table before a name ("": from the last one), backwards.
func (db *DB) scanBack(t table, before string, more rows) error {
	return db.walk(t, more, walking{
		wants: func(name string) bool { return name < before || before == "" },
		order: func(a, b string) int { return strings.Compare(b, a) },
		first: func(c *bbolt.Cursor) ([]byte, []byte) {
			if before == "" {
				return c.Last()
			}
			if k, _ := c.Seek([]byte(before)); k == nil {
				return c.Last()
			}
			return c.Prev()
		},
		next: (*bbolt.Cursor).Prev,
	})
}

// walking is a direction.
type walking struct {
	wants func(name string) bool
	order func(a, b string) int
	first func(*bbolt.Cursor) (key, value []byte)
	next  func(*bbolt.Cursor) (key, value []byte)
}

// walk merges the rows of the journal with those of the table. If a row is in both, the
// journal has the newer value.
func (db *DB) walk(t table, more rows, w walking) error {
	db.mu.RLock()
	waiting := make(map[string][]byte, len(db.pending[t]))
	for name, p := range db.pending[t] {
		if w.wants(name) {
			waiting[name] = p.value
		}
	}
	s := db.snapshot
	s.users.Add(1)
	db.mu.RUnlock()
	defer s.release()
	names := slices.SortedFunc(maps.Keys(waiting), w.order)
	return db.guarded(func() error {
		c := s.buckets[t].Cursor()
		k, v := w.first(c)
		for k != nil || len(names) > 0 {
			name, value := string(k), v
			if len(names) > 0 && (k == nil || w.order(names[0], name) <= 0) {
				if k != nil && names[0] == name {
					k, v = w.next(c) // what waits is newer
				}
				name, value = names[0], waiting[names[0]]
				if names = names[1:]; value == nil {
					continue
				}
			} else {
				k, v = w.next(c)
			}
			if goOn, err := more(name, value); err != nil || !goOn {
				return err
			}
		}
		return nil
	})
}
