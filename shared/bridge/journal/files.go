package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// The folders of files.
const (
	codeFolder     = "code"
	testdataFolder = "testdata"
)

// unfinished is how the name of a file ends while it is written.
const unfinished = ".part"

// Zip is a file in the folder.
type Zip struct {
	Name   string
	Size   int64 // bytes
	SHA256 string
}

// ErrTooLarge means that there are more bytes than are allowed.
var ErrTooLarge = errors.New("too many bytes")

// Receive writes the zip of a submission while it comes in. It is on the disk, by
// its name, when Receive returns; what is refused leaves nothing. ReadFailed tells
// an error of the reader from one of the disk.
func (j *Journal) Receive(id string, from io.Reader, most int64) (Zip, error) {
	folder := filepath.Join(j.dir, codeFolder)
	f, err := os.CreateTemp(folder, id+".*"+unfinished)
	if err != nil {
		return Zip{}, j.explain(err)
	}
	zip := Zip{Name: strings.TrimSuffix(filepath.Base(f.Name()), unfinished)}
	sum := sha256.New()
	zip.Size, err = io.Copy(io.MultiWriter(onDisk{f}, sum), io.LimitReader(from, most+1))
	if failed, is := errors.AsType[*diskError](err); is {
		err = j.explain(failed.error)
	} else if err != nil {
		err = &readError{err}
	} else if zip.Size > most {
		err = ErrTooLarge
	} else if err = f.Sync(); err != nil {
		err = j.explain(err)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, zip.Name))
	}
	if err == nil {
		err = syncFolder(folder)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return Zip{}, err
	}
	zip.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return zip, nil
}

type (
	onDisk    struct{ *os.File }
	diskError struct{ error }
	readError struct{ error }
)

func (d onDisk) Write(p []byte) (int, error) {
	n, err := d.File.Write(p)
	if err != nil {
		err = &diskError{err}
	}
	return n, err
}

func (e *diskError) Unwrap() error { return e.error }
func (e *readError) Unwrap() error { return e.error }

// ReadFailed reports whether an error of Receive is one of its reader.
func ReadFailed(err error) bool {
	_, is := errors.AsType[*readError](err)
	return is
}

func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return fmt.Errorf("make a file's name last: %w", err)
	}
	return nil
}

// Open opens the zip of a submission.
func (j *Journal) Open(name string) (*os.File, error) {
	return os.Open(filepath.Join(j.dir, codeFolder, filepath.Base(name)))
}

// Remove removes the zip of a submission. That it is gone is fine.
func (j *Journal) Remove(name string) error {
	if name == "" {
		return nil
	}
	err := os.Remove(filepath.Join(j.dir, codeFolder, filepath.Base(name)))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the code of a submission: %w", err)
	}
	return nil
}

// Try finds out whether the folder can be written to.
func (j *Journal) Try() error {
	zip, err := j.Receive("try", strings.NewReader("x"), 1)
	if err == nil {
		err = j.Remove(zip.Name)
	}
	if err == nil {
		err = j.bolt.Update(func(*bbolt.Tx) error { return nil })
	}
	return j.explain(err)
}

// Scratch makes a file for test data on its way. Its caller closes and removes it.
func (j *Journal) Scratch() (*os.File, error) {
	f, err := os.CreateTemp(filepath.Join(j.dir, testdataFolder), "")
	return f, j.explain(err)
}

// clear removes what a kill has left: test data on its way, and code that no
// submission names.
func (j *Journal) clear() error {
	if err := os.RemoveAll(filepath.Join(j.dir, testdataFolder)); err != nil {
		return fmt.Errorf("clear the bridge's folder: %w", err)
	}
	if err := os.Mkdir(filepath.Join(j.dir, testdataFolder), 0o700); err != nil {
		return fmt.Errorf("clear the bridge's folder: %w", err)
	}
	named := map[string]bool{}
	if err := j.Each(func(s Submission) { named[s.File] = true }); err != nil {
		return err
	}
	files, err := os.ReadDir(filepath.Join(j.dir, codeFolder))
	if err != nil {
		return fmt.Errorf("clear the bridge's folder: %w", err)
	}
	for _, f := range files {
		if !named[f.Name()] {
			if err := j.Remove(f.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Free is how many bytes the folder's disk has left for this process.
func (j *Journal) Free() (int64, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(j.dir, &disk); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", j.dir, err)
	}
	return int64(min(disk.Bavail, 1<<40)) * int64(disk.Bsize), nil //nolint:unconvert // of another type on other systems
}
