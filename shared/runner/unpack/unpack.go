// Package unpack gets the material of a job out of its zip files, within strict
// limits: nothing outside the directory, no links, not more entries, folders,
// bytes or compression than agreed. What is wrong with an entry that no job
// needs is no reason to refuse the zip: the entry is passed over. A *Fault is a
// fault of the material, and says to an operator what is wrong with it; any
// other error is the runner's, or the cause of a context that is done.
package unpack

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"runlease/shared/casefile"
	"runlease/shared/language"
	"runlease/shared/runner/execute"
	"runlease/shared/zipdir"
)

// Limits bound what a zip may hold.
type Limits = zipdir.Limits

// The limits that the server looks at, too.
var (
	CodeLimits     = language.CodeLimits
	TestDataLimits = casefile.Limits
)

// Fault is what is wrong with a job's material.
type Fault struct {
	Why string
	// NoSource reports that the submission lacks its language's source file: it
	// does not compile.
	NoSource bool
}

func (f *Fault) Error() string { return f.Why }

func faultf(format string, args ...any) error { return &Fault{Why: fmt.Sprintf(format, args...)} }

// Code unpacks a submission of size bytes into dir, which must exist and be
// empty, and makes sure that the source file of its language is there, if that is known.
func Code(ctx context.Context, r io.ReaderAt, size int64, dir string, id int, limits Limits) error {
	if id == language.Handwritten || !language.Legal(id) {
		return faultf("unknown language %d", id)
	}
	source, known := language.Source(id)
	needed := map[string]bool{}
	if known {
		needed[source] = true
	}
	if err := unpack(ctx, r, size, dir, needed, limits, func(string) {}); err != nil {
		return named("code zip", err)
	}
	if needed[source] {
		return &Fault{Why: fmt.Sprintf("code zip: no file %s at its root", source), NoSource: true}
	}
	return nil
}

// TestData unpacks the test data of size bytes into dir, which must exist and be
// empty, and makes sure that every case has its two files, and that the source
// of the problem's checker is there, if it has one.
func TestData(ctx context.Context, r io.ReaderAt, size int64, dir string, tasks []execute.Task, checker string, limits Limits) error {
	return testData(ctx, r, size, dir, tasks, checker, limits, func(string) {})
}

