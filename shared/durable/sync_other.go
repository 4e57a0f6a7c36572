//go:build !linux

package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncAll waits until everything that was written is on the disk.
func syncAll(string) error { return unix.Sync() }

// syncData waits until what was written to f is on the disk.
func syncData(f *os.File) error { return f.Sync() }

// allocate leaves a file to grow as it is written.
func allocate(*os.File, int64) error { return nil }
