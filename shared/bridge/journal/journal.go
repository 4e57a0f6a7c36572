// Package journal is the memory of the bridge: what it was sent and how far it has
// got, in a folder of one machine. What a method has written is on the disk when
// it returns; all that arrive during one fsync share the next.
//
// The folder holds journal.db (bbolt), the zips of submissions as plain files in
// code/, and test data on its way in testdata/.
package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// State is how far a submission has got.
type State string

// The states, in their order. They are stored and never change their meaning.
const (
	Received State = "received" // to be handed in to runlease
	Handed   State = "handed"   // its verdict is waited for
	Judged   State = "judged"   // its verdict is to be sent back
	Done     State = "done"
)

// Submission is a submission that the back end has sent.
type Submission struct {
	ID       string `json:"id"`
	Round    int    `json:"round"` // 1, and one more each time that it comes again
	State    State  `json:"state"`
	Problem  int    `json:"problem"`
	Language int    `json:"language"`
	Size     int64  `json:"size"`   // of the zip, bytes
	SHA256   string `json:"sha256"` // of the zip
	File     string `json:"file"`   // the zip, in code/; "": not needed any more

	Job        string `json:"job,omitempty"`        // its id in runlease, if it is not ID
	Generation int    `json:"generation,omitempty"` // of the job, whose verdict counts
	Checksum   string `json:"checksum,omitempty"`   // the back end's, of the problem that it was handed in by
	Again      int    `json:"again,omitempty"`      // how often its verdict had not the problem's shape
	Fault      *Fault `json:"fault,omitempty"`      // the verdict, if it is the bridge's own
	Kept       bool   `json:"kept,omitempty"`       // the back end may have lost its verdict

	ReceivedAt time.Time `json:"receivedAt"`
	ChangedAt  time.Time `json:"changedAt"`
}

// JobID is the id of the submission's job in runlease.
func (s Submission) JobID() string {
	if s.Job != "" {
		return s.Job
	}
	return s.ID
}

// Fault is why a submission is not judged.
type Fault struct {
	Status string `json:"status"` // CE or JE
	Reason string `json:"reason"`
}

// Problem is what is known of a problem of the back end.
type Problem struct {
	ID       int    `json:"id"`
	Checksum string `json:"checksum"`        // the back end's, of what was published last; "": not known
	Tasks    int    `json:"tasks"`           // how many it has
	Fault    string `json:"fault,omitempty"` // why it cannot be judged by; "": it can
}

// format is the number of the folder's format. A newer one is refused.
const format = 1

var (
	metaBucket        = []byte("meta")
	submissionsBucket = []byte("submissions")
	problemsBucket    = []byte("problems")
	formatKey         = []byte("format")
	cursorKey         = []byte("cursor")
)

// Journal is an open folder. One process has it at a time.
type Journal struct {
	dir  string
	bolt *bbolt.DB
}

// lockWait is how long the process before may take to end.
const lockWait = 5 * time.Second

// Open opens a folder, or makes it.
func Open(dir string) (*Journal, error) {
	for _, folder := range []string{codeFolder, testdataFolder} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("make the bridge's folder: %w", err)
		}
	}
	bolt, err := bbolt.Open(filepath.Join(dir, "journal.db"), 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is in use by another process: end it first, or choose another folder", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Join(dir, "journal.db"), err)
	}
	// Their names must last as well, if they are new.
	if err := errors.Join(syncFolder(dir), syncFolder(filepath.Dir(dir))); err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	bolt.MaxBatchDelay = time.Millisecond // what arrives during an fsync is carried by the next one anyway
	j := &Journal{dir: dir, bolt: bolt}
	if err := j.begin(); err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	return j, nil
}

func (j *Journal) begin() error {
	err := j.bolt.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		if stored := meta.Get(formatKey); stored != nil && binary.BigEndian.Uint64(stored) > format {
			return fmt.Errorf("the journal is of format %d and this version of the bridge knows format %d: run the newer version again", binary.BigEndian.Uint64(stored), format)
		}
		if err := meta.Put(formatKey, binary.BigEndian.AppendUint64(nil, format)); err != nil {
			return err
		}
		for _, name := range [][]byte{submissionsBucket, problemsBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return j.explain(err)
	}
	return j.clear()
}

