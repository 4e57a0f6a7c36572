package durable

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"runlease/shared/memory"
)

// DB is an open folder. One process has it at a time.
type DB struct {
	dir    string
	log    *slog.Logger
	bolt   *bbolt.DB
	Clock  *Clock // the folder's time, which never goes back
	starts int64
	secret []byte

	gate   sync.RWMutex // of closed: nothing is sent to writes after it is set
	closed bool
	writes chan write
	ended  chan struct{} // closed when the writer has ended

	arrived chan struct{}      // the journal holds something new
	flushes chan chan struct{} // each is closed once everything was moved that could be
	stopped chan struct{}      // closed when the settler has ended

	mu       sync.RWMutex // of what readers see
	pending  map[table]map[string]pending
	snapshot *snapshot
	backlog  []record
	number   int64                 // of the last record
	settled  atomic.Int64          // number of the last record whose rows are in their tables
	broken   atomic.Pointer[error] // why the last append failed, if it did

	// Of the writer alone.
	journal *journal
	owed    []change // that no caller waits for and no record has carried yet

	files  *filer
	filing sync.Mutex       // of files that Objects makes, keeps and removes directly
	hooks  *memory.Webhooks // nil until Webhooks is called
}

// pending is a row that is in the journal and not in its table yet.
type pending struct {
	value  []byte
	number int64 // of the journal record that holds it
}

// record is a journal record whose rows are to be moved to their tables.
type record struct {
	number int64
	at     time.Time
	keys   []key
}

// addressSpace is reserved for the database's file: growing beyond what is mapped
// would have to wait for every reader. Only addresses are spent.
const addressSpace = 64 << 30

// Open opens a folder, or makes it. It fails if another process has it, if it
// holds something else, or a newer format.
func Open(dir string, log *slog.Logger) (db *DB, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := inspect(dir); err != nil {
		return nil, err
	}
	keepToOurselves(dir, log)
	db = &DB{
		dir: dir, log: log, writes: make(chan write, 1024), ended: make(chan struct{}),
		arrived: make(chan struct{}, 1), flushes: make(chan chan struct{}), stopped: make(chan struct{}),
		pending: make(map[table]map[string]pending),
	}
	// A file that ends too early is a fault in memory, when it is read.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			db, err = nil, damaged(file(dir), fault)
		}
	}()
	db.bolt, err = bbolt.Open(file(dir), 0o600, &bbolt.Options{
		Timeout: lockWait, FreelistType: bbolt.FreelistMapType, InitialMmapSize: addressSpace,
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, inUse(dir)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, damaged(file(dir), err)
	case err != nil:
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, uploads)); err != nil { // what a kill has left
		return nil, errors.Join(err, db.bolt.Close())
	}
	db.files = newFiler(db)
	if err := db.begin(); err != nil {
		return nil, errors.Join(err, db.bolt.Close())
	}
	go db.files.run()
	go db.writer()
	go db.settler()
	return db, nil
}

// lockWait is how long the process before may take to end.
const lockWait = time.Second

func inUse(dir string) error {
	return fmt.Errorf("%s is in use by another process: end it first, or choose another folder", dir)
}

