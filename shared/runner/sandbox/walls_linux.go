package sandbox

import (
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/pkg/rlimit"
	"golang.org/x/sys/unix"

	"runlease/shared/runner/cgroup"
	"runlease/shared/runner/seccomp"
)

// The walls of a box have names: for each there is a test that takes it out, and
// a program that gets through then.

// has reports whether a wall stands.
func (s *Sandbox) has(wall string) bool { return s.without != wall }

// namespaces are the namespaces in which the first process of a box starts.
func (s *Sandbox) namespaces() uintptr {
	flags := uintptr(unix.CLONE_NEWNS)
	for wall, flag := range map[string]uintptr{
		"user namespace": unix.CLONE_NEWUSER, "process namespace": unix.CLONE_NEWPID, "network namespace": unix.CLONE_NEWNET,
		"IPC namespace": unix.CLONE_NEWIPC, "UTS namespace": unix.CLONE_NEWUTS,
	} {
		if s.has(wall) {
			flags |= flag
		}
	}
	return flags
}

// filters makes the system call filters.
func (s *Sandbox) filters() {
	filter := func(compiling bool) []syscall.SockFilter {
		return seccomp.Filter(slices.DeleteFunc(seccomp.Rules(compiling), func(r seccomp.Rule) bool { return !s.has(r.Name) }))
	}
	s.programs, s.compilers = filter(false), filter(true)
}

// limits are what the kernel enforces on each process. They do not bound the address
// space: a virtual machine or many threads reserve much and use little.
func (s *Sandbox) limits(r run) []rlimit.RLimit {
	var limits []rlimit.RLimit
	for _, limit := range []struct {
		wall     string
		resource int
		value    int64
	}{
		{"CPU limit", unix.RLIMIT_CPU, int64((r.cpu+kernelCPU)/time.Second) + 1},
		{"file limit", unix.RLIMIT_FSIZE, r.file},
		{"stack limit", unix.RLIMIT_STACK, r.stack},
		{"descriptor limit", unix.RLIMIT_NOFILE, openFiles},
		// 0 would forbid files of them only. Where the machine has a program for cores, which
		// runs as its root, a limit of one byte is the sign for none.
		{"core limit", unix.RLIMIT_CORE, 1},
	} {
		if s.has(limit.wall) {
			value := uint64(limit.value)
			limits = append(limits, rlimit.RLimit{Res: limit.resource, Rlim: syscall.Rlimit{Cur: value, Max: value}})
		}
	}
	return limits
}

// bounds are those of a run's control group.
func (s *Sandbox) bounds(r run) cgroup.Limits {
	bounds := cgroup.Limits{Memory: r.memory, Processes: r.processes}
	if !s.has("memory group") {
		bounds.Memory = 1 << 40
	}
	if !s.has("processes group") {
		bounds.Processes = 10_000
	}
	return bounds
}

// masks lists the existing files that tell of the machine.
func (s *Sandbox) masks() []string {
	there := []string{"/none"} // without any, the library takes its own
	if !s.has("masks") {
		return there
	}
	for _, path := range []string{
		"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/latency_stats",
		"/proc/timer_list", "/proc/sched_debug", "/proc/scsi",
	} {
		if _, err := os.Lstat(path); err == nil {
			there = append(there, path)
		}
	}
	return there
}
