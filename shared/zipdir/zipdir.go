// Package zipdir reads the directory of a stranger's zip: in a few reads and a
// bounded memory, whatever the zip's size, so that it can be done on an object
// that is read by ranges. Pure.
package zipdir

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// tail is how much of the end is read at once. The record that ends a zip and
	// its comment take up to 64 KB; the directory of 1,000 files fits in the rest.
	tail = 192 << 10
	// perEntry is what an entry may take in the directory: 46 bytes, its name and
	// a few extra fields.
	perEntry = 1 << 10
)

// Fault is what is wrong with a zip.
type Fault struct{ Why string }

func (f *Fault) Error() string { return f.Why }

// Read returns the entries of a zip of size bytes, at most that many. A *Fault
// says what is wrong with the zip; any other error is one of r. What is read of an
// entry afterwards is read from r as it is, unless it stands in what was read.
func Read(r io.ReaderAt, size int64, entries int) ([]*zip.File, error) {
	end := &suffix{r: r, size: size, from: size, least: max(0, size-int64(entries)*perEntry-tail)}
	if err := end.extend(max(0, size-tail)); err != nil {
		return nil, err
	}
	// What is announced is allocated before it is read.
	if n := announced(end.held); n > uint64(entries) {
		return nil, tooMany(n, entries)
	}
	archive, err := zip.NewReader(end, size)
	switch {
	case end.err != nil:
		return nil, end.err
	case end.over:
		return nil, &Fault{fmt.Sprintf("its directory is larger than %d entries can need", entries)}
	case errors.Is(err, zip.ErrInsecurePath): // names are checked when it is unpacked
	case err != nil:
		return nil, foreign(r, err)
	}
	if n := len(archive.File); n > entries {
		return nil, tooMany(uint64(n), entries)
	}
	end.whole = true
	return archive.File, nil
}

func tooMany(n uint64, most int) error {
	return &Fault{fmt.Sprintf("it has %d entries, at most %d are allowed", n, most)}
}

// announced is how many entries the record at the end of a zip speaks of; 0: no
// record was found. The large form of the record, where there is one, stands
// before the small one, which then holds no number.
func announced(end []byte) uint64 {
	const largest = 1<<16 - 1
	small := bytes.LastIndex(end, []byte(endMark))
	if small < 0 || len(end) < small+12 {
		return 0
	}
	n := uint64(binary.LittleEndian.Uint16(end[small+10:]))
	if large := bytes.LastIndex(end[:small], []byte("PK\x06\x06")); n == largest && large >= 0 && len(end) >= large+40 {
		return binary.LittleEndian.Uint64(end[large+32:])
	}
	return n
}

// others are archives that are taken for zips, by their first bytes.
var others = []struct{ magic, name string }{
	{"Rar!\x1a\x07", "a RAR archive"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"\x1f\x8b", "a gzip file"},
	{"\xfd7zXZ\x00", "an xz file"},
	{"BZh", "a bzip2 file"},
	{"\x28\xb5\x2f\xfd", "a zstd file"},
	{"%PDF-", "a PDF"},
}

// foreign is the fault of what has no directory.
func foreign(r io.ReaderAt, why error) error {
	head := make([]byte, 8)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	for _, other := range others {
		if bytes.HasPrefix(head, []byte(other.magic)) {
			return &Fault{"it is " + other.name + ", not a zip, whatever its name is"}
		}
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return &Fault{fmt.Sprintf("it is a zip that is damaged or not whole (%v)", why)}
	}
	return &Fault{"it is not a zip"}
}

// suffix is the end of a file, read as far to the front as was asked for.
type suffix struct {
	r           io.ReaderAt
	size, least int64 // least: how far to the front it may be read
	from        int64 // what is held begins here
	held        []byte
	whole       bool // the directory has been read: nothing more is held
	over        bool
	err         error
}

func (s *suffix) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0 || off >= s.size:
		return 0, io.EOF
	case off < s.from && s.whole:
		return s.r.ReadAt(p, off)
	case off < s.from:
		if off < s.least {
			s.over = true
			return 0, io.ErrUnexpectedEOF
		}
		if s.err = s.extend(off); s.err != nil {
			return 0, s.err
		}
	}
	n := copy(p, s.held[off-s.from:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// extend reads what stands before the part that is held.
func (s *suffix) extend(from int64) error {
	more := make([]byte, s.from-from)
	n, err := s.r.ReadAt(more, from)
	if n < len(more) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read zip: %w", err)
	}
	s.held, s.from = append(more, s.held...), from
	return nil
}
