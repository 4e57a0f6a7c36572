package durable

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// How rows leave the journal.
const (
	// settleNormally is how long they stay: most jobs have ended by then, or are
	// waiting for too long to be remembered.
	settleNormally = time.Second
	// settleMost is about how many are moved by a transaction: enough to share the
	// pages above their own, and few enough for the memory of one.
	settleMost = 20_000
)

// settleAfter is settleNormally, but in tests that wait for an index.
var settleAfter = settleNormally

// settling is what a transaction moves to the tables.
type settling struct {
	rows    []change // each the newest of its row
	records int      // of the backlog that are done with
	last    int64    // number of the last of those
}

// settler moves rows from the journal to their tables, until the writer has ended
// and nothing is left. It writes beside the writer, so that no request waits for
// the many pages of a transaction.
func (db *DB) settler() {
	defer close(db.stopped)
	failing := false
	for {
		var flushed chan struct{}
		ended := false
		due, arrived := db.untilSettling(failing)
		wait := time.NewTimer(due)
		select {
		case <-wait.C:
		case flushed = <-db.flushes:
		case <-db.ended:
			db.files.close()
			ended = true
		case <-arrived: // it is not due yet
		}
		wait.Stop()
		for err := error(nil); ; {
			s := db.plan(ended || flushed != nil)
			if s.records == 0 {
				break
			}
			if err = db.settle(s); err == nil {
				failing = false
				continue
			}
			if err = explain(db.dir, err); !failing {
				db.log.Error("rows stay in the journal until they can be moved to their tables", "error", err)
			}
			failing = true
			break
		}
		if flushed != nil {
			close(flushed)
		}
		if ended {
			return
		}
	}
}

// plan chooses what to move: the oldest records first, so that what the journal
// still holds is always newer than the tables.
func (db *DB) plan(all bool) (s settling) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	filed := db.files.filed()
	for _, r := range db.backlog {
		if !all && time.Since(r.at) < settleAfter || r.number > filed || len(s.rows) >= settleMost {
			break
		}
		for _, k := range r.keys {
			if p := db.pending[k.table][k.name]; p.number == r.number && k.table != objects {
				s.rows = append(s.rows, change{k, p.value})
			}
		}
		s.records++
		s.last = r.number
	}
	// In the order of the pages that they go to.
	slices.SortFunc(s.rows, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.table, b.table), strings.Compare(a.name, b.name))
	})
	return s
}

// untilSettling is how long the settler may sleep, and what wakes it while there is
// nothing to move.
func (db *DB) untilSettling(failing bool) (time.Duration, <-chan struct{}) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	switch {
	case len(db.backlog) == 0:
		return time.Hour, db.arrived
	case failing || db.backlog[0].number > db.files.filed():
		return settleAfter / 4, nil
	}
	return max(0, settleAfter-time.Since(db.backlog[0].at)), nil
}

// settle moves rows to their tables in a transaction, and forgets the records that
// held them. An object is in its file already.
func (db *DB) settle(s settling) error {
	err := db.guarded(func() error {
		return db.bolt.Update(func(tx *bbolt.Tx) error {
			for _, c := range s.rows {
				rows := tx.Bucket([]byte{byte(c.table)})
				var err error
				if c.value == nil {
					err = rows.Delete([]byte(c.name))
				} else {
					err = rows.Put([]byte(c.name), c.value)
				}
				if err != nil {
					return err
				}
			}
			meta := tx.Bucket(metaBucket)
			if err := meta.Put(clockKey, numbered(db.Clock.Now().UnixMilli())); err != nil {
				return err
			}
			return meta.Put(settledKey, numbered(s.last))
		})
	})
	if err != nil {
		return err
	}
	next, err := db.newSnapshot()
	if err != nil {
		return err
	}
	db.mu.Lock()
	last := db.snapshot
	db.snapshot = next
	forget := db.backlog[:s.records]
	db.backlog = db.backlog[s.records:]
	db.mu.Unlock()
	last.release()
	// A few at a time: requests come in between.
	for _, r := range forget {
		db.mu.Lock()
		for _, k := range r.keys {
			if db.pending[k.table][k.name].number == r.number {
				delete(db.pending[k.table], k.name)
			}
		}
		db.mu.Unlock()
	}
	db.settled.Store(s.last)
	return nil
}

// flush moves everything to the tables that is in the journal now.
func (db *DB) flush(ctx context.Context) error {
	db.mu.RLock()
	until := db.number
	db.mu.RUnlock()
	for db.settled.Load() < until {
		done := make(chan struct{})
		select {
		case db.flushes <- done:
		case <-db.stopped:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		<-done
		if db.settled.Load() < until { // objects are on their way to their files
			time.Sleep(settleAfter / 4)
		}
	}
	return nil
}

// encode is the journal record of a batch: of each row its table, its name, and
// its value or that it is gone.
func (b *batch) encode() []byte {
	out := make([]byte, 0, b.size)
	for _, k := range b.order {
		value := b.changes[k]
		out = append(out, byte(k.table))
		out = binary.AppendUvarint(out, uint64(len(k.name)))
		out = append(out, k.name...)
		if value == nil {
			out = binary.AppendUvarint(out, 0)
			continue
		}
		out = binary.AppendUvarint(out, uint64(len(value))+1)
		out = append(out, value...)
	}
	return out
}

var errRecord = errors.New("a record of the journal makes no sense")

// readChanges reads a journal record. What it returns is a copy.
func readChanges(record []byte) ([]change, error) {
	record = append([]byte(nil), record...)
	take := func(n uint64) ([]byte, bool) {
		if n > uint64(len(record)) {
			return nil, false
		}
		part := record[:n:n]
		record = record[n:]
		return part, true
	}
	length := func() uint64 {
		n, read := binary.Uvarint(record)
		if read <= 0 {
			record = nil
			return 1 << 62
		}
		record = record[read:]
		return n
	}
	var all []change
	for len(record) > 0 {
		t, _ := take(1)
		name, ok := take(length())
		if !ok {
			return nil, errRecord
		}
		c := change{key: key{table(t[0]), string(name)}}
		if n := length(); n > 0 {
			if c.value, ok = take(n - 1); !ok {
				return nil, errRecord
			}
		}
		all = append(all, c)
	}
	return all, nil
}
