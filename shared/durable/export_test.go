package durable

import (
	"context"
	"os"
	"sync/atomic"
	"time"
)

// ClockOf is a clock of the sources that a test gives it.
var ClockOf = clockOf

// NeverSettle leaves everything in the journal of a folder that is opened next.
func NeverSettle() (again func()) { return SettleAfter(time.Hour) }

// SettleAfter leaves rows in the journal for a time.
func SettleAfter(d time.Duration) (again func()) {
	before := settleAfter
	settleAfter = d
	return func() { settleAfter = before }
}

// Journal is a folder's journal alone.
type Journal = journal

// OpenJournal opens one, and returns the numbers and bodies of what it holds.
func OpenJournal(dir string, settled int64) (*Journal, map[int64]string, error) {
	j, found, err := openJournal(dir, []byte("secret"), settled)
	held := make(map[int64]string)
	for _, r := range found {
		held[r.number] = string(r.body)
	}
	return j, held, err
}

// Append and Close are those of a journal.
func (j *journal) Append(n int64, body string, settled int64) error {
	return j.append(n, time.UnixMilli(n), []byte(body), settled)
}
func (j *journal) Close() { j.close() }

// OpenForeignJournal opens the journal of a folder with another secret.
func OpenForeignJournal(dir string) (*Journal, error) {
	j, _, err := openJournal(dir, nil, 0)
	return j, err
}

// AppendFails writes a record, and then it counts as not written, as when the disk fails
// to sync it.
func (j *journal) AppendFails(n int64, body string) error {
	before := *j
	err := j.Append(n, body, 0)
	*j = before
	j.torn = true
	return err
}

// Fill makes the file in use as long as one may be.
func (j *journal) Fill() { j.at = journalMost }

// Fail lets appends fail until it is called with false: the file that they go to is gone.
func (db *DB) Fail(ctx context.Context, fail bool) error {
	return db.write(ctx, func(*batch) error {
		f := db.journal.files[db.journal.in]
		if fail {
			return f.Close()
		}
		again, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
		db.journal.files[db.journal.in] = again
		return err
	})
}

// Hold lets the writer wait in a batch until release is called.
func (db *DB) Hold() (release func()) {
	entered, leave := make(chan struct{}), make(chan struct{})
	db.hand(write{done: make(chan error, 1), decide: func(*batch) error {
		close(entered)
		<-leave
		return nil
	}})
	<-entered
	return func() { close(leave) }
}

// Owe is a write of a row that nobody waits for.
func (db *DB) Owe(name string) { db.owe(codes, name, make([]byte, untilSize)) }

// Records is how many records there have been.
func (db *DB) Records() int64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.number
}

// The indexes show what was written almost at once: the suites wait for them.
func init() { settleAfter = 10 * time.Millisecond }

// Jump lets a test pass time: the clock that cannot be set goes on by it.
func (c *Clock) Jump(passed *atomic.Int64) {
	wall, running := c.wall, c.running
	c.wall = func() time.Time { return wall().Add(time.Duration(passed.Load())) }
	c.running = func() time.Duration { return running() + time.Duration(passed.Load()) }
}
