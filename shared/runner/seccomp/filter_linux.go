package seccomp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Rule denies some system calls.
type Rule struct {
	Name   string
	Answer uint32 // what the kernel does: Errno(...) or kill
	Calls  []uint32
	// If Unless is set, a call is denied only if its first argument is none of
	// these; if Bits is set, only if the first argument has one of these bits.
	Unless []uint32
	Bits   uint32
}

// the answers of the kernel to a filtered call.
const (
	allow = 0x7fff0000
	kill  = 0x80000000
	errno = 0x00050000
)

// Errno is the answer that lets a call fail with e.
func Errno(e syscall.Errno) uint32 { return errno | uint32(e)&0xffff }

const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// Rules are the rules for programs. Compilers lock files: give compiling for them.
func Rules(compiling bool) []Rule {
	rules := []Rule{
		// It cannot be looked into, and the C library falls back to clone.
		{Name: "clone3", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_CLONE3}},
		{Name: "new namespaces by clone", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_CLONE}, Bits: namespaces},
		{Name: "new namespaces", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_UNSHARE, unix.SYS_SETNS}},
		{Name: "mounts", Answer: Errno(unix.EPERM), Calls: []uint32{
			unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
			unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_FSCONFIG,
			unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		}},
		{Name: "other processes", Answer: Errno(unix.EPERM), Calls: []uint32{
			unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
			unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
		}},
		// Its workers make calls that no filter sees.
		{Name: "io_uring", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER}},
		// Keys outlive a case.
		{Name: "keyrings", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY}},
		// So do these.
		{Name: "System V IPC and message queues", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_SHMGET, unix.SYS_SEMGET, unix.SYS_MSGGET, unix.SYS_MQ_OPEN}},
		{Name: "bpf", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_BPF}},
		{Name: "perf events", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_PERF_EVENT_OPEN}},
		{Name: "userfaultfd", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_USERFAULTFD}},
		{Name: "secret memory", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_MEMFD_SECRET}},
		// AF_UNIX and IP, which reach nothing; no VSOCK, which reaches the host.
		{Name: "socket families", Answer: Errno(unix.EAFNOSUPPORT), Calls: []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR}, Unless: []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6}},
		{Name: "file handles", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT}},
		// A mode of old binaries takes layout randomisation away, and with it a wall
		// of the programs that a case starts.
		{Name: "personality", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_PERSONALITY}, Unless: []uint32{0, 0xffffffff}},
		// A case keeps to the core of its job.
		{Name: "affinity", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_SCHED_SETAFFINITY}},
		{Name: "kernel log", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_SYSLOG}},
		{Name: "machine", Answer: Errno(unix.EPERM), Calls: append([]uint32{
			unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
			unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_ACCT,
			unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
			unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_VHANGUP, unix.SYS_NFSSERVCTL,
		}, ports...)},
	}
	if !compiling {
		// A lock on a file that several sandboxes see is a message between them.
		rules = append(rules, Rule{Name: "file locks", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_FLOCK}})
	}
	return rules
}

// The fields of what a filter sees, struct seccomp_data.
const (
	fieldCall     = 0
	fieldArch     = 4
	fieldArgument = 16 // the lower half of the first one
)

const (
	load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jeq  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jge  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	jset = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ret  = unix.BPF_RET | unix.BPF_K
)

func statement(code uint16, k uint32) syscall.SockFilter { return syscall.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, yes, no int) syscall.SockFilter {
	return syscall.SockFilter{Code: code, K: k, Jt: uint8(yes), Jf: uint8(no)}
}

// Filter makes a filter of rules. A call by another architecture's numbers,
// which the rules would not know, ends the program.
func Filter(rules []Rule) []syscall.SockFilter {
	program := []syscall.SockFilter{
		statement(load, fieldArch),
		jump(jeq, arch, 1, 0),
		statement(ret, kill),
		statement(load, fieldCall),
	}
	program = append(program, otherNumbers...)
	for _, rule := range rules {
		program = append(program, rule.program()...)
	}
	return append(program, statement(ret, allow))
}

// program is a rule's part of a filter. The number of the call is loaded before
// it and, for calls that are none of the rule's, after it.
func (r Rule) program() []syscall.SockFilter {
	var then []syscall.SockFilter
	switch {
	case r.Bits != 0:
		then = append(then, statement(load, fieldArgument), jump(jset, r.Bits, 0, 1), statement(ret, r.Answer), statement(ret, allow))
	case len(r.Unless) > 0:
		then = append(then, statement(load, fieldArgument))
		for i, value := range r.Unless {
			then = append(then, jump(jeq, value, len(r.Unless)-i, 0))
		}
		then = append(then, statement(ret, r.Answer), statement(ret, allow))
	default:
		then = append(then, statement(ret, r.Answer))
	}
	var program []syscall.SockFilter
	for _, call := range r.Calls {
		program = append(program, jump(jeq, call, 0, len(then)))
		program = append(program, then...)
	}
	return program
}
