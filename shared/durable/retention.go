package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"runlease/shared/deployment"
	"runlease/shared/job"
)

// expireAtOnce is how many jobs are forgotten by one transaction.
const expireAtOnce = 200

// Expire forgets jobs that may be forgotten, as a table's time to live does, and
// returns how many.
func (s *Store) Expire(ctx context.Context, now job.Time) (int, error) {
	total := 0
	for {
		var due []string
		err := s.db.scan(ends, "", func(name string, _ []byte) (bool, error) {
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
				b.put(ends, name, nil)
				b.put(jobs, id, nil)
				forgotten++
			}
			return nil
		})
		if total += forgotten; err != nil || forgotten == 0 {
			return total, err
		}
	}
}

// kept is how long objects are kept after they were written, by the first part of
// their keys: as long as in the bucket of a deployment. Test data stays.
var kept = map[string]time.Duration{"code": deployment.CodeKept, "results": deployment.ResultsKept}

// removePause is how often and for how long the removal lets others have the disk.
const (
	removeAtOnce = 1000
	removePause  = 20 * time.Millisecond
)

// RemoveOld removes objects whose days are over, and the folders that they leave
// empty. It looks at every file: once a day is often enough.
func (o *Objects) RemoveOld(ctx context.Context, now time.Time) (removed int, err error) {
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
			info, err := d.Info()
			if err != nil || now.Sub(info.ModTime()) < life {
				return err
			}
			if err := os.Remove(name); err != nil {
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
