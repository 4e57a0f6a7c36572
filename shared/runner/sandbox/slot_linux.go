package sandbox

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// lock keeps a name on this machine for one user of it, of this or another
// process. It is a socket's name, which goes when its process goes.
type lock int

// most is how many boxes there may be, and how many jobs on a core.
const most = 512

// takeLock takes the first of some names that is free, and returns its number.
func takeLock(names int, name func(n int) string) (int, lock, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	for n := range names {
		if err = unix.Bind(fd, &unix.SockaddrUnix{Name: "@runlease-" + name(n)}); err == nil {
			return n, lock(fd), nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	_ = unix.Close(fd)
	return 0, 0, err
}

func (l lock) give() { _ = unix.Close(int(l)) }

// takeUser takes the first user id for programs that no other box on this machine
// has. It counts if the runner is root.
func (s *Sandbox) takeUser() (uid int, _ lock, err error) {
	n, lock, err := takeLock(most, func(n int) string { return "sandbox-" + strconv.Itoa(n) })
	if err != nil {
		return 0, 0, fmt.Errorf("take a user id: %w", err)
	}
	return s.cfg.FirstUID + n, lock, nil
}

// takeCore takes the core on which the fewest jobs of this machine run.
func (s *Sandbox) takeCore() (core int, _ lock, err error) {
	n, lock, err := takeLock(most*len(s.cores), func(n int) string {
		return fmt.Sprintf("core-%d-%d", s.cores[n%len(s.cores)], n/len(s.cores))
	})
	if err != nil {
		return 0, 0, fmt.Errorf("take a core: %w", err)
	}
	return s.cores[n%len(s.cores)], lock, nil
}

// allowedCores lists the cores that this process may use.
func allowedCores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("look at the cores: %w", err)
	}
	var cores []int
	for n := range 8 * len(set) * 8 {
		if set.IsSet(n) {
			cores = append(cores, n)
		}
	}
	return cores, nil
}
