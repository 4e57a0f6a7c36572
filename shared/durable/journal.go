package durable

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// journal is two files that are written in turns. A record is at the end of the one
// in use, and on the disk when it is answered; a file is begun anew once all that
// it holds is in the tables. Neither is ever removed or made shorter, so an append
// changes nothing but the bytes of a file, and one fdatasync is enough for it.
//
// A record begins at a multiple of recordAlign: magic, length of the body, CRC-32C
// of all that follows, number, time in ms, body. Numbers count up without gaps over
// both files. The record in which a chain ends is the last one: what follows it is
// older, or was never answered.
type journal struct {
	files [2]*os.File
	last  [2]int64 // number of the last record in each; 0: none
	in    int      // which of them is in use
	at    int64    // where its next record goes
	seed  uint32   // of the sums
	torn  bool     // the last append failed: the next one must write over it
}

const (
	recordMagic  = 0x726c6a31 // rlj1
	recordHeader = 4 + 4 + 4 + 8 + 8
	recordAlign  = 512
	// journalSize is what each file takes on the disk from the beginning, and how
	// much of one is written before the other is begun.
	journalSize = 4 << 20
	// journalMost bounds a file. It is reached when nothing can be moved to the
	// tables for minutes.
	journalMost = 256 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func journalFile(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("journal.%d", n)) }

// logged is a record as it was read.
type logged struct {
	number int64
	at     int64 // ms
	body   []byte
}

// openJournal opens the journal of a folder, or makes it, and reads what it holds
// above the number settled. The secret goes into the sums, so that no bytes of a
// client can pass for a record.
func openJournal(dir string, secret []byte, settled int64) (_ *journal, found []logged, err error) {
	j := &journal{seed: crc32.ChecksumIEEE(secret)}
	defer func() {
		if err != nil {
			j.close()
		}
	}()
	var chains [2][]logged
	var ends [2]int64
	for i := range j.files {
		if j.files[i], err = os.OpenFile(journalFile(dir, i), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return nil, nil, fmt.Errorf("open the journal: %w", err)
		}
		if err := allocate(j.files[i], journalSize); err != nil {
			return nil, nil, explain(dir, err)
		}
		if chains[i], ends[i], err = j.chain(j.files[i]); err != nil {
			return nil, nil, fmt.Errorf("read the journal: %w", err)
		}
		if n := len(chains[i]); n > 0 {
			j.last[i] = chains[i][n-1].number
		}
	}
	if j.last[1] > j.last[0] {
		j.in = 1
	}
	j.at = ends[j.in]
	next := settled + 1
	for _, r := range slices.Concat(chains[1-j.in], chains[j.in]) {
		if r.number == next {
			found = append(found, r)
			next++
		}
	}
	// An answered record behind a damaged one: no power cut leaves that.
	for i, f := range j.files {
		if beyond, err := j.beyond(f, ends[i], next); err != nil {
			return nil, nil, fmt.Errorf("read the journal: %w", err)
		} else if beyond = max(beyond, j.last[i]); beyond >= next {
			return nil, nil, damaged(journalFile(dir, i), fmt.Sprintf("record %d is there, and record %d before it is not", beyond, next))
		}
	}
	if j.last[j.in] != next-1 { // all that it holds is in the tables
		j.at = 0
	}
	// Files that are new keep their names.
	return j, found, syncUp(dir, journalFile(dir, 0))
}

// chain reads the records of a file up to the last one, and where that ends.
func (j *journal) chain(f *os.File) (chain []logged, end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	for {
		r, next, ok := j.record(f, end, info.Size())
		if !ok || len(chain) > 0 && r.number != chain[len(chain)-1].number+1 {
			return chain, end, nil
		}
		chain, end = append(chain, r), next
	}
}

// beyond is the number of a record behind the chain of a file that is above that of
// the next one, or 0 if there is none.
func (j *journal) beyond(f *os.File, end, next int64) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	for at := end; at < info.Size(); at += recordAlign {
		if r, _, ok := j.record(f, at, info.Size()); ok && r.number > next {
			return r.number, nil
		}
	}
	return 0, nil
}

// record reads the record at a place; false if there is no whole one.
func (j *journal) record(f io.ReaderAt, at, size int64) (r logged, next int64, ok bool) {
	var head [recordHeader]byte
	if _, err := f.ReadAt(head[:], at); err != nil || binary.BigEndian.Uint32(head[:]) != recordMagic {
		return r, 0, false
	}
	n := int64(binary.BigEndian.Uint32(head[4:]))
	if n > size-at-recordHeader {
		return r, 0, false
	}
	r.body = make([]byte, n)
	if _, err := f.ReadAt(r.body, at+recordHeader); err != nil {
		return r, 0, false
	}
	sum := crc32.Update(crc32.Update(j.seed, castagnoli, head[12:]), castagnoli, r.body)
	r.number = int64(binary.BigEndian.Uint64(head[12:]))
	r.at = int64(binary.BigEndian.Uint64(head[20:]))
	return r, aligned(at + recordHeader + n), sum == binary.BigEndian.Uint32(head[8:])
}

func aligned(n int64) int64 { return (n + recordAlign - 1) / recordAlign * recordAlign }

// append writes the record that follows the last one, and returns once it is on the
// disk. After an error the next append writes over what that one has left, so that
// no number is in two places.
func (j *journal) append(number int64, at time.Time, body []byte, settled int64) error {
	if j.at >= journalSize && j.last[1-j.in] <= settled && !j.torn {
		j.in, j.at = 1-j.in, 0
	}
	if j.at+int64(len(body)) > journalMost {
		return errSlow
	}
	record := make([]byte, recordHeader, recordHeader+len(body))
	binary.BigEndian.PutUint32(record, recordMagic)
	binary.BigEndian.PutUint32(record[4:], uint32(len(body)))
	binary.BigEndian.PutUint64(record[12:], uint64(number))
	binary.BigEndian.PutUint64(record[20:], uint64(at.UnixMilli()))
	record = append(record, body...)
	binary.BigEndian.PutUint32(record[8:], crc32.Update(j.seed, castagnoli, record[12:]))
	j.torn = true
	if _, err := j.files[j.in].WriteAt(record, j.at); err != nil {
		return err
	}
	if err := syncData(j.files[j.in]); err != nil {
		return err
	}
	j.torn = false
	j.at = aligned(j.at + int64(len(record)))
	j.last[j.in] = number
	return nil
}

func (j *journal) close() {
	for _, f := range j.files {
		if f != nil {
			_ = f.Close() // what counts is synced
		}
	}
}