// Close ends. No method may be called after it.
func (j *Journal) Close() error {
	if err := j.bolt.Close(); err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}

// Submission reads one; false if it is not known.
func (j *Journal) Submission(id string) (s Submission, found bool, err error) {
	err = j.bolt.View(func(tx *bbolt.Tx) error {
		s, found, err = readSubmission(tx, id)
		return err
	})
	return s, found, err
}

func readSubmission(tx *bbolt.Tx, id string) (s Submission, found bool, err error) {
	text := tx.Bucket(submissionsBucket).Get([]byte(id))
	if text == nil {
		return Submission{ID: id}, false, nil
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, false, fmt.Errorf("the journal's record of submission %s is damaged: %w", id, err)
	}
	return s, true, nil
}

// Update changes what is known of a submission, which is the zero Submission but
// for its id if it is new. Nothing is written if change returns false. It may be
// called more than once.
func (j *Journal) Update(id string, change func(*Submission) bool) (s Submission, written bool, err error) {
	err = j.bolt.Batch(func(tx *bbolt.Tx) error {
		var err error
		if s, _, err = readSubmission(tx, id); err != nil {
			return err
		}
		if written = change(&s); !written {
			return nil
		}
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return tx.Bucket(submissionsBucket).Put([]byte(id), text)
	})
	return s, written && err == nil, j.explain(err)
}

// Each reads all submissions.
func (j *Journal) Each(visit func(Submission)) error {
	return j.bolt.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(submissionsBucket).ForEach(func(id, _ []byte) error {
			s, _, err := readSubmission(tx, string(id))
			if err == nil {
				visit(s)
			}
			return err
		})
	})
}

// Forget removes the submissions that were done before a time.
func (j *Journal) Forget(before time.Time) error {
	var old []string
	err := j.Each(func(s Submission) {
		if s.State == Done && s.ChangedAt.Before(before) {
			old = append(old, s.ID)
		}
	})
	if err != nil {
		return err
	}
	return j.explain(j.bolt.Update(func(tx *bbolt.Tx) error {
		for _, id := range old {
			s, found, err := readSubmission(tx, id)
			if err != nil {
				return err
			}
			if found && s.State == Done { // it may have come again meanwhile
				if err := tx.Bucket(submissionsBucket).Delete([]byte(id)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// Problem reads the record of a problem: the zero Problem with its id if
// that is nothing.
func (j *Journal) Problem(id int) (p Problem, err error) {
	p.ID = id
	err = j.bolt.View(func(tx *bbolt.Tx) error {
		text := tx.Bucket(problemsBucket).Get(problemKey(id))
		if text == nil {
			return nil
		}
		return json.Unmarshal(text, &p)
	})
	return p, err
}

// PutProblem writes what is known of a problem.
func (j *Journal) PutProblem(p Problem) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return j.explain(j.bolt.Batch(func(tx *bbolt.Tx) error {
		return tx.Bucket(problemsBucket).Put(problemKey(p.ID), text)
	}))
}

// Cursor is how far the feed of verdicts was read; "": not at all.
func (j *Journal) Cursor() (cursor string, err error) {
	err = j.bolt.View(func(tx *bbolt.Tx) error {
		cursor = string(tx.Bucket(metaBucket).Get(cursorKey))
		return nil
	})
	return cursor, err
}

// PutCursor writes how far the feed of verdicts was read.
func (j *Journal) PutCursor(cursor string) error {
	return j.explain(j.bolt.Batch(func(tx *bbolt.Tx) error {
		return tx.Bucket(metaBucket).Put(cursorKey, []byte(cursor))
	}))
}

func problemKey(id int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

// explain names the folder of a failed write, and the cure if the disk is full.
func (j *Journal) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case IsFull(err):
		return fmt.Errorf("the disk of %s is full: free some space, nothing else is needed: %w", j.dir, err)
	}
	return fmt.Errorf("write to %s: %w", j.dir, err)
}

// IsFull reports whether an error is that of a full disk.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
