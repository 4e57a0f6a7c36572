package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"runlease/shared/job"
	"runlease/shared/memory"
)

// uploads is where files are while they are being written, inside the folder.
const uploads = "uploads"

// newborn is a file that is being written.
type newborn struct {
	*os.File
	sum hash.Hash
}

// newFile begins a file.
func newFile(dir string) (newborn, error) {
	if err := os.MkdirAll(filepath.Join(dir, uploads), 0o700); err != nil {
		return newborn{}, err
	}
	f, err := os.CreateTemp(filepath.Join(dir, uploads), "")
	return newborn{f, sha256.New()}, err
}

// fill writes a body that was announced, and sees that it is on the disk.
func (f newborn) fill(body io.Reader, want job.Artifact) error {
	n, err := io.Copy(io.MultiWriter(f, f.sum), io.LimitReader(body, want.Size+1))
	var failed *os.PathError
	switch {
	case errors.As(err, &failed):
		return explain(f.Name(), err)
	case err != nil || n != want.Size || hex.EncodeToString(f.sum.Sum(nil)) != want.SHA256:
		return memory.ErrBytes
	}
	if err := f.Sync(); err != nil {
		return explain(f.Name(), err)
	}
	return nil
}

// place moves the file to where it belongs.
func (f newborn) place(name string) error {
	if err := f.Close(); err != nil {
		return err
	}
	err := os.Rename(f.Name(), name)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(name), 0o700); err == nil {
			err = os.Rename(f.Name(), name)
		}
	}
	return err
}

// drop removes what was not placed.
func (f newborn) drop() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// syncUp sees that a file's name is on the disk, and those of the folders above it.
func syncUp(dir, name string) error {
	for name != dir {
		name = filepath.Dir(name)
		folder, err := os.Open(name)
		if err == nil {
			err = errors.Join(folder.Sync(), folder.Close())
		}
		if err != nil {
			return fmt.Errorf("make the object's name last: %w", err)
		}
	}
	return nil
}

// filer writes the objects that are in the journal to their files.
type filer struct {
	db    *DB
	mu    sync.Mutex
	queue []unfiled
	size  int64 // bytes in the queue
	stop  chan struct{}
	ended chan struct{}
}

type unfiled struct {
	key    string
	body   []byte
	number int64 // of its journal record
}

const (
	// fileEvery is how often: a sync of the file system for each object would cost
	// more than the rest of the server.
	fileEvery = time.Second
	// mostUnfiled is how many bytes may wait in memory; they are in the journal too.
	mostUnfiled = 256 << 20
)

var errSlow = errors.New("the disk is full or too slow: too many bytes wait to be written to their files")

func newFiler(db *DB) *filer {
	return &filer{db: db, stop: make(chan struct{}), ended: make(chan struct{})}
}

func (f *filer) add(key string, body []byte, number int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = append(f.queue, unfiled{key, body, number})
	f.size += int64(len(body))
}

// room fails if n bytes more are too many.
func (f *filer) room(n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size+n > mostUnfiled {
		return errSlow
	}
	return nil
}

// filed is the last journal record whose objects are all in their files.
func (f *filer) filed() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return math.MaxInt64
	}
	return f.queue[0].number - 1
}

func (f *filer) run() {
	defer close(f.ended)
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	failing := false
	for last := false; !last; {
		select {
		case <-f.stop:
			last = true
		case <-tick.C:
		}
		err := f.file()
		if err != nil && !failing {
			f.db.log.Error("objects stay in the journal until they can be written to their files", "error", explain(f.db.dir, err))
		}
		failing = err != nil
	}
}

// file writes what waits now, and syncs it all at once.
func (f *filer) file() error {
	f.mu.Lock()
	all := f.queue
	f.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	for _, o := range all {
		if err := f.put(o); err != nil {
			return err
		}
	}
	if err := syncAll(f.db.dir); err != nil {
		return fmt.Errorf("sync the file system: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = f.queue[len(all):]
	for _, o := range all {
		f.size -= int64(len(o.body))
	}
	return nil
}

// put writes an object to its file, unless it was taken away meanwhile: then the
// file must not come back.
func (f *filer) put(o unfiled) error {
	name, err := f.db.Objects().path(o.key)
	if err != nil {
		return err
	}
	f.db.filing.Lock()
	defer f.db.filing.Unlock()
	rows, err := f.db.get(objects, o.key)
	if err != nil || rows[0] == nil {
		return err
	}
	return putFile(name, o.body)
}

// putFile writes a file where it belongs. If that is cut off it is written again, from
// the journal, before anybody reads it.
func putFile(name string, body []byte) error {
	folder := filepath.Dir(name)
	err := os.Mkdir(folder, 0o700) // most objects are the only one in theirs
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(folder, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	made, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // not in place: a backup may be linked to it
		if err = os.Remove(name); err == nil {
			made, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		}
	}
	if err != nil {
		return err
	}
	_, err = made.Write(body)
	return errors.Join(err, made.Close())
}

// close files what waits and ends.
func (f *filer) close() {
	close(f.stop)
	<-f.ended
}
