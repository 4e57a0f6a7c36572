package memory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	"runlease/shared/job"
)

// Objects keeps bytes under keys. What is there never changes.
type Objects interface {
	// Find opens an object; it returns false if there is none.
	Find(key string) (Object, bool, error)
	// Save reads body to its end and keeps it. It is false, and nothing changes, if
	// the key exists, and fails with ErrBytes if body is not what was announced.
	Save(key string, body io.Reader, want job.Artifact) (bool, error)
	// SaveAhead is Save of an object that another write follows, and is over before
	// that one is: until then the object need not be on the disk, nor be found. One
	// that exists stays.
	SaveAhead(key string, body []byte, want job.Artifact) error
	// Remove removes an object. It is no error if it does not exist.
	Remove(key string) error
	// Keep makes an object stay for at least dispatch.DraftLife from now, and
	// reports whether it is there.
	Keep(key string) (bool, error)
}

// Object is bytes under a key, opened for reading. It must be closed. SHA256 may
// be empty: then it is that of the bytes, to be found by reading them.
type Object struct {
	job.Artifact
	Bytes
}

// Bytes are read from their beginning or from anywhere.
type Bytes interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// ErrBytes means that a body is not what was announced.
var ErrBytes = errors.New("the body does not match its size or checksum")

// ReadBody reads a body that was announced, whole.
func ReadBody(body io.Reader, want job.Artifact) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, want.Size+1))
	if sum := sha256.Sum256(read); err != nil || int64(len(read)) != want.Size || hex.EncodeToString(sum[:]) != want.SHA256 {
		return nil, ErrBytes
	}
	return read, nil
}

// NewObject is an Object of bytes in memory.
func NewObject(body []byte, a job.Artifact) Object {
	return Object{a, struct {
		*bytes.Reader
		io.Closer
	}{bytes.NewReader(body), io.NopCloser(nil)}}
}

// inMemory is Objects in memory.
type inMemory struct {
	mu      sync.RWMutex
	objects map[string]held
}

type held struct {
	body []byte
	job.Artifact
}

// Find opens an object.
func (o *inMemory) Find(key string) (Object, bool, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	h, exists := o.objects[key]
	return NewObject(h.body, h.Artifact), exists, nil
}

// Remove takes an object away.
func (o *inMemory) Remove(key string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, key)
	return nil
}

// Keep reports whether an object is there: here they stay as long as the process.
func (o *inMemory) Keep(key string) (bool, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	_, exists := o.objects[key]
	return exists, nil
}

// SaveAhead keeps an object.
func (o *inMemory) SaveAhead(key string, body []byte, want job.Artifact) error {
	_, err := o.Save(key, bytes.NewReader(body), want)
	return err
}

// Save keeps an object.
func (o *inMemory) Save(key string, body io.Reader, want job.Artifact) (bool, error) {
	read, err := ReadBody(body, want)
	if err != nil {
		return false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, exists := o.objects[key]; exists {
		return false, nil
	}
	o.objects[key] = held{read, want}
	return true, nil
}
