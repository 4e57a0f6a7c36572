package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// sink takes what a program writes: it keeps the beginning, counts the rest and
// hands all of it on.
type sink struct {
	limit int64 // bytes; more ends the program
	keep  int   // bytes
	also  func([]byte)

	kept  []byte
	bytes int64
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// readAll reads until no process can write any more, and reports whether it was too
// much. It takes nothing beyond the limit: the caller stops the program.
func (s *sink) readAll(from *os.File) (over bool) {
	defer func() { _ = from.Close() }()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := from.Read(*buf)
		s.bytes += int64(n)
		if s.bytes > s.limit {
			return true
		}
		if room := s.keep - len(s.kept); room > 0 {
			s.kept = append(s.kept, (*buf)[:min(n, room)]...)
		}
		if s.also != nil {
			s.also((*buf)[:n])
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
	}
}

// text is what was kept, and a line that says so if that is not all. Bytes that
// are no UTF-8 are replaced: JSON has no others.
func (s *sink) text() string {
	text := strings.ToValidUTF8(string(s.kept), "\uFFFD")
	if s.bytes > int64(len(s.kept)) {
		text += fmt.Sprintf("\n[cut here: %d bytes in all]\n", s.bytes)
	}
	return text
}
