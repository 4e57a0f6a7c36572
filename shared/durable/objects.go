package durable

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"runlease/shared/job"
	"runlease/shared/memory"
)

// Objects is memory.Objects as files of the folder, at their keys. A small object
// is in the journal first, so that it is on the disk with everything else, and in
// its file soon after; a large one goes straight to its file.
type Objects struct{ db *DB }

// Objects is the folder's bytes.
func (db *DB) Objects() *Objects { return &Objects{db} }

// smallObject is the largest that goes through the journal: what a request brings
// along, code of 256 KB and outputs.
const smallObject = 256 << 10

var errKey = errors.New("a key with a SHA-256 is that of its object")

// path is where an object's file is. Package dispatch builds keys from what the
// edge has checked; a key that leads elsewhere is refused anyway.
func (o *Objects) path(key string) (string, error) {
	if !filepath.IsLocal(key) || path.Clean(key) != key {
		return "", fmt.Errorf("%q is no key", key)
	}
	return filepath.Join(o.db.dir, filepath.FromSlash(key)), nil
}

// sumOf is the SHA-256 in a key; "" if the key holds none: then that of the bytes
// is the object's.
func sumOf(key string) string {
	sum := strings.TrimSuffix(path.Base(key), ".zip")
	if bytes, err := hex.DecodeString(sum); err != nil || len(bytes) != sha256.Size {
		return ""
	}
	return sum
}

// misnamed reports whether a key has the SHA-256 of another object.
func misnamed(key string, a job.Artifact) bool {
	sum := sumOf(key)
	return sum != "" && sum != a.SHA256
}

// Find opens an object.
func (o *Objects) Find(key string) (memory.Object, bool, error) {
	name, err := o.path(key)
	if err != nil {
		return memory.Object{}, false, err
	}
	rows, err := o.db.get(objects, key)
	if err != nil {
		return memory.Object{}, false, err
	}
	if body := rows[0]; body != nil {
		return memory.NewObject(body, job.Artifact{Size: int64(len(body)), SHA256: sumOf(key)}), true, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return memory.Object{}, false, nil
	}
	if err != nil {
		return memory.Object{}, false, fmt.Errorf("open object: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return memory.Object{}, false, errors.Join(fmt.Errorf("look at object: %w", err), f.Close())
	}
	return memory.Object{Artifact: job.Artifact{Size: info.Size(), SHA256: sumOf(key)}, Bytes: f}, true, nil
}

// exists reports whether there is an object.
func (o *Objects) exists(key string) (bool, error) {
	found, exists, err := o.Find(key)
	if err == nil && exists {
		err = found.Close()
	}
	return exists, err
}

// Save keeps an object; it is on the disk when Save returns.
func (o *Objects) Save(key string, body io.Reader, want job.Artifact) (stored bool, err error) {
	name, err := o.path(key)
	if err != nil {
		return false, err
	}
	if want.Size > smallObject {
		return o.saveLarge(key, name, body, want)
	}
	read, err := memory.ReadBody(body, want)
	if err != nil {
		return false, err
	}
	if there, err := o.exists(key); err != nil || there {
		return false, err
	}
	if misnamed(key, want) {
		return false, errKey
	}
	if err := o.db.files.room(int64(len(read))); err != nil {
		return false, err
	}
	err = o.db.write(context.Background(), func(b *batch) error {
		if stored = b.get(objects, key) == nil; stored {
			b.put(objects, key, read)
		}
		return nil
	})
	return stored && err == nil, err
}

// SaveAhead keeps a small object without waiting for the disk: what is written to the
// store after it is on the disk no sooner.
func (o *Objects) SaveAhead(key string, body []byte, want job.Artifact) error {
	if want.Size > smallObject {
		_, err := o.Save(key, bytes.NewReader(body), want)
		return err
	}
	read, err := memory.ReadBody(bytes.NewReader(body), want)
	if err != nil {
		return err
	}
	if there, err := o.exists(key); err != nil || there {
		return err
	}
	if misnamed(key, want) {
		return errKey
	}
	if err := o.db.files.room(int64(len(read))); err != nil {
		return err
	}
	return o.db.ahead(context.Background(), objects, key, read)
}

// Remove takes an object away, from the journal and from its file.
func (o *Objects) Remove(key string) error {
	name, err := o.path(key)
	if err != nil {
		return err
	}
	o.db.filing.Lock()
	defer o.db.filing.Unlock()
	err = o.db.write(context.Background(), func(b *batch) error {
		if b.get(objects, key) != nil {
			b.put(objects, key, nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain(o.db.dir, err)
	}
	return nil
}

// Keep makes the file of an object a new one to RemoveOld. By the time that it is
// old again, the version that has it is written.
func (o *Objects) Keep(key string) (bool, error) {
	name, err := o.path(key)
	if err != nil {
		return false, err
	}
	o.db.filing.Lock()
	defer o.db.filing.Unlock()
	now := o.db.Clock.Now()
	if err := os.Chtimes(name, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, explain(o.db.dir, err)
	}
	return o.exists(key) // an object in the journal has no file yet
}

// saveLarge writes a separate file while the body comes in.
func (o *Objects) saveLarge(key, name string, body io.Reader, want job.Artifact) (bool, error) {
	f, err := newFile(o.db.dir)
	if err != nil {
		return false, explain(o.db.dir, err)
	}
	defer f.drop()
	if err := f.fill(body, want); err != nil {
		return false, err
	}
	o.db.filing.Lock()
	defer o.db.filing.Unlock()
	if there, err := o.exists(key); err != nil || there {
		return false, err
	}
	if misnamed(key, want) {
		return false, errKey
	}
	if err := f.place(name); err != nil {
		return false, explain(o.db.dir, err)
	}
	return true, syncUp(o.db.dir, name)
}
