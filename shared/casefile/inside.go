package casefile

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Inside reads the files of all cases, which Check has found nothing wrong with.
// What it finds is wrong for every judge, or at least worth a look. It reads the
// whole zip. An error is one of r.
func Inside(r io.ReaderAt, size int64, want Want) (wrong, notes Findings, err error) {
	archive, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return wrong, notes, fmt.Errorf("read zip: %w", err)
	}
	for _, file := range archive.File {
		p, ending, is := parseName(file.Name)
		if !is || !want.has(p) {
			continue
		}
		var l look
		if err := l.read(file); err != nil {
			wrong.add(file.Name, "it is damaged (%v)", err)
			continue
		}
		switch {
		case l.utf16:
			wrong.add(file.Name, "it is UTF-16: programs read and write UTF-8, so save it as that")
		case l.bom:
			wrong.add(file.Name, "it begins with a byte-order mark, which a program would have to read or write, too: save it as UTF-8 without one")
		case l.zeros > 0:
			notes.add(file.Name, "it has %d zero bytes: is it a text?", l.zeros)
		case l.crlf > 0 && ending == In:
			notes.add(file.Name, "%d of its %d lines end in CR LF, as on Windows: a program that reads by lines gets the CR, too", l.crlf, l.lines)
		case l.crlf > 0:
			notes.add(file.Name, "%d of its %d lines end in CR LF, as on Windows: the checker `exact` wants them so", l.crlf, l.lines)
		case l.size == 0 && ending == In:
			notes.add(file.Name, "it is empty")
		case l.last != '\n' && l.size > 0:
			notes.add(file.Name, "its last line does not end: some programs do not read it")
		}
	}
	return wrong, notes, nil
}

// look is what was seen of a file.
type look struct {
	utf16, bom        bool
	size, lines, crlf int64
	zeros             int64
	last              byte
}

func (l *look) read(file *zip.File) error {
	f, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	part := make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(f, part)
		l.see(part[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (l *look) see(p []byte) {
	if len(p) == 0 {
		return
	}
	if l.size == 0 {
		l.utf16 = bytes.HasPrefix(p, []byte{0xff, 0xfe}) || bytes.HasPrefix(p, []byte{0xfe, 0xff})
		l.bom = bytes.HasPrefix(p, []byte{0xef, 0xbb, 0xbf})
	}
	l.size += int64(len(p))
	l.lines += int64(bytes.Count(p, []byte{'\n'}))
	l.crlf += int64(bytes.Count(p, []byte("\r\n")))
	if l.last == '\r' && p[0] == '\n' {
		l.crlf++
	}
	l.zeros += int64(bytes.Count(p, []byte{0}))
	l.last = p[len(p)-1]
}
