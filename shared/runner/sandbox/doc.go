// Package sandbox runs the programs of strangers.
//
// Each job gets a container that no other job gets: new user, mount, process,
// network, IPC, UTS and control group namespaces, a read-only root of the
// machine's compilers and libraries, and two small file systems in memory to write
// to, /w and /tmp. It may be made ahead, for that takes long, but no program runs
// in it before the job, and it is destroyed after it. Compiling runs in it as well.
// A compiled program is read back once and started from a sealed file in memory.
// Each run has its own control group, which bounds its memory and processes and
// measures it; its input is its standard input and nothing else of the test
// data is in the container. A filter refuses the system calls that namespaces
// do not cover.
//
// It works as root, with control groups of version 1 or 2, and as another user
// to whom a group of version 2 is delegated. Linux only.
package sandbox
