// Package spool keeps results on disk until the server has accepted or finally
// refused them, across a crash and a restart. What is judged must not be lost
// because the server was away for a while.
package spool

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/workdir"
)

// Result is what is owed to the server for one claim.
type Result struct {
	JobID   string           `json:"jobId"`
	Attempt int              `json:"attempt"`
	Token   string           `json:"token"` // the claim's: the reason why files are 0600
	Tasks   [][]execute.Case `json:"tasks"`
	Since   time.Time        `json:"since"` // when it was first put here

	// Packed is the path of a zip of all outputs, which are then not in Tasks;
	// "": they are. Put and List find it by its name.
	Packed string `json:"-"`
}

// Spool is a directory with one file per result. One process uses it.
type Spool struct{ dir string }

const (
	ending  = ".json"
	partial = ".partial"
	packed  = ".zip"
)

// Open makes the directory if it is not there and clears away half-written files.
func Open(dir string) (*Spool, error) {
	if err := workdir.Make(dir); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	leftovers, err := filepath.Glob(filepath.Join(dir, "*"+partial))
	if err != nil {
		return nil, fmt.Errorf("look for half-written results: %w", err)
	}
	zips, err := filepath.Glob(filepath.Join(dir, "*"+packed))
	if err != nil {
		return nil, fmt.Errorf("look for outputs without a result: %w", err)
	}
	for _, path := range zips {
		if !exists(strings.TrimSuffix(path, packed) + ending) {
			leftovers = append(leftovers, path)
		}
	}
	for _, path := range leftovers {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("clear spool: %w", err)
		}
	}
	return &Spool{dir}, nil
}

// Key is unique per claim: the attempt never goes back.
func (r Result) Key() string { return fmt.Sprintf("%s.%d", r.JobID, r.Attempt) }

// OutputsFile is where the zip of a result's outputs goes.
func (s *Spool) OutputsFile(r Result) string { return filepath.Join(s.dir, r.Key()+packed) }

// WithOutputs returns a result that knows of its zip, if there is one.
func (s *Spool) WithOutputs(r Result) Result {
	if path := s.OutputsFile(r); exists(path) {
		r.Packed = path
	}
	return r
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (s *Spool) path(r Result) string { return filepath.Join(s.dir, r.Key()+ending) }

// Put writes a result so that it survives a power cut from here on.
func (s *Spool) Put(r Result) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	file, err := workdir.TempFile(s.dir, "*"+partial) // mode 0600
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	_, err = file.Write(body)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), s.path(r))
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("write result: %w", err)
	}
	return s.sync()
}

// Remove forgets a result. It is no error if it is not there.
func (s *Spool) Remove(r Result) error {
	for _, path := range []string{s.path(r), s.OutputsFile(r)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove result: %w", err)
		}
	}
	return s.sync()
}

// List reads the results, oldest first, without those for which skip is true; skip may
// be nil. Files that cannot be read are set aside under another name and returned
// as an error beside the good ones.
func (s *Spool) List(skip func(key string) bool) ([]Result, error) {
	paths, err := filepath.Glob(filepath.Join(s.dir, "*"+ending))
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	var results []Result
	var bad error
	for _, path := range paths {
		if skip != nil && skip(strings.TrimSuffix(filepath.Base(path), ending)) {
			continue // unread: it may be large
		}
		r, err := read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // accepted meanwhile
		}
		if err == nil && s.path(r) != path {
			err = errors.New("holds another claim's result")
		}
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("read result %s: %w", filepath.Base(path), err),
				os.Rename(path, strings.TrimSuffix(path, ending)+".unreadable"))
			continue
		}
		results = append(results, s.WithOutputs(r))
	}
	slices.SortFunc(results, func(a, b Result) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.JobID, b.JobID))
	})
	return results, bad
}

func read(path string) (Result, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return Result{}, err
	}
	var r Result
	err = json.Unmarshal(body, &r)
	return r, err
}

// sync makes a new or removed name last.
func (s *Spool) sync() error {
	dir, err := os.Open(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has vanished, and its names with it
	}
	if err != nil {
		return fmt.Errorf("open spool: %w", err)
	}
	err = dir.Sync()
	return errors.Join(err, dir.Close())
}
