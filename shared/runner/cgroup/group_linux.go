package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Group holds the processes of one run.
type Group struct {
	v2   bool
	dirs []string // as Parent.dirs
	fd   int      // version 2: to start processes in; else -1
	cpu  int      // descriptor of the file with the CPU time

	memory int64 // limit, bytes
	seen   int64 // highest memory, in bytes, where the kernel does not tell

	mu     sync.Mutex
	delays map[string]time.Duration // by thread, as Waited has seen them
}

// nearlyFull is how far from its limit a group's memory may stay though the
// limit was hit, in bytes: the kernel takes pages in batches for each core.
// Version 1 does not count the times.
const nearlyFull = 512 << 10

// New makes a group. Remove must be called in the end.
func (p *Parent) New(limits Limits) (*Group, error) {
	name := strconv.FormatInt(p.made.Add(1), 10)
	g := &Group{v2: p.v2, fd: -1, cpu: -1, memory: limits.Memory, dirs: make([]string, 0, len(p.dirs))}
	for _, base := range p.dirs {
		dir := filepath.Join(base, name)
		if err := unix.Mkdir(dir, 0o755); err != nil {
			_ = g.Remove()
			return nil, fmt.Errorf("make control group %s: %w", dir, err)
		}
		g.dirs = append(g.dirs, dir)
	}
	if err := g.bound(limits); err != nil {
		_ = g.Remove()
		return nil, err
	}
	return g, nil
}

func (g *Group) bound(limits Limits) error {
	if g.v2 {
		dir := g.dirs[0]
		err := errors.Join(write(dir, "memory.max", limits.Memory), write(dir, "pids.max", int64(limits.Processes)))
		if err != nil {
			return err
		}
		_ = write(dir, "memory.swap.max", 0) // not there without swap
		if g.fd, err = open(dir, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
			return err
		}
		g.cpu, err = open(filepath.Join(dir, "cpu.stat"), unix.O_RDONLY)
		return err
	}
	err := errors.Join(write(g.dirs[memory], "memory.limit_in_bytes", limits.Memory), write(g.dirs[pids], "pids.max", int64(limits.Processes)))
	if err != nil {
		return err
	}
	_ = write(g.dirs[memory], "memory.memsw.limit_in_bytes", limits.Memory) // not there without swap accounting
	g.cpu, err = open(filepath.Join(g.dirs[cpuacct], "cpuacct.usage"), unix.O_RDONLY)
	return err
}

// FD is a descriptor of the group to start processes in, by CLONE_INTO_CGROUP;
// false: version 1, which has only Add.
func (g *Group) FD() (int, bool) { return g.fd, g.fd >= 0 }

// Add moves a process into the group.
func (g *Group) Add(pid int) error {
	for _, dir := range g.dirs {
		if err := write(dir, "cgroup.procs", int64(pid)); err != nil {
			return err
		}
	}
	return nil
}

// CPU is the CPU time of all processes that are or were in the group.
func (g *Group) CPU() (time.Duration, error) {
	var buf [512]byte
	n, err := unix.Pread(g.cpu, buf[:], 0)
	if err != nil {
		return 0, fmt.Errorf("read CPU time of a control group: %w", err)
	}
	text, unit := string(buf[:n]), time.Nanosecond
	if g.v2 {
		text, unit = strings.TrimPrefix(text, "usage_usec "), time.Microsecond
	}
	first, _, _ := strings.Cut(text, "\n")
	value, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read CPU time of a control group: %w", err)
	}
	return time.Duration(value) * unit, nil
}

// Events reads what has happened in the group, in a few µs: it may be called
// while processes run.
func (g *Group) Events() (Events, error) {
	cpu, err := g.CPU()
	if err != nil {
		return Events{}, err
	}
	e := Events{CPU: cpu}
	if g.v2 {
		dir := g.dirs[0]
		events, err := table(dir, "memory.events")
		if err != nil {
			return Events{}, err
		}
		processes, err := table(dir, "pids.events")
		if err != nil {
			return Events{}, err
		}
		e.OOMKills, e.Full, e.Refusals = events["oom_kill"], events["oom"] > 0, processes["max"]
		if e.PeakBytes, err = number(dir, "memory.peak"); err == nil {
			return e, nil
		}
		current, err := number(dir, "memory.current") // before Linux 5.19
		g.seen = max(g.seen, current)
		e.PeakBytes, e.PeakSeen = g.seen, true
		return e, err
	}
	control, err := table(g.dirs[memory], "memory.oom_control")
	if err != nil {
		return Events{}, err
	}
	processes, err := table(g.dirs[pids], "pids.events")
	if err != nil {
		return Events{}, err
	}
	e.OOMKills, e.Refusals = control["oom_kill"], processes["max"]
	if e.PeakBytes, err = number(g.dirs[memory], "memory.max_usage_in_bytes"); err != nil {
		return Events{}, err
	}
	e.Full = e.PeakBytes+nearlyFull >= g.memory
	return e, nil
}

// Waited is how long the threads of the group were ready to run and had no core. Of
// threads that are gone it knows what an earlier call has seen: it is called now and then.
func (g *Group) Waited() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.delays == nil {
		g.delays = map[string]time.Duration{}
	}
	procs, _ := read(g.dirs[len(g.dirs)-1], "cgroup.procs")
	for pid := range strings.FieldsSeq(string(procs)) {
		threads, _ := os.ReadDir("/proc/" + pid + "/task")
		for _, thread := range threads {
			line, err := os.ReadFile("/proc/" + pid + "/task/" + thread.Name() + "/schedstat")
			if f := strings.Fields(string(line)); err == nil && len(f) >= 2 {
				ns, _ := strconv.ParseInt(f[1], 10, 64)
				g.delays[thread.Name()] = max(g.delays[thread.Name()], time.Duration(ns))
			}
		}
	}
	var sum time.Duration
	for _, delay := range g.delays {
		sum += delay
	}
	return sum
}

// Remove kills what is still in the group and removes it.
func (g *Group) Remove() error {
	for _, fd := range []int{g.fd, g.cpu} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	var all []error
	for _, dir := range g.dirs {
		if err := unix.Rmdir(dir); err == nil {
			continue
		}
		kill(dir)
		all = append(all, remove(dir))
	}
	return errors.Join(all...)
}
