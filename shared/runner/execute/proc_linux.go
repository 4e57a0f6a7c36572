package execute

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ is 100 on every Linux that Go
// runs on.
const tick = 10 * time.Millisecond

var pageKB = int64(os.Getpagesize() / 1024)

// memoryPeak reads the highest resident memory in KB that a process has had
// since it became its program. ru_maxrss alone does not do: it is handed on by
// vfork and survives exec, so that a small child of a big parent seems big.
// False: the process is over.
func memoryPeak(pid int) (int64, bool) {
	return status(strconv.Itoa(pid), "VmHWM") // a zombie has none
}

// userOf reads which user a process belongs to. Its directory in /proc may
// belong to root anyway, if it is not dumpable.
func userOf(pid string) (int, bool) {
	uid, ok := status(pid, "Uid")
	return int(uid), ok
}

// status reads the first number of a field of /proc/<pid>/status. False: the
// process is over, or has no such field.
func status(pid, name string) (int64, bool) { return field("/proc/"+pid+"/status", name) }

// field reads the first number of a line that begins with a name.
func field(path, name string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	_, rest, found := bytes.Cut(text, []byte("\n"+name+":"))
	if !found {
		return 0, false
	}
	fields := bytes.Fields(rest[:min(len(rest), 40)])
	if len(fields) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return n, err == nil
}

// systemThreads counts the threads of the whole machine, in one cheap call.
func systemThreads() int {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return int(info.Procs)
}

// stat is what /proc/<pid>/stat says about a process.
type stat struct {
	group      int
	cpu        time.Duration // its own and its waited-for children's
	threads    int
	residentKB int64
}

func readStat(pid string) (stat, bool) {
	line, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return stat{}, false
	}
	// The second field is the name in parentheses and may hold anything.
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return stat{}, false
	}
	f := bytes.Fields(line[end+1:]) // f[0] is the third field of proc(5)
	if len(f) < 22 {
		return stat{}, false
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(string(f[field-3]), 10, 64)
		return n
	}
	return stat{
		group:      int(number(5)),
		cpu:        time.Duration(number(14)+number(15)+number(16)+number(17)) * tick,
		threads:    int(number(20)),
		residentKB: number(24) * pageKB,
	}, true
}

// coreDelay is how long a process was ready to run and had no core.
func coreDelay(pid string) time.Duration {
	line, err := os.ReadFile("/proc/" + pid + "/schedstat")
	f := bytes.Fields(line)
	if err != nil || len(f) < 2 {
		return 0
	}
	ns, _ := strconv.ParseInt(string(f[1]), 10, 64)
	return time.Duration(ns)
}

// readGroup sums up a process group: CPU time, threads and resident memory.
func readGroup(pgid int) stat {
	sum := stat{group: pgid}
	for _, pid := range processes() {
		if s, ok := readStat(pid); ok && s.group == pgid {
			sum.cpu += s.cpu
			sum.threads += s.threads
			sum.residentKB += s.residentKB
		}
	}
	return sum
}

// shareOfGroup is the resident memory of a process group in KB with what its
// processes share, as they do after a fork, counted once. The kernel walks all
// their pages for that.
func shareOfGroup(pgid int) (kb int64) {
	for _, pid := range processes() {
		s, ok := readStat(pid)
		if !ok || s.group != pgid {
			continue
		}
		share, ok := field("/proc/"+pid+"/smaps_rollup", "Pss")
		if !ok { // not for us to read: it counts in full
			share = s.residentKB
		}
		kb += share
	}
	return kb
}

// processes lists the ids of all processes.
func processes() []string {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	pids := names[:0]
	for _, name := range names {
		if name[0] >= '1' && name[0] <= '9' {
			pids = append(pids, name)
		}
	}
	return pids
}

// killedFirst makes a process, and what it starts, the kernel's choice before
// the runner when memory is short. Any process may raise its own score.
func killedFirst(pid string) error {
	const more, most = 500, 1000
	path := "/proc/" + pid + "/oom_score_adj"
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read score for when memory is short: %w", err)
	}
	score, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return fmt.Errorf("read score for when memory is short: %w", err)
	}
	if err := os.WriteFile(path, strconv.AppendInt(nil, int64(min(score+more, most)), 10), 0); err != nil {
		return fmt.Errorf("raise score for when memory is short: %w", err)
	}
	return nil
}
