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
