package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// expireAtOnce is how many jobs are forgotten by one transaction.
const expireAtOnce = 200

// Expire forgets jobs, runners, acts and rejudges of many that may be forgotten, as a table's time to live
// does, and returns how many jobs.
func (s *Store) Expire(ctx context.Context, now job.Time) (int, error) {
	total := 0
	if err := errors.Join(s.expireRunners(ctx, now), s.expireAudit(ctx, now), s.expireRejudges(ctx, now)); err != nil {
		return 0, err
	}
	for behind := ""; ; {
		var due []string
		err := s.db.scan(ends, behind, func(name string, _ []byte) (bool, error) {
			at, _ := place(name)
			if at >= now || len(due) == expireAtOnce {
				return false, nil
			}
			due = append(due, name)
			return true, nil
		})
		if err != nil || len(due) == 0 {
			return total, err
		}
		forgotten := 0
		err = s.db.write(ctx, func(b *batch) error {
			for _, name := range due {
				if b.get(ends, name) == nil {
					continue // the index lags: it has been forgotten already, or moved
				}
				_, id := place(name)
				j, _, err := decodeRow(jobs, jobFields, id, b.get(jobs, id))
				if err != nil {
					return err
				}
				b.putNoCode(id)
				b.putJob(j, job.Job{ID: id}, nil)
				b.put(ends, name, nil)
				forgotten++
			}
			return nil
		})
		if total += forgotten; err != nil {
			return total, err
		}
		behind = due[len(due)-1] // what is forgotten stands in the journal for a moment
	}
}

// kept is how long objects are kept after they were written, by the first part of
// their keys: as long as in the bucket of a deployment. Test data that a version
// has stays.
var kept = map[string]time.Duration{"code": deployment.CodeKept, "results": deployment.ResultsKept, "testdata": dispatch.DraftLife}

// removePause is how often and for how long the removal lets others have the disk.
const (
	removeAtOnce = 1000
	removePause  = 20 * time.Millisecond
)

// RemoveOld removes objects whose days are over, and the folders that they leave
// empty, and short code whose job was never written. It looks at every file: once a day is often enough.
func (o *Objects) RemoveOld(ctx context.Context, now time.Time) (removed int, err error) {
	if removed, err = o.db.removeStrayCode(ctx, job.At(now)); err != nil {
		return removed, fmt.Errorf("remove stray code: %w", err)
	}
	seen := 0
	for part, life := range kept {
		root := filepath.Join(o.db.dir, part)
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if seen++; seen%removeAtOnce == 0 {
				time.Sleep(removePause)
			}
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil || ctx.Err() != nil:
				return errors.Join(err, ctx.Err())
			case d.IsDir():
				return nil
			}
			if old, err := o.removeIfOld(ctx, name, now.Add(-life)); err != nil || !old {
				return err
			}
			removed++
			for folder := filepath.Dir(name); folder != root && os.Remove(folder) == nil; {
				folder = filepath.Dir(folder) // a folder that is not empty stays
			}
			return nil
		})
		if err != nil {
			return removed, fmt.Errorf("remove old objects: %w", err)
		}
	}
	return removed, nil
}

// removeIfOld removes a file that was written before a time, unless it is test data
// of a version. No call keeps it meanwhile.
func (o *Objects) removeIfOld(ctx context.Context, name string, before time.Time) (removed bool, err error) {
	o.db.filing.Lock()
	defer o.db.filing.Unlock()
	info, err := os.Stat(name)
	if err != nil || info.ModTime().After(before) {
		return false, err
	}
	if has, err := o.isOfVersion(ctx, name); err != nil || has {
		return false, err
	}
	return true, os.Remove(name)
}

// isOfVersion reports whether a file is test data that a version has. What is below
// testdata/ and is not named as package dispatch names test data stays too.
func (o *Objects) isOfVersion(ctx context.Context, name string) (bool, error) {
	key, err := filepath.Rel(o.db.dir, name)
	if err != nil || !strings.HasPrefix(filepath.ToSlash(key), dispatch.TestdataPrefix) {
		return false, err
	}
	id, err := strconv.Atoi(filepath.Base(filepath.Dir(key)))
	sum := sumOf(filepath.ToSlash(key))
	if err != nil || sum == "" {
		return true, nil
	}
	versions, err := o.db.Store().ProblemVersions(ctx, id, 0, math.MaxInt32)
	return slices.ContainsFunc(versions, func(v dispatch.PublishedVersion) bool { return v.Testdata.SHA256 == sum }), err
}
