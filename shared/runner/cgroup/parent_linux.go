package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	root = "/sys/fs/cgroup"
	// prefix of the directory below our own group that holds the groups of one
	// process. The process holds a lock on it: others may not see its number.
	prefix = "runlease-"
	// leaf is where the processes of a delegated group go: a group of version 2
	// that has limits for its children may have no processes.
	leaf = "runner"
)

// Parent makes groups.
type Parent struct {
	v2    bool
	dirs  []string // version 2: one; version 1: memory, pids, cpuacct
	locks []int    // descriptors of the same
	made  atomic.Int64
}

// the hierarchies of version 1, in the order of Parent.dirs.
const (
	memory = iota
	pids
	cpuacct
)

var controllers = [...]string{memory: "memory", pids: "pids", cpuacct: "cpuacct"}

// Open finds our own group and makes a directory below it, in which New makes
// groups. Directories of processes that are gone are removed, with what still
// runs in them. An error names what is missing, and its cure.
func Open() (*Parent, error) {
	own, err := ownGroups()
	if err != nil {
		return nil, err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(root, &fs); err != nil {
		return nil, fmt.Errorf("no control groups: %s is not there (%w): mount them, or in a container give it a writable %s", root, err, root)
	}
	if fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return openV2(own[""])
	}
	p := &Parent{}
	for _, controller := range controllers {
		path, ok := own[controller]
		if !ok {
			return nil, fmt.Errorf("the kernel has no control group controller %s: boot without cgroup_disable=%s, or with the unified hierarchy", controller, controller)
		}
		base := filepath.Join(root, controller, path)
		clear(base)
		if err := p.add(base); err != nil {
			p.Close()
			return nil, fmt.Errorf("cannot make a control group (%w): version 1 of control groups needs root and a writable %s", err, filepath.Join(root, controller))
		}
	}
	return p, nil
}

// add makes a directory below base, and locks it.
func (p *Parent) add(base string) error {
	for range 10 {
		dir, err := os.MkdirTemp(base, prefix)
		if err != nil {
			return err
		}
		lock, err := open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
		if err == nil {
			if err = unix.Flock(lock, unix.LOCK_EX|unix.LOCK_NB); err == nil && exists(dir) {
				p.dirs, p.locks = append(p.dirs, dir), append(p.locks, lock)
				return nil
			}
			_ = unix.Close(lock)
		}
		// Another process took it for a leftover before it was locked.
	}
	return fmt.Errorf("a directory below %s does not last", base)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func openV2(path string) (*Parent, error) {
	base := filepath.Join(root, path)
	// A runner that another one started is in the other one's leaf.
	if above := filepath.Dir(base); filepath.Base(base) == leaf && enabled(above) {
		base = above
	}
	if have, err := os.ReadFile(filepath.Join(base, "cgroup.controllers")); err != nil {
		return nil, fmt.Errorf("cannot look at our own control group (%w): in a container, mount %s for it", err, root)
	} else {
		for _, controller := range []string{"memory", "pids"} {
			if !bytes.Contains(append([]byte{' '}, have...), []byte(" "+controller)) {
				return nil, fmt.Errorf("control group controller %s is not delegated to %s: the unit needs Delegate=yes", controller, base)
			}
		}
	}
	if !enabled(base) {
		if path != "/" {
			if err := makeRoom(base); err != nil {
				return nil, err
			}
		}
		if err := enable(base); err != nil {
			return nil, fmt.Errorf("cannot bound control groups below %s (%w): the unit needs Delegate=yes", base, err)
		}
	}
	clear(base)
	p := &Parent{v2: true}
	err := p.add(base)
	if err == nil {
		err = enable(p.dirs[0])
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("cannot make a control group (%w): run as root, or in a unit with Delegate=yes", err)
	}
	return p, nil
}

func enable(dir string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory +pids"), 0)
}

// enabled reports whether groups below dir have limits.
func enabled(dir string) bool {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	return err == nil && bytes.Contains(have, []byte("memory")) && bytes.Contains(have, []byte("pids"))
}

// makeRoom moves the processes of a group, ours among them, to a leaf below it.
func makeRoom(base string) error {
	dir := filepath.Join(base, leaf)
	if err := mkdir(dir); err != nil {
		return fmt.Errorf("cannot make a control group (%w): run as root, or in a unit with Delegate=yes", err)
	}
	for range 10 { // until none was started meanwhile
		procs, err := os.ReadFile(filepath.Join(base, "cgroup.procs"))
		if err != nil || len(procs) == 0 {
			return err
		}
		for _, pid := range strings.Fields(string(procs)) {
			if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(pid), 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("cannot move process %s to the control group %s: %w", pid, dir, err)
			}
		}
	}
	return fmt.Errorf("control group %s does not get empty", base)
}

// ownGroups reads the path of our own group by controller; version 2 has "".
func ownGroups() (map[string]string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("no control groups: %w", err)
	}
	return parseGroups(string(text)), nil
}

func parseGroups(text string) map[string]string {
	own := map[string]string{}
	for line := range strings.Lines(text) {
		if f := strings.SplitN(strings.TrimRight(line, "\n"), ":", 3); len(f) == 3 {
			for controller := range strings.SplitSeq(f[1], ",") {
				own[controller] = f[2]
			}
		}
	}
	return own
}

func mkdir(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// clear removes what processes that are gone have left in base.
func clear(base string) {
	left, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, dir := range left {
		lock, err := open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			continue
		}
		if unix.Flock(lock, unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = removeAll(dir)
		}
		_ = unix.Close(lock)
	}
}

func kill(dir string) {
	procs, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	for _, field := range strings.Fields(string(procs)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// removeAll ends what runs in a group, and removes it with the groups below it: a
// process in one of them may have made groups, too.
func removeAll(dir string) error {
	below, err := os.ReadDir(dir)
	for _, entry := range below {
		if entry.IsDir() {
			err = errors.Join(err, removeAll(filepath.Join(dir, entry.Name())))
		}
	}
	if err != nil {
		return err
	}
	kill(dir)
	return remove(dir)
}

// remove removes an empty group. A process that has just died may still be in it
// for a moment.
func remove(dir string) error {
	pause := 50 * time.Microsecond
	for {
		err := unix.Rmdir(dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if pause > time.Second {
			return fmt.Errorf("remove control group %s: %w", dir, err)
		}
		time.Sleep(pause)
		pause *= 2
	}
}

const (
	readyEvery = 2 * time.Millisecond
	readyMost  = time.Second
)

// KeepReady keeps Add quick until ctx is done, but not longer than a second. In
// version 1 a process enters a group when the kernel is sure that none is being
// forked. It takes 5 to 20 ms to find out, and for some ms it need not look again.
func (p *Parent) KeepReady(ctx context.Context) {
	if p.v2 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readyMost)
	defer cancel()
	// This process enters the group that it is in, of the controller without limits.
	fd, err := open(filepath.Join(filepath.Dir(p.dirs[cpuacct]), "cgroup.procs"), unix.O_WRONLY)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for own := []byte(strconv.Itoa(os.Getpid())); ctx.Err() == nil; {
		_, _ = unix.Write(fd, own)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// Version is that of the control groups, 1 or 2.
func (p *Parent) Version() int {
	if p.v2 {
		return 2
	}
	return 1
}

// Close removes the directory of groups; the groups must be gone.
func (p *Parent) Close() {
	for i, dir := range p.dirs {
		_ = remove(dir)
		_ = unix.Close(p.locks[i])
	}
}
