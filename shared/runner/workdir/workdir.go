// Package workdir keeps the directory that a runner works in: of this runner
// only, there when it is needed, and free of what jobs leave behind.
package workdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Make makes a directory, with mode 0700, and the missing ones above it. An existing
// directory must belong to this process's user, and is closed to others: a user that
// may write there could have programs run as this user.
func Make(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory", dir)
	}
	if uid, known := ownerOf(info); known && uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (uid %d, this is %d): give this runner a directory of its own user, or a new one below it", dir, uid, os.Geteuid())
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory
			return fmt.Errorf("close directory to others: %w", err)
		}
	}
	return nil
}

// Default is where a runner of a name works unless it is told: below a directory
// that only this user can write to, never at a name that others can take first.
func Default(name string) (string, error) {
	// systemd's is of the service already.
	if dir := os.Getenv("STATE_DIRECTORY"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "runlease-runner-"+name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", errors.New("no directory to work in: give -work, or set HOME")
	}
	return filepath.Join(home, ".local", "state", "runlease-runner-"+name), nil
}

// asideName marks what could not be removed.
const asideName = "left-"

// Remove removes a directory, whatever a job has made of it: directories are
// opened first. What stays anyway, another user's or a mounted one, gets a
// name that is not in use, in the same directory; the error says which.
func Remove(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	openAll(dir)
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	parent, name := filepath.Split(filepath.Clean(dir))
	aside := filepath.Join(parent, asideName+strconv.FormatInt(time.Now().UnixNano(), 36)+"-"+name)
	if moved := os.Rename(dir, aside); moved != nil {
		return fmt.Errorf("remove %s: %w (nor could it be moved aside: %w)", dir, err, moved)
	}
	return fmt.Errorf("remove %s: %w (it was moved to %s)", dir, err, aside)
}

// openAll makes every directory below one accessible to its owner. It does not
// leave it by a link: a program that is still alive may put one there.
func openAll(dir string) {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return
	}
	defer func() { _ = parent.Close() }()
	_ = fs.WalkDir(parent.FS(), filepath.Base(dir), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = parent.Chmod(path, 0o700) // before it is read
		}
		return nil
	})
}

// Empty removes everything in a directory, which it makes if it is not there.
// What stays is no reason not to start: it is in the error, beside a nil fault.
func Empty(dir string) (stays, fault error) {
	if err := Make(dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for what is left: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if strings.HasPrefix(entry.Name(), asideName) {
			openAll(path)
			if err := os.RemoveAll(path); err != nil { // it has its name already
				stays = errors.Join(stays, fmt.Errorf("remove what is left of an earlier job: %w", err))
			}
			continue
		}
		stays = errors.Join(stays, Remove(path))
	}
	return stays, nil
}

// Temp makes a new directory in dir, which it makes again if it has vanished.
func Temp(dir, pattern string) (string, error) {
	path, err := os.MkdirTemp(dir, pattern)
	if errors.Is(err, fs.ErrNotExist) {
		if err := Make(dir); err != nil {
			return "", err
		}
		path, err = os.MkdirTemp(dir, pattern)
	}
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	return path, nil
}

// TempFile makes a new file in dir, which it makes again if it has vanished.
func TempFile(dir, pattern string) (*os.File, error) {
	file, err := os.CreateTemp(dir, pattern)
	if errors.Is(err, fs.ErrNotExist) {
		if err := Make(dir); err != nil {
			return nil, err
		}
		file, err = os.CreateTemp(dir, pattern)
	}
	if err != nil {
		return nil, fmt.Errorf("make a file: %w", err)
	}
	return file, nil
}
