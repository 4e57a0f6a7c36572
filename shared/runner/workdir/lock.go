package workdir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Lock is a runner's hold on its directory: two runners would deliver each
// other's results and clear away each other's jobs.
type Lock struct {
	Dir string // absolute, without links

	mu    sync.Mutex
	files []*os.File // the directory, and the file that older versions lock
}

// lookAgain is how often a lock sees to it that its directory is still there.
const lookAgain = 2 * time.Second

// Own makes a directory and locks it until it is closed or the process is over.
// The lock is on the directory itself: a file in it could be cleaned away.
func Own(dir string) (*Lock, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find work directory: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	l := &Lock{Dir: dir}
	return l, l.take()
}

func (l *Lock) take() error {
	if err := Make(l.Dir); err != nil {
		return fmt.Errorf("work directory: %w", err)
	}
	dir, err := os.Open(l.Dir)
	if err != nil {
		return fmt.Errorf("open work directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(l.Dir, "owner"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		_ = dir.Close()
		return fmt.Errorf("open owner file: %w", err)
	}
	for _, f := range []*os.File{dir, file} {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_, _ = dir.Close(), file.Close()
			return fmt.Errorf("work directory %s belongs to another runner that is running: give this one its own by -name or -work (%w)", l.Dir, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = []*os.File{dir, file}
	return nil
}

// Close lets go of the directory.
func (l *Lock) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	l.files = nil
	return errors.Join(errs...)
}

// Keep makes and locks the directory again when it has vanished, until ctx is
// done. An error says that it cannot be had any more, by another runner say.
func (l *Lock) Keep(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if l.there() {
			continue
		}
		log.WarnContext(ctx, "the work directory has vanished, making it again: give -work a place where nothing is cleaned away", slog.String("dir", l.Dir))
		if err := errors.Join(l.Close(), l.take()); err != nil {
			return err
		}
	}
}

// there reports whether what is locked is still what the path leads to.
func (l *Lock) there() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, path := range []string{l.Dir, filepath.Join(l.Dir, "owner")} {
		held, err := l.files[i].Stat()
		now, errNow := os.Lstat(path)
		if err != nil || errNow != nil || !os.SameFile(held, now) {
			return false
		}
	}
	return true
}
