package language

import (
	"errors"
	"io"
	"path"
	"strings"

	"runlease/shared/zipdir"
)

// The bounds of a job's code, a zip, in bytes.
const (
	MaxInline = 256 << 10 // in the request that creates the job
	MaxZip    = 10 << 20  // uploaded
)

// CodeLimits are wide: a submission is a source file, perhaps with a few beside it.
var CodeLimits = zipdir.Limits{Entries: 100, Bytes: 20 << 20, Ratio: 100, FreeBytes: 1 << 20}

// CheckCode looks at the directory of a submission's zip of size bytes: whether
// it has the source file of its language. Of a language whose source is not
// known it wants any file. A *zipdir.Fault tells what is wrong with the zip,
// any other error is one of r.
func CheckCode(r io.ReaderAt, size int64, id int) error {
	entries, err := zipdir.List(r, size, CodeLimits.Entries)
	if err != nil {
		return err
	}
	if file, fault := CodeLimits.Check(entries, size); fault != nil {
		return named(file, fault.Why)
	}
	source, known := Source(id)
	files, near := 0, ""
	for _, e := range entries {
		if strings.HasSuffix(e.Name, "/") {
			continue
		}
		files++
		switch {
		case e.Name == source:
			if why := zipdir.Readable(e); why != "" {
				return named(source, why)
			}
			return nil
		case strings.EqualFold(path.Base(e.Name), source):
			near = e.Name
		}
	}
	switch {
	case files == 0:
		return &zipdir.Fault{Why: "the zip is empty"}
	case !known:
		return nil
	case near != "":
		return named(near, "want "+source+" at the root of the zip")
	}
	return &zipdir.Fault{Why: "want " + source + " at the root of the zip: it has no such file"}
}

func named(file, why string) error {
	if file != "" {
		why = strings.ToValidUTF8(file[:min(len(file), 100)], "\uFFFD") + ": " + why
	}
	return &zipdir.Fault{Why: why}
}

// Fault is the fault in an error of CheckCode; false if it is one of the reader.
func Fault(err error) (why string, is bool) {
	fault, is := errors.AsType[*zipdir.Fault](err)
	if !is {
		return "", false
	}
	return fault.Why, true
}
