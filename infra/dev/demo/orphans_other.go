//go:build unix && !linux

package main

import "syscall"

// ownGroup gives a child a process group, so that it can be killed with all
// that it started.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// Elsewhere orphans are init's, and end with their own limits.
func adoptOrphans() {}

func endOrphans() {}