func testData(ctx context.Context, r io.ReaderAt, size int64, dir string, tasks []execute.Task, checker string, limits Limits, written func(string)) error {
	needed := map[string]bool{}
	told := written
	if checker != "" {
		needed[checker] = true
		told = func(name string) {
			if name != "" { // not before the checker is there, which the end tells
				written(name)
			}
		}
	}
	each := func(do func(name string, task, number int) error) error {
		for t, task := range tasks {
			for c := range task.CaseCount {
				for _, ending := range []string{casefile.In, casefile.Out} {
					if err := do(execute.CaseName(t, c)+ending, t, c); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	_ = each(func(name string, _, _ int) error { needed[name] = true; return nil })
	if err := unpack(ctx, r, size, dir, needed, limits, told); err != nil {
		return named("test data zip", err)
	}
	if needed[checker] {
		return faultf("test data zip: no file %s, the source of the problem's checker", checker)
	}
	return each(func(name string, task, number int) error {
		if needed[name] {
			return faultf("test data zip: no file %s at its root (task %d, case %d)", name, task, number)
		}
		return nil
	})
}

func named(what string, err error) error {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return faultf("%s: %s", what, fault.Why)
	}
	return fmt.Errorf("unpack %s: %w", what, err)
}

const (
	// bytesPerEntry is what an entry may take in the zip's directory: 46 bytes, its
	// name and a few extra fields.
	bytesPerEntry = 1 << 10
	// maxFolders bounds what a zip may have made beside its files: one name can
	// stand for a hundred folders.
	maxFolders = 1000
)

// unpack writes the files of a zip into dir. It takes written files out
// of needed and tells written of each, and with "" that all others are there.
func unpack(ctx context.Context, r io.ReaderAt, size int64, dir string, needed map[string]bool, limits Limits, written func(string)) error {
	// Reading the directory takes memory for every entry, before they can be
	// counted; so the directory's bytes are bounded.
	budget := &budgetReader{ctx: ctx, r: r, left: int64(limits.Entries)*bytesPerEntry + 128<<10}
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
	// What is announced is refused before it is written; what comes is counted.
	if _, fault := limits.Check(archive.File, size); fault != nil {
		return faultf("%s", fault.Why)
	}
	t := &target{dir: dir, left: limits.Most(size), folders: map[string]bool{".": true}}
	// What is needed comes first, so that nothing else can stand in its way.
	var first, rest []*zip.File
	seen := map[string]bool{}
	for _, file := range archive.File {
		switch {
		case !needed[file.Name]:
			rest = append(rest, file)
		case seen[file.Name]:
			return faultf("entry %.80q is there twice", file.Name)
		default:
			first, seen[file.Name] = append(first, file), true
		}
	}
	if len(rest) == 0 {
		written("")
	}
	for _, file := range first {
		if err := t.extract(file); err != nil {
			return ours(err, budget)
		}
		delete(needed, file.Name)
		written(file.Name)
	}
	for _, file := range rest {
		err := ours(t.extract(file), budget)
		if fault, ok := errors.AsType[*Fault](err); err != nil && (!ok || fault == t.full) {
			return err
		}
	}
	return nil
}

// ours puts what went wrong with the disk, or the context, before what the zip
// seems to have wrong because of it.
func ours(err error, from *budgetReader) error {
	if from.err != nil {
		return fmt.Errorf("read: %w", from.err)
	}
	return err
}

// target is a directory that a zip is unpacked into.
type target struct {
	dir     string
	left    int64           // bytes that may still be written
	folders map[string]bool // that are there
	full    *Fault          // why nothing more may be written
}

// extract writes one entry. A *Fault means that nothing is left of it.
func (t *target) extract(file *zip.File) error {
	name := file.Name
	if len(name) > 255 || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(name) {
		return faultf("entry %.80q has a name that is not allowed", name)
	}
	if file.Mode().IsDir() {
		return t.folder(strings.TrimSuffix(name, "/"))
	}
	if why := zipdir.Readable(file); why != "" {
		return faultf("entry %.80q: %s", name, why)
	}
	if err := t.folder(path.Dir(name)); err != nil {
		return err
	}
	from, err := file.Open()
	if err != nil {
		return faultf("entry %.80q is damaged (%v)", name, err)
	}
	defer func() { _ = from.Close() }()
	at := filepath.Join(t.dir, filepath.FromSlash(name))
	to, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return faultf("entry %.80q is there twice", name)
	}
	if err != nil {
		return fmt.Errorf("make %.80q: %w", name, err)
	}
	sink := &errorKeeper{w: to}
	written, err := io.Copy(sink, io.LimitReader(from, t.left+1))
	if closeErr := to.Close(); sink.err == nil {
		sink.err = closeErr
	}
	t.left -= written
	switch {
	case sink.err != nil:
		return fmt.Errorf("write %.80q: %w", name, sink.err)
	case t.left < 0:
		t.full = &Fault{Why: "unpacks to more than its size allows"}
		return t.full
	case err != nil:
		if gone := os.Remove(at); gone != nil {
			return fmt.Errorf("remove what is left of %.80q: %w", name, gone)
		}
		return faultf("entry %.80q is damaged (%v)", name, err)
	}
	return nil
}

// folder makes a folder, and those above it.
func (t *target) folder(name string) error {
	if t.folders[name] {
		return nil
	}
	if err := t.folder(path.Dir(name)); err != nil {
		return err
	}
	if len(t.folders) > maxFolders {
		t.full = &Fault{Why: fmt.Sprintf("more than %d folders", maxFolders)}
		return t.full
	}
	err := os.Mkdir(filepath.Join(t.dir, filepath.FromSlash(name)), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return faultf("folder %.80q is a file, too", name)
	}
	if err != nil {
		return fmt.Errorf("make %.80q: %w", name, err)
	}
	t.folders[name] = true
	return nil
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

// budgetReader stops reading when too much was read or its context is done, and
// remembers that, or an error of the disk. A negative budget is none.
type budgetReader struct {
	ctx  context.Context //nolint:containedctx // archive/zip reads without one
	r    io.ReaderAt
	left int64
	over bool
	err  error
}

func (b *budgetReader) ReadAt(p []byte, off int64) (int, error) {
	if b.ctx.Err() != nil {
		b.err = context.Cause(b.ctx)
		return 0, b.err
	}
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
