package durable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// How much one transaction carries. They are what arrived during the one before,
// so they are larger the slower the disk is.
const (
	batchWrites = 1000
	batchBytes  = 8 << 20
)

// write decides on rows and changes them. Nobody else writes meanwhile.
type write struct {
	decide func(*batch) error
	done   chan error // nil: its change is owed, and nobody waits
	owed   change
}

// batch is the writes of one transaction.
type batch struct {
	db      *DB
	changes map[key][]byte
	order   []key
	size    int
}

// get reads a row as the writes before have left it; nil: there is none.
func (b *batch) get(t table, name string) []byte {
	k := key{t, name}
	if value, changed := b.changes[k]; changed {
		return value
	}
	if p, waits := b.db.pending[t][name]; waits {
		return p.value
	}
	return bytes.Clone(b.db.snapshot.buckets[t].Get([]byte(name)))
}

// put changes a row; nil takes it away.
func (b *batch) put(t table, name string, value []byte) {
	c := change{key{t, name}, value}
	if _, again := b.changes[c.key]; !again {
		b.order = append(b.order, c.key)
	}
	b.changes[c.key] = value
	b.size += c.size()
}

// write has decide run in a transaction and returns once that is on the disk. An
// error means that nothing was written.
func (db *DB) write(ctx context.Context, decide func(*batch) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The outcome is waited for whatever becomes of the caller: it is soon there.
	done := make(chan error, 1)
	if !db.hand(write{decide: decide, done: done}) {
		return errClosed
	}
	return <-done
}

var errClosed = errors.New("the folder is closed")

// hand gives a write to the writer; false: the folder is closed.
func (db *DB) hand(w write) bool {
	db.gate.RLock()
	defer db.gate.RUnlock()
	if !db.closed {
		db.writes <- w
	}
	return !db.closed
}

// owe changes a row with the next transaction that succeeds, without waiting.
func (db *DB) owe(t table, name string, value []byte) {
	db.hand(write{owed: change{key{t, name}, value}})
}

// ahead changes a row with the transaction of the write that follows, or an earlier
// one, without waiting. While the disk refuses it waits after all, so that the caller
// hears why and bytes do not pile up.
func (db *DB) ahead(ctx context.Context, t table, name string, value []byte) error {
	if db.broken.Load() == nil {
		db.owe(t, name, value)
		return nil
	}
	return db.write(ctx, func(b *batch) error {
		b.put(t, name, value)
		return nil
	})
}

// writer is the one that writes, until the folder is closed.
func (db *DB) writer() {
	defer close(db.ended)
	for open := true; open; {
		var first []write
		wait := time.NewTimer(db.untilSettling())
		select {
		case w, more := <-db.writes:
			if open = more; more {
				first = append(first, w)
			}
		case <-wait.C:
		}
		wait.Stop()
		b := &batch{db: db, changes: make(map[key][]byte)}
		for _, c := range db.owed {
			b.put(c.table, c.name, c.value)
		}
		db.finish(b, db.gather(b, first), false)
	}
	// The journal is left empty, unless the disk refuses.
	db.files.close()
	nothing := &batch{db: db, changes: make(map[key][]byte)}
	for db.finish(nothing, nil, true) && len(db.backlog) > 0 {
	}
}

// gather runs a batch's first write and all that have come meanwhile. It returns
// where those wait that wrote.
func (db *DB) gather(b *batch, first []write) (waiting []chan error) {
	run := func(w write) {
		if w.decide == nil {
			db.owed = append(db.owed, w.owed)
			b.put(w.owed.table, w.owed.name, w.owed.value)
			return
		}
		if err := db.guarded(func() error { return w.decide(b) }); err != nil {
			w.done <- err
			return
		}
		waiting = append(waiting, w.done)
	}
	for _, w := range first {
		run(w)
	}
	for n := 1; n < batchWrites && b.size < batchBytes && len(first) > 0; n++ {
		select {
		case w, open := <-db.writes:
			if !open {
				return waiting
			}
			run(w)
		default:
			return waiting
		}
	}
	return waiting
}

// finish commits a batch, shows it to the readers, and answers. It reports whether
// the journal has become shorter.
func (db *DB) finish(b *batch, waiting []chan error, closing bool) bool {
	move := db.plan(len(b.order), closing)
	var err error
	if len(b.order)+len(move.keys)+move.records > 0 {
		err = db.guarded(func() error { return db.bolt.Update(func(tx *bbolt.Tx) error { return db.commit(tx, b, move) }) })
		if err == nil {
			err = db.show(b, move)
		}
		if err != nil {
			err = explain(db.dir, err)
			if db.broken.Swap(&err) == nil {
				db.log.Error("writing failed", "error", err)
			}
		} else if db.owed = nil; db.broken.Swap(nil) != nil {
			db.log.Warn("writing works again")
		}
	}
	for _, done := range waiting {
		done <- err
	}
	return err == nil && len(move.keys)+move.records > 0
}

// commit writes a batch to the journal, and moves rows that have been there for a
// while to their tables.
func (db *DB) commit(tx *bbolt.Tx, b *batch, move settling) error {
	if len(b.order) > 0 {
		if err := tx.Bucket(journalBucket).Put(numbered(db.number+1), b.encode()); err != nil {
			return err
		}
	}
	if err := tx.Bucket(metaBucket).Put(clockKey, numbered(db.Clock.Now().UnixMilli())); err != nil {
		return err
	}
	return db.settle(tx, move)
}

// show lets readers see what a transaction has written.
func (db *DB) show(b *batch, move settling) error {
	next, err := db.newSnapshot()
	if err != nil {
		return err
	}
	db.mu.Lock()
	for _, k := range move.keys {
		delete(db.pending[k.table], k.name)
	}
	if len(b.order) > 0 {
		db.number++
		for _, k := range b.order {
			db.wait(k, pending{b.changes[k], db.number})
		}
		db.backlog = append(db.backlog, record{number: db.number, at: time.Now(), keys: b.order})
	}
	last := db.snapshot
	db.snapshot = next
	db.mu.Unlock()
	last.release()
	db.backlog = db.backlog[move.records:]
	if len(db.backlog) > 0 {
		db.backlog[0].done = move.done
	}
	for _, k := range b.order {
		if value := b.changes[k]; k.table == objects && value != nil {
			db.files.add(k.name, value, db.number)
		}
	}
	return nil
}

// explain says what to do about a failed transaction.
func explain(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk of %s is full: free some space, nothing else is needed: %w", dir, err)
	}
	return fmt.Errorf("write to %s: %w", dir, err)
}
