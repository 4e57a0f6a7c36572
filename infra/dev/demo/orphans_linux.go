package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ownGroup gives a child a process group, so that it can be killed with all
// that it started, and a SIGTERM should the demo itself be killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// adoptOrphans makes this process the parent of what its descendants leave
// behind. A runner gives every compiler and every case its own group, which
// the runner's group does not hold: killed in the middle of a compilation, it
// leaves the compiler's own children.
func adoptOrphans() {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	// Linux has it since 3.4. Without it the orphans are init's, as ever.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
}

// endOrphans kills every child of this process. It is for the time when all that
// were started here have ended, so that only adopted ones are left; killing one
// brings its own children here, hence the rounds.
func endOrphans() {
	for range 100 {
		orphans := childrenOf(os.Getpid())
		if len(orphans) == 0 {
			return
		}
		for _, pid := range orphans {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			var status syscall.WaitStatus
			for {
				if _, err := syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
					break
				}
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// childrenOf lists the processes whose parent is pid, dead ones that no process has
// waited for included.
func childrenOf(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var children []int
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // ended meanwhile
		}
		// pid (name) state parent: the name may hold anything, brackets included.
		text := string(stat)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			children = append(children, child)
		}
	}
	return children
}
