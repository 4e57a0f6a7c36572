// Package seccomp makes the system call filter of a sandboxed program.
//
// The filter denies: it takes away what namespaces do not cover, and refuses
// what would make new namespaces. A list of what is allowed would break with
// every new C library or virtual machine, and would not be the wall.
//
// The calls have names of what they are for, so that a test can take one out and
// see that something gets through. Linux on amd64 and arm64 only.
package seccomp
