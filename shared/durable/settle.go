package durable

import (
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/bbolt"
)

// How rows leave the journal.
const (
	// settleNormally is how long they stay: most jobs have ended by then, or are
	// waiting for longer than anybody wants to remember them.
	settleNormally = time.Second
	// settleAtOnce is how many are moved by a transaction that has little else to
	// do: some milliseconds, which nobody should have to wait longer for.
	settleAtOnce = 512
	// settleFor each row that a transaction brings, so many are moved: with more
	// than one the journal does not grow, whatever the load.
	settleFor = 2
)

// settleAfter is settleNormally, but in tests that wait for an index.
var settleAfter = settleNormally

// settling is what a transaction moves to the tables.
type settling struct {
	keys    []key // each the newest of its row
	records int   // of the journal that are done with
	done    int   // keys of the one after those
}

// plan chooses what to move: the oldest first, so that what the journal still
// holds is always newer than the tables.
func (db *DB) plan(brought int, closing bool) settling {
	limit := max(settleAtOnce, settleFor*brought)
	filed := db.files.filed()
	var s settling
	for _, r := range db.backlog {
		if !closing && time.Since(r.at) < settleAfter || r.number > filed {
			break
		}
		from := r.done
		if s.records > 0 {
			from = 0
		}
		for i := from; i < len(r.keys); i++ {
			if len(s.keys) == limit {
				s.done = i
				return s
			}
			if k := r.keys[i]; db.pending[k.table][k.name].number == r.number {
				s.keys = append(s.keys, k)
			}
		}
		s.records++
	}
	return s
}

// untilSettling is how long the writer may sleep.
func (db *DB) untilSettling() time.Duration {
	switch {
	case len(db.backlog) == 0:
		return time.Hour
	case db.broken.Load() != nil || db.backlog[0].number > db.files.filed():
		return settleAfter / 4
	}
	return max(0, settleAfter-time.Since(db.backlog[0].at))
}

// settle moves rows to their tables and forgets the records that held them. An
// object is in its file already.
func (db *DB) settle(tx *bbolt.Tx, s settling) error {
	for _, k := range s.keys {
		if k.table == objects {
			continue
		}
		rows := tx.Bucket([]byte{byte(k.table)})
		var err error
		if value := db.pending[k.table][k.name].value; value == nil {
			err = rows.Delete([]byte(k.name))
		} else {
			err = rows.Put([]byte(k.name), value)
		}
		if err != nil {
			return err
		}
	}
	journal := tx.Bucket(journalBucket)
	for _, r := range db.backlog[:s.records] {
		if err := journal.Delete(numbered(r.number)); err != nil {
			return err
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
