package bridge

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"runlease/shared/casefile"
	"runlease/shared/zipdir"
)

// The back end takes test data of two kinds: TTCC.in and TTCC.out at the root, as
// runlease has them, and folders with what a program finds there and shall leave.
var (
	folderCase  = regexp.MustCompile(`^test-case/([0-9]{4})/(STDIN|STDOUT)$`)
	folderFiles = regexp.MustCompile(`^test-case/([0-9]{4})/(in|out)/.`)
)

// zipFile is a zip that can be read as a whole and in parts.
type zipFile interface {
	io.Reader
	io.ReaderAt
}

// converted is test data as runlease wants them: the file itself, if it needs no
// change, or a new one, which done removes. An *unfit tells what is wrong. The same
// test data are converted to the same bytes.
func (b *Bridge) converted(file *os.File) (as zipFile, done func(), err error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look at test data: %w", err)
	}
	entries, err := zipdir.Read(file, size, casefile.Limits.Entries)
	if fault, is := errors.AsType[*zipdir.Fault](err); is {
		return nil, nil, &unfit{"the test data: " + fault.Why}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look at test data: %w", err)
	}
	inFolders := false
	for _, e := range entries {
		if folderFiles.MatchString(e.Name) {
			return nil, nil, &unfit{"the test data have files for the program to find or to leave, which no runner gives it: " + e.Name}
		}
		inFolders = inFolders || folderCase.MatchString(e.Name)
	}
	if !inFolders {
		return file, func() {}, nil
	}
	made, err := b.Journal.Scratch()
	if err != nil {
		return nil, nil, err
	}
	done = func() { _, _ = made.Close(), os.Remove(made.Name()) }
	if err := flatten(made, entries); err != nil {
		done()
		if errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil, &unfit{"the test data are a zip that is damaged: " + err.Error()}
		}
		return nil, nil, fmt.Errorf("convert test data: %w", err)
	}
	return made, done, nil
}

// flatten writes a zip with the files of cases at its root. They stay packed.
func flatten(to *os.File, entries []*zip.File) error {
	out := zip.NewWriter(to)
	for _, e := range entries {
		if strings.HasSuffix(e.Name, "/") { // in/ and out/ are there, and empty
			continue
		}
		header := e.FileHeader
		if m := folderCase.FindStringSubmatch(e.Name); m != nil {
			header.Name = m[1] + map[string]string{"STDIN": casefile.In, "STDOUT": casefile.Out}[m[2]]
		}
		packed, err := e.OpenRaw()
		if err != nil {
			return err
		}
		w, err := out.CreateRaw(&header)
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, packed); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	_, err := to.Seek(0, io.SeekStart)
	return err
}
