package execute

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
)

// keptInMemory is how much the outputs of a job may take in its result before
// they go to a file, in bytes. What is larger is not sent in one body anyway.
const keptInMemory = 1 << 20

// Keeper keeps what the cases of a job wrote: in the cases while it is little,
// else in a zip, so that memory does not grow with it.
type Keeper struct {
	path  string // "": in the cases, whatever it is
	bytes int
	held  []heldCase
	file  *os.File
	zip   *zip.Writer
}

type heldCase struct {
	task, number int
	at           *Case
}

// Keep begins with a job; the zip is made at path when it is needed.
func Keep(path string) *Keeper { return &Keeper{path: path} }

// Add takes a case, which must stay where it is. Its outputs may be taken out of
// it, now or later.
func (k *Keeper) Add(task, number int, c *Case) error {
	if k.path == "" {
		return nil
	}
	k.bytes += len(c.Stdout) + len(c.Stderr)
	k.held = append(k.held, heldCase{task, number, c})
	if k.zip == nil && k.bytes <= keptInMemory {
		return nil
	}
	if k.zip == nil {
		var err error
		if k.file, err = os.OpenFile(k.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return fmt.Errorf("make file of outputs: %w", err)
		}
		k.zip = zip.NewWriter(k.file)
	}
	for _, h := range k.held {
		if err := WriteOutputs(k.zip, h.task, h.number, *h.at); err != nil {
			return err
		}
		h.at.Stdout, h.at.Stderr = "", ""
	}
	k.held = k.held[:0]
	return nil
}

// Close finishes the zip, if there is one.
func (k *Keeper) Close() error {
	if k.zip == nil {
		return nil
	}
	if err := errors.Join(k.zip.Close(), k.file.Sync(), k.file.Close()); err != nil {
		return fmt.Errorf("write file of outputs: %w", err)
	}
	return nil
}

// WriteOutputs adds TTCC.stdout and TTCC.stderr of a case to a zip. The same
// outputs give the same bytes: there is no time stamp.
func WriteOutputs(w *zip.Writer, task, number int, c Case) error {
	for _, file := range []struct{ ending, text string }{{".stdout", c.Stdout}, {".stderr", c.Stderr}} {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: CaseName(task, number) + file.ending, Method: zip.Deflate})
		if err == nil {
			_, err = io.WriteString(entry, file.text)
		}
		if err != nil {
			return fmt.Errorf("pack outputs: %w", err)
		}
	}
	return nil
}