// free fails if a process has the folder.
func free(dir string) error {
	f, err := os.Open(file(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the folder: %w", err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return inUse(dir)
	}
	return nil // closing gives the lock back
}

// inspect refuses a folder that is not ours before anything is made in it.
func inspect(dir string) error {
	info, err := os.Stat(file(dir))
	if err == nil && info.Size() == 0 {
		// A first start that was cut off leaves an empty database, but no journal yet.
		if _, err := os.Stat(journalFile(dir, 0)); err == nil {
			return damaged(file(dir), "it is empty, and there is a journal")
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the data folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "lost+found" {
			return fmt.Errorf("%s is not empty and has no state.db, so it is no data folder of runlease: name an empty one, or a new one", dir)
		}
	}
	return nil
}

// keepToOurselves takes from other users what an existing folder allows them: a user who
// may write to it can replace the database. A group may look.
func keepToOurselves(dir string, log *slog.Logger) {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o027 == 0 {
		return
	}
	if err := os.Chmod(dir, info.Mode().Perm()&^0o027); err != nil {
		log.Warn("others can reach the data folder: give it to the user of the server, with mode 700", "folder", dir, "mode", fmt.Sprintf("%o", info.Mode().Perm()), "error", err)
	}
}

// begin checks the format, makes what is missing, and reads the journal.
func (db *DB) begin() error {
	info, err := os.Stat(file(db.dir))
	if err != nil {
		return fmt.Errorf("look at the database: %w", err)
	}
	var last int64
	err = db.bolt.Update(func(tx *bbolt.Tx) error {
		if size := tx.Size(); info.Size() < size {
			return damaged(file(db.dir), fmt.Sprintf("it ends after %d of %d bytes", info.Size(), size))
		}
		if err := db.upgrade(tx); err != nil {
			return err
		}
		meta := tx.Bucket(metaBucket)
		db.starts = number(meta.Get(startsKey)) + 1
		last = number(meta.Get(clockKey))
		db.number = number(meta.Get(settledKey))
		if db.secret = bytes.Clone(meta.Get(secretKey)); db.secret == nil {
			db.secret = make([]byte, 32)
			_, _ = rand.Read(db.secret) // never fails
			if err := meta.Put(secretKey, db.secret); err != nil {
				return err
			}
		}
		if err := meta.Put(startsKey, numbered(db.starts)); err != nil {
			return err
		}
		db.settled.Store(db.number)
		var found []logged
		db.journal, found, err = openJournal(db.dir, db.secret, db.number)
		for _, l := range found {
			last = max(last, l.at)
			if err := db.recover(l); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		if db.journal != nil {
			db.journal.close()
		}
		return fmt.Errorf("open %s: %w", db.dir, err)
	}
	db.Clock = newClock(last)
	db.snapshot, err = db.newSnapshot()
	return err
}

// recover takes a record up again.
func (db *DB) recover(l logged) error {
	changes, err := readChanges(l.body)
	if err != nil {
		return damaged("the journal", err)
	}
	r, values := record{number: l.number}, make(map[key][]byte)
	for _, c := range changes {
		r.keys = append(r.keys, c.key)
		values[c.key] = c.value
	}
	db.number = l.number
	db.enter(r, func(k key) []byte { return values[k] })
	return nil
}

// upgrades bring a folder from a format to the next one.
var upgrades = map[int64]func(dir string, tx *bbolt.Tx) error{1: emptyBucket}

// emptyBucket moves the journal to the tables and the files. In format 1 it was a
// bucket of the database.
func emptyBucket(dir string, tx *bbolt.Tx) error {
	err := tx.Bucket(journalBucket).ForEach(func(_, v []byte) error {
		changes, err := readChanges(v)
		if err != nil {
			return damaged(file(dir), err)
		}
		for _, c := range changes {
			rows := tx.Bucket([]byte{byte(c.table)})
			switch {
			case c.table == objects && c.value != nil:
				err = putFile(filepath.Join(dir, filepath.FromSlash(c.name)), c.value)
			case c.table == objects: // its file is gone
			case c.value == nil:
				err = rows.Delete([]byte(c.name))
			default:
				err = rows.Put([]byte(c.name), c.value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = syncAll(dir)
	}
	if err == nil {
		err = tx.DeleteBucket(journalBucket)
	}
	return err
}

// upgrade brings an older folder, or a new one, to this format.
func (db *DB) upgrade(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		if first, _ := tx.Cursor().First(); first != nil {
			return damaged(file(db.dir), "it is another program's database")
		}
		var err error
		if meta, err = tx.CreateBucket(metaBucket); err != nil {
			return err
		}
		if err := meta.Put(formatKey, numbered(format)); err != nil {
			return err
		}
	}
	stored := number(meta.Get(formatKey))
	switch {
	case stored > format:
		return fmt.Errorf("the data is of format %d and this version of the server knows formats up to %d: run the newer version again", stored, format)
	case stored < 1:
		return damaged(file(db.dir), "it has no format")
	}
	for ; stored < format; stored++ {
		if err := upgrades[stored](db.dir, tx); err != nil {
			return fmt.Errorf("upgrade from format %d: %w", stored, err)
		}
	}
	if err := meta.Put(formatKey, numbered(format)); err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := tx.CreateBucketIfNotExists([]byte{byte(t)}); err != nil {
			return err
		}
	}
	return nil
}

// Secret signs the folder's URLs: URLs that were given out before a restart are good
// after it.
func (db *DB) Secret() []byte { return db.secret }

// Close writes what is left and ends. What is written after it fails; nothing may
// be read after it.
func (db *DB) Close() error {
	db.gate.Lock()
	db.closed = true
	close(db.writes)
	db.gate.Unlock()
	<-db.stopped
	db.mu.Lock()
	db.snapshot.release()
	db.mu.Unlock()
	db.journal.close()
	if err := db.bolt.Close(); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

func numbered(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// number is 0 of nothing.
func number(b []byte) int64 {
	if len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}
