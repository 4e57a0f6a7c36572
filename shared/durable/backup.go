package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// objectFolders hold the objects, at their keys.
var objectFolders = []string{"code", "testdata", "results"}

// Backup makes a consistent copy of the folder in to, which must be empty or not
// exist, while the folder is in use. The database is of the moment at which Backup
// begins, and its file is written last: a copy without one is not complete.
// Objects, which never change, are linked where that is possible and copied where not.
func (db *DB) Backup(ctx context.Context, to string) error {
	if err := emptyFolder(to); err != nil {
		return err
	}
	// A copy has no journal.
	if err := db.flush(ctx); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	tx, err := db.bolt.Begin(false)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // of a read
	if err := copyObjects(ctx, db.dir, to); err != nil {
		return explain(to, err)
	}
	copied := file(to) + ".part"
	if err := tx.CopyFile(copied, 0o600); err != nil {
		return explain(to, err)
	}
	return lay(copied, file(to))
}

// Restore puts a backup in the place of a folder that no server has. What was in
// the folder is kept beside it, under the name that Restore returns; "" if nothing was.
func Restore(ctx context.Context, from, dir string, now time.Time) (kept string, err error) {
	if _, err := os.Stat(file(from)); err != nil {
		return "", fmt.Errorf("%s holds no complete backup: it has no state.db", from)
	}
	if err := free(dir); err != nil {
		return "", err
	}
	fresh := filepath.Clean(dir) + ".restoring"
	if err := os.RemoveAll(fresh); err != nil { // of a restore that was cut off
		return "", fmt.Errorf("restore: %w", err)
	}
	if err := emptyFolder(fresh); err != nil {
		return "", err
	}
	if err := copyObjects(ctx, from, fresh); err != nil {
		return "", explain(fresh, err)
	}
	// A folder that a server has left has a journal, a backup has none.
	for _, name := range []string{file(""), journalFile("", 0), journalFile("", 1)} {
		err := duplicate(filepath.Join(from, name), filepath.Join(fresh, name))
		if err != nil && (name == file("") || !errors.Is(err, fs.ErrNotExist)) {
			return "", explain(fresh, err)
		}
	}
	if err := syncAll(fresh); err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	if _, err := os.Stat(dir); err == nil {
		kept = filepath.Clean(dir) + now.UTC().Format(".before-20060102T150405Z")
		if err := os.Rename(dir, kept); err != nil {
			return "", fmt.Errorf("move what is in the folder aside: %w", err)
		}
	}
	if err := os.Rename(fresh, dir); err != nil {
		return kept, fmt.Errorf("restore: %w", err)
	}
	return kept, nil
}

// lay gives a file that was written its name, and sees that both are on the disk.
func lay(written, name string) error {
	f, err := os.OpenFile(written, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(written, name)
	}
	if err == nil {
		err = syncAll(filepath.Dir(name))
	}
	if err != nil {
		return explain(filepath.Dir(name), err)
	}
	return nil
}

// emptyFolder makes a folder, or takes an empty one.
func emptyFolder(name string) error {
	if err := os.MkdirAll(name, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return fmt.Errorf("look into folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name an empty or a new folder", name)
	}
	return nil
}

// copyObjects links or copies all objects of a folder.
func copyObjects(ctx context.Context, from, to string) error {
	for _, part := range objectFolders {
		err := filepath.WalkDir(filepath.Join(from, part), func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // none yet, or its days were over
			case err != nil || ctx.Err() != nil:
				return errors.Join(err, ctx.Err())
			}
			inside, err := filepath.Rel(from, name)
			if err != nil {
				return err
			}
			copied := filepath.Join(to, inside)
			if d.IsDir() {
				return os.MkdirAll(copied, 0o700)
			}
			if os.Link(name, copied) == nil {
				return nil
			}
			if err := duplicate(name, copied); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// duplicate copies a file, with its time: an object's days are counted from it.
func duplicate(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
