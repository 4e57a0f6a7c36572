// Package cgroup bounds and measures the processes of one run by a control
// group: memory, number of processes, CPU time.
//
// Groups are made below the caller's own group, in the unified hierarchy
// (version 2; as root, or as a user to whom the group is delegated) or, as root,
// in the separate hierarchies of version 1. Linux only.
package cgroup

import "time"

// Limits are what the processes of a group may use together.
type Limits struct {
	Memory    int64 // bytes; no swap beyond it
	Processes int   // processes and threads
}

// Events are what happened to the processes of a group.
type Events struct {
	OOMKills  int64 // processes that the kernel killed because memory ran out
	Full      bool  // the group's own memory limit was hit
	Refusals  int64 // processes and threads that the group's limit refused
	CPU       time.Duration
	PeakBytes int64 // highest memory
	PeakSeen  bool  // the kernel does not tell it: it is the highest that Events has seen
}
