package dispatch

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"runlease/shared/zipdir"
)

// MaxCaseOutput is how much of stdout, and of stderr, one reply has, in bytes.
// JSON may make six bytes of one, and the event of a function, which has 6 MB,
// escapes them once more.
const MaxCaseOutput = 256 << 10

// inflatedFrom is how much of a packed file is read to get MaxCaseOutput of it:
// what does not shrink grows a little.
const inflatedFrom = MaxCaseOutput + MaxCaseOutput/8

// moreEntries is how many entries a runner's zip may have beside its cases' files.
const moreEntries = 100

// CaseOutputs is what one case has written. A text that is cut is the beginning
// of it: the zip of Outputs has the whole.
type CaseOutputs struct {
	Stdout, Stderr       string // at most MaxCaseOutput bytes before bad UTF-8 is replaced
	StdoutCut, StderrCut bool
}

// CaseOutputs gives what one case of an accepted result has written; task and
// one count from 0. It reads the directory of the zip and the two files alone.
// Refused with NotFound or OutputsNotFound.
func (d *Dispatcher) CaseOutputs(ctx context.Context, id string, task, one int) (CaseOutputs, Answer, error) {
	j, found, err := d.Store.Get(ctx, id)
	switch {
	case err != nil:
		return CaseOutputs{}, Answer{}, err
	case !found:
		return CaseOutputs{}, notFound, nil
	case j.Result == nil || !j.Result.HasOutputs():
		return noOutputs("")
	}
	cases, err := casesOf(j)
	if err != nil {
		return CaseOutputs{}, Answer{}, fmt.Errorf("outputs of job %s: %w", id, err)
	}
	if task >= len(cases) || one >= len(cases[task]) {
		return noOutputs(fmt.Sprintf("the result has no case %d of task %d", one, task))
	}
	if len(j.Result.Packed) == 0 {
		entries := moreEntries
		for _, task := range cases {
			entries += 2 * len(task)
		}
		return d.zippedOutputs(ctx, j.Result.Outputs, entries, task, one)
	}
	if cases, err = unpacked(j); err != nil {
		return CaseOutputs{}, Answer{}, err
	}
	c := cases[task][one]
	return CaseOutputs{Stdout: c.Stdout, Stderr: c.Stderr}, granted, nil
}

func noOutputs(why string) (CaseOutputs, Answer, error) {
	return CaseOutputs{}, Answer{Outcome: OutputsNotFound, Detail: why}, nil
}

// zippedOutputs reads one case's files from a zip, which may be a runner's, with a
// bound on its entries.
func (d *Dispatcher) zippedOutputs(ctx context.Context, key string, entries, task, one int) (CaseOutputs, Answer, error) {
	stored, exists, err := d.Objects.Stat(ctx, key)
	if err != nil {
		return CaseOutputs{}, Answer{}, err
	}
	if !exists {
		return noOutputs("they are not stored any more")
	}
	files, err := zipdir.Read(d.reader(ctx, key, stored.Size), stored.Size, entries)
	if fault, is := errors.AsType[*zipdir.Fault](err); is {
		return noOutputs("the zip of the runner cannot be read: " + fault.Why)
	}
	if err != nil {
		return CaseOutputs{}, Answer{}, fmt.Errorf("look into outputs: %w", err)
	}
	var out CaseOutputs
	there := false
	for _, part := range []struct {
		kind  string
		text  *string
		isCut *bool
	}{{"stdout", &out.Stdout, &out.StdoutCut}, {"stderr", &out.Stderr, &out.StderrCut}} {
		name := outputName(task, one, part.kind)
		i := slices.IndexFunc(files, func(f *zip.File) bool { return f.Name == name })
		if i < 0 {
			continue
		}
		if why := zipdir.Readable(files[i]); why != "" {
			return noOutputs(name + ": " + why)
		}
		if *part.text, *part.isCut, err = beginning(files[i]); err != nil {
			return CaseOutputs{}, Answer{}, fmt.Errorf("read %s of outputs: %w", name, err)
		}
		there = true
	}
	if !there {
		return noOutputs(fmt.Sprintf("the zip has no case %d of task %d", one, task))
	}
	return out, granted, nil
}

// beginning reads the first MaxCaseOutput bytes of a file in one read, and
// reports whether there is more of it. A file that is damaged ends where it is.
func beginning(file *zip.File) (text string, isCut bool, err error) {
	raw, err := file.OpenRaw()
	if isEnd(err) || errors.Is(err, zip.ErrFormat) {
		return "", true, nil
	}
	if err != nil {
		return "", false, err
	}
	packed := make([]byte, min(file.CompressedSize64, inflatedFrom))
	n, err := io.ReadFull(raw, packed)
	if err != nil && !isEnd(err) {
		return "", false, err
	}
	var plain io.Reader = bytes.NewReader(packed[:n])
	if file.Method == zip.Deflate {
		plain = flate.NewReader(plain)
	}
	// What fails here is a stream that was cut, or was never one.
	read, _ := io.ReadAll(io.LimitReader(plain, MaxCaseOutput))
	return strings.ToValidUTF8(string(read), "\ufffd"), uint64(len(read)) != file.UncompressedSize64, nil
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
