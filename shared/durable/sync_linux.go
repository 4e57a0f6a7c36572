package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncAll waits until everything that was written to dir's file system is on the disk.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

// syncData waits until what was written to f is on the disk.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// allocate makes a file at least so long, with room on the disk for all of it.
func allocate(f *os.File, size int64) error {
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	return nil // it grows as it is written
}
