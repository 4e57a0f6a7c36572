// Package durable keeps jobs, problems, messages, credentials and bytes in a
// folder of one machine. What was answered is on the disk: a write returns after
// the fsync that carries it, and all that arrive during one fsync share the next.
//
// The folder holds state.db, an embedded database, its journal (journal.0 and
// journal.1), and the objects as plain files at the keys that they have on S3
// (code/, testdata/, results/).
//
// The database is bbolt. On two cores shared with other programs, with 1,000,000
// jobs under random ids and 64 jobs created, claimed and completed in a
// transaction, bbolt wrote 1,659 jobs a second for 212 µs of CPU each and read one
// in 8 to 19 µs; SQLite (modernc.org, WAL, synchronous=FULL, prepared statements)
// wrote 1,289 for 291 µs and read in 68 to 85 µs. Filling them took 58 and 180 s,
// opening 16 and 2 ms. bbolt also needs no C and no translated C (3 MB of
// binary), locks its file, is copied while it runs, and never has half a
// transaction. Neither is enough as it is: a job costs it ten writes to pages all
// over the file, most of them undone within a second.
//
// So a batch of writes is one record of a journal beside the database, and answered
// once that is on the disk: one fdatasync, where a transaction takes two and writes
// pages all over the file. What has been in the journal for a second is moved to the
// tables by a transaction in the background: a job that came and went in that second
// is one write of its table instead of four, and its message none. Until then rows
// are found in memory, and opening the folder reads the journal again. The journal
// is ours because a library for it (raft-wal) brings a dozen modules of a consensus
// protocol along; its format is in journal.go.
//
// Messages live in memory too, as memory.Queue, and are kept as they change. A
// message's change is not waited for: the write of its job follows, in the same
// batch or a later one, and is answered after it. Code and outputs are not waited
// for either, for the same reason.
package durable

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// format is the number of the folder's format. A newer one is refused, an older
// one is brought up to it when it is opened.
const format = 2

// ErrDamaged means that the folder holds something that this package did not
// write.
var ErrDamaged = errors.New("is damaged or was not written by runlease")

// file is the database of a folder.
func file(dir string) string { return filepath.Join(dir, "state.db") }

// table is one of the database's tables. Their letters are stored and never
// change their meaning.
type table byte

const (
	jobs        table = 'j' // by id
	open        table = 'o' // shard, queuedAt, id: the index of open jobs
	ends        table = 'e' // expiresAt, id: the index of jobs that may be forgotten
	finals      table = 'f' // problem, endedAt backwards, id: the index of final jobs by problem
	disputes    table = 'd' // as finals, by the highest problem: disputed jobs
	problems    table = 'p' // by id
	versions    table = 'v' // id and number
	marks       table = 'm' // the sweep's, under one key
	messages    table = 'q' // by number
	credentials table = 'c' // by hash
	ids         table = 'i' // of credentials: their hashes
	webhooks    table = 'w' // by id
	letters     table = 'l' // by endpoint, job and generation: announcements that are to be delivered
	codes       table = 'k' // job id and hash: short code
	runners     table = 'r' // by name
	audit       table = 'a' // by time and write: what operators did
	paused      table = 'u' // by target
	rejudges    table = 'g' // by id: rejudges of many
	rejudging   table = 'n' // by problem: the id of the running rejudge
	objects     table = 'b' // by key: an object on its way to its file; never has rows
)

// tables lists them. Two of one letter would be one table: as keys of a map they do not
// compile.
var tables = slices.Collect(maps.Keys(map[table]bool{
	jobs: true, open: true, ends: true, finals: true, disputes: true, problems: true, versions: true, marks: true, messages: true, credentials: true,
	ids: true, webhooks: true, letters: true, codes: true, runners: true, audit: true, paused: true, rejudges: true, rejudging: true, objects: true,
}))

// The buckets beside the tables.
var (
	journalBucket = []byte("journal") // of format 1, by number: what a batch has changed
	metaBucket    = []byte("meta")
)

// The keys of the meta bucket.
var (
	formatKey  = []byte("format")
	startsKey  = []byte("starts")  // how often the folder was opened
	clockKey   = []byte("clock")   // the time of the last transaction, ms
	secretKey  = []byte("secret")  // of the URLs
	settledKey = []byte("settled") // number of the last record of the journal whose rows are in their tables
)

// key is a row's name.
type key struct {
	table table
	name  string
}

// change is a row as it has become; nil: gone.
type change struct {
	key
	value []byte
}

func (c change) size() int { return len(c.name) + len(c.value) + 16 }

// damaged wraps what went wrong in reading what was stored.
func damaged(what string, err any) error {
	return fmt.Errorf("%s %w: %v; stop the server and restore the last backup", what, ErrDamaged, err)
}
