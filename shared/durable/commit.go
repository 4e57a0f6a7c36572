package durable

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// How much one transaction carries. They are what arrived during the one before,
// so they are larger the slower the disk is.
const (
	batchWrites = 1000
	batchBytes  = 8 << 20
)

// write decides on rows and changes them. No other write runs meanwhile.
type write struct {
	decide func(*batch) error
	done   chan error // nil: its change is owed, and no caller waits
	owed   change
}

// batch is the writes of one transaction.
type batch struct {
	db      *DB
	changes map[key][]byte
	order   []key
	size    int
}

// get reads a row as the writes before have left it; it returns nil if there is none.
func (b *batch) get(t table, name string) []byte {
	k := key{t, name}
	if value, changed := b.changes[k]; changed {
		return value
	}
	rows, err := b.db.get(t, name)
	if err != nil {
		panic(err) // guarded returns it
	}
	return rows[0]
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

// hand gives a write to the writer; false if the folder is closed.
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

// writer does all writes, until the folder is closed.
func (db *DB) writer() {
	defer close(db.ended)
	for open := true; open; {
		var w write
		if w, open = <-db.writes; !open {
			return
		}
		b := &batch{db: db, changes: make(map[key][]byte)}
		for _, c := range db.owed {
			b.put(c.table, c.name, c.value)
		}
		db.finish(b, db.gather(b, w))
	}
}

// gather runs a batch's first write and all that have come meanwhile. It returns
// where those wait that wrote.
func (db *DB) gather(b *batch, first write) (waiting []chan error) {
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
	run(first)
	for n := 1; n < batchWrites && b.size < batchBytes; n++ {
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

// finish puts a batch on the disk, shows it to the readers, and answers.
func (db *DB) finish(b *batch, waiting []chan error) {
	var err error
	if len(b.order) > 0 {
		err = db.journal.append(db.number+1, db.Clock.Now(), b.encode(), db.settled.Load())
		if err != nil {
			err = explain(db.dir, err)
			if db.broken.Swap(&err) == nil {
				db.log.Error("writing failed", "error", err)
			}
		} else {
			db.show(b)
			if db.owed = nil; db.broken.Swap(nil) != nil {
				db.log.Warn("writing works again")
			}
		}
	}
	for _, done := range waiting {
		done <- err
	}
}

// show lets readers see a batch that is on the disk.
func (db *DB) show(b *batch) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.number++
	db.enter(record{number: db.number, at: time.Now(), keys: b.order}, func(k key) []byte { return b.changes[k] })
	select {
	case db.arrived <- struct{}{}:
	default:
	}
}

// enter notes what a record holds until that is in the tables and in files.
func (db *DB) enter(r record, value func(key) []byte) {
	for _, k := range r.keys {
		if db.pending[k.table] == nil {
			db.pending[k.table] = make(map[string]pending)
		}
		db.pending[k.table][k.name] = pending{value(k), r.number}
		if k.table == objects && value(k) != nil {
			db.files.add(k.name, value(k), r.number)
		}
	}
	db.backlog = append(db.backlog, r)
}

// explain names the folder of a failed transaction, and the cure if the disk is full.
func explain(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk of %s is full: free some space, nothing else is needed: %w", dir, err)
	}
	return fmt.Errorf("write to %s: %w", dir, err)
}
