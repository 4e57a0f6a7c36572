package sandbox

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// slot is what a job has for itself on this machine.
type slot struct {
	number int
	uid    int // on the machine, when the runner is root
	core   int // -1: any
	lock   int
}

const maxSlots = 512

// takeSlot takes the first slot that no other job on this machine has, of this
// or another process. A slot is a socket's name, which goes when its process goes.
func (s *Sandbox) takeSlot() (slot, error) {
	lock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return slot{}, fmt.Errorf("take a slot: %w", err)
	}
	for n := range maxSlots {
		err = unix.Bind(lock, &unix.SockaddrUnix{Name: "@runlease-sandbox-" + strconv.Itoa(n)})
		if err == nil {
			return slot{number: n, uid: s.cfg.FirstUID + n, core: s.cores[n%len(s.cores)], lock: lock}, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	_ = unix.Close(lock)
	return slot{}, fmt.Errorf("take a slot: %w", err)
}

func (s slot) give() { _ = unix.Close(s.lock) }

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
