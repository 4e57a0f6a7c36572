// Package unpack gets the material of a job out of its zip files, within strict
// limits: nothing outside the directory, no links, not more entries, bytes or
// compression than agreed. A *Fault is a fault of the material, and says to an
// operator what is wrong with it; any other error is the runner's.
package unpack

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runlease/shared/language"
	"runlease/shared/runner/execute"
	"runlease/shared/testdata"
	"runlease/shared/zipdir"
)

// Limits bound what a zip may hold.
type Limits = zipdir.Limits

// The limits that the server looks at, too.
var (
	CodeLimits     = language.CodeLimits
	TestDataLimits = testdata.Limits
)

// Fault is what is wrong with a job's material.
type Fault struct{ Why string }

func (f *Fault) Error() string { return f.Why }

func faultf(format string, args ...any) error { return &Fault{fmt.Sprintf(format, args...)} }

// Code unpacks a submission of size bytes into dir, which must exist and be
// empty, and makes sure that the source file of its language is there.
func Code(r io.ReaderAt, size int64, dir string, id int, limits Limits) error {
	source, known := language.Source(id)
	if !known {
		return faultf("unknown language %d", id)
	}
	if err := unpack(r, size, dir, limits); err != nil {
		return named("code zip", err)
	}
	if !isFile(dir, source) {
		return faultf("code zip: no file %s at its root", source)
	}
	return nil
}

// TestData unpacks the test data of size bytes into dir, which must exist and be
// empty, and makes sure that every case has its two files.
func TestData(r io.ReaderAt, size int64, dir string, tasks []execute.Task, limits Limits) error {
	if err := unpack(r, size, dir, limits); err != nil {
		return named("test data zip", err)
	}
	for t, task := range tasks {
		for c := range task.CaseCount {
			for _, ending := range []string{testdata.In, testdata.Out} {
				if name := execute.CaseName(t, c) + ending; !isFile(dir, name) {
					return faultf("test data zip: no file %s at its root (task %d, case %d)", name, t, c)
				}
			}
		}
	}
	return nil
}

func named(what string, err error) error {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return faultf("%s: %s", what, fault.Why)
	}
	return fmt.Errorf("unpack %s: %w", what, err)
}

func isFile(dir, name string) bool {
	info, err := os.Lstat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}

// bytesPerEntry is what an entry may take in the zip's directory: 46 bytes, its
// name and a few extra fields.
const bytesPerEntry = 1 << 10

func unpack(r io.ReaderAt, size int64, dir string, limits Limits) error {
	// Reading the directory takes memory for every entry, before they can be
	// counted; so the directory's bytes are bounded.
	budget := &budgetReader{r: r, left: int64(limits.Entries)*bytesPerEntry + 128<<10}
	archive, err := zip.NewReader(budget, size)
	switch {
	case budget.err != nil:
		return fmt.Errorf("read: %w", budget.err)
	case budget.over:
		return faultf("more than %d entries", limits.Entries)
	case errors.Is(err, zip.ErrInsecurePath): // looked at below
	case err != nil:
		return faultf("not a zip file, or a damaged one (%v)", err)
	}
	budget.left = -1
	if len(archive.File) > limits.Entries {
		return faultf("%d entries, at most %d are allowed", len(archive.File), limits.Entries)
	}
	most := limits.Most(size)
	left := most
	for _, file := range archive.File {
		// What is announced is refused before it is written; what comes is counted.
		if file.UncompressedSize64 > uint64(left) {
			return faultf("unpacks to more than %d bytes, the most allowed for a zip of %d bytes", most, size)
		}
		written, err := extract(file, dir, left)
		left -= written
		if budget.err != nil {
			return fmt.Errorf("read: %w", budget.err)
		}
		if err != nil {
			return err
		}
		if left < 0 {
			return faultf("unpacks to more than %d bytes, the most allowed for a zip of %d bytes", most, size)
		}
	}
	return nil
}

// extract writes one entry and returns how many bytes came out, at most left + 1.
func extract(file *zip.File, dir string, left int64) (int64, error) {
	name := file.Name
	if len(name) > 255 || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(name) {
		return 0, faultf("entry %.80q has a name that is not allowed", name)
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	mode := file.Mode()
	switch {
	case file.Flags&1 != 0:
		return 0, faultf("entry %.80q is encrypted", name)
	case mode.IsDir():
		return 0, ours(os.MkdirAll(path, 0o700), name)
	case mode&fs.ModeType != 0:
		return 0, faultf("entry %.80q is a link or a device", name)
	}
	if err := ours(os.MkdirAll(filepath.Dir(path), 0o700), name); err != nil {
		return 0, err
	}
	from, err := file.Open()
	if err != nil {
		return 0, faultf("entry %.80q is damaged (%v)", name, err)
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, ours(err, name)
	}
	sink := &errorKeeper{w: to}
	written, err := io.Copy(sink, io.LimitReader(from, left+1))
	if closeErr := to.Close(); sink.err == nil {
		sink.err = closeErr
	}
	switch {
	case sink.err != nil:
		return written, fmt.Errorf("write %.80q: %w", name, sink.err)
	case err != nil:
		return written, faultf("entry %.80q is damaged (%v)", name, err)
	}
	return written, nil
}

// ours sorts the errors of making a file: a name twice, or a file as a
// directory, is the zip's fault.
func ours(err error, name string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return faultf("entry %.80q is there twice", name)
	case strings.Contains(err.Error(), "not a directory"):
		return faultf("entry %.80q is below a file", name)
	}
	return fmt.Errorf("make %.80q: %w", name, err)
}

// errorKeeper remembers that it was writing, not reading, that failed.
type errorKeeper struct {
	w   io.Writer
	err error
}

func (k *errorKeeper) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	if err != nil {
		k.err = err
	}
	return n, err
}

// budgetReader stops reading when too much was read, and remembers errors of the
// disk. A negative budget is none.
type budgetReader struct {
	r    io.ReaderAt
	left int64
	over bool
	err  error
}

func (b *budgetReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 { // the zip says so; a disk would fail on it as if it were broken
		return 0, errors.New("offset before the start")
	}
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			b.left, b.over = 0, true
			return 0, errors.New("directory too large")
		}
	}
	n, err := b.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}
