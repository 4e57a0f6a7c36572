package seccomp

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A program that is ended by KILL looks the same whether it sent the signal
// itself or something outside did, for example what watches the machine's memory.
// The first is its own doing, the second is not. So its calls are reported, before they
// are made, on a descriptor.

// The calls that are reported: calls that send a KILL, and calls after which the kernel
// sends one, by a timer or at the end of a child. Rules denies all other ways. A KILL to
// all processes is not reported if its -1 has 64 bits, as Go passes it: the first process
// ends every run by that call, and Rules denies it to programs.
var senders = []Rule{
	{Calls: []uint32{unix.SYS_KILL}, If: []Test{ofKill, {Not: toAll.Is}}},
	{Calls: []uint32{unix.SYS_KILL}, If: []Test{ofKill, toAll, {Upper: true, Not: toAllUpper.Is}}},
	{Calls: []uint32{unix.SYS_TKILL}, If: []Test{ofKill}},
	{Calls: []uint32{unix.SYS_TGKILL}, If: []Test{{Argument: 2, Is: ofKill.Is}}},
	{Calls: []uint32{unix.SYS_TIMER_CREATE}},
	{Calls: []uint32{unix.SYS_CLONE}, If: []Test{{Bits: 0xff, Is: ofKill.Is}}},
}

const notify = 0x7fc00000

// ReportKills makes this process and all that it starts from now on report when
// they send a KILL, or have one sent; on the descriptor that is returned, for WatchKills.
func ReportKills() (int, error) {
	var rules []Rule
	for _, rule := range senders {
		rule.Answer = notify
		rules = append(rules, rule)
	}
	program := Filter(rules)
	prog := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return -1, fmt.Errorf("load a filter that reports signals: %w", errno)
	}
	return int(fd), nil
}

// notification and response are what the kernel reads and writes; see seccomp(2).
type notification struct {
	id         uint64
	pid, flags uint32
	call       int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

const (
	receive = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	send    = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	proceed = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// WatchKills calls sent whenever a KILL is about to be sent, which waits for it.
// It takes the descriptor and returns when the file is closed.
func WatchKills(listener *os.File, sent func()) {
	raw, err := listener.SyscallConn()
	if err != nil {
		return
	}
	for {
		err := raw.Read(func(fd uintptr) bool {
			ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			if n, _ := unix.Poll(ready, 0); n <= 0 || ready[0].Revents&unix.POLLIN == 0 {
				return ready[0].Revents&unix.POLLHUP != 0
			}
			var asked notification
			if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, receive, uintptr(unsafe.Pointer(&asked))); errno != 0 {
				return true // it was ended while it waited
			}
			sent()
			answer := response{id: asked.id, flags: proceed}
			_, _, _ = unix.Syscall(unix.SYS_IOCTL, fd, send, uintptr(unsafe.Pointer(&answer)))
			return true
		})
		if err != nil {
			return
		}
	}
}
