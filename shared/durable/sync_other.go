//go:build !linux

package durable

import "golang.org/x/sys/unix"

// syncAll waits until everything that was written is on the disk.
func syncAll(string) error { return unix.Sync() }
