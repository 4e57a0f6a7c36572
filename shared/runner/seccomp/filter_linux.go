package seccomp

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Rule denies some system calls.
type Rule struct {
	Name   string
	Answer uint32 // what the kernel does: Errno(...) or kill
	Calls  []uint32
	If     []Test // a call is denied only if all of these hold
}

// Test looks at half of an argument of a call: at the lower one, which is all that
// the kernel sees of an int.
type Test struct {
	Argument int
	Upper    bool
	Bits     uint32   // looks at these only; 0: at all
	Is       []uint32 // holds if it is one of these; nil: if it is none of Not
	Not      []uint32
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

// What tests of several rules look at.
var (
	ownLimits  = []uint32{unix.RLIMIT_CPU, unix.RLIMIT_CORE}
	ofOwn      = Test{Argument: 1, Is: ownLimits}
	ofKill     = Test{Argument: 1, Is: []uint32{uint32(unix.SIGKILL)}}
	toAll      = Test{Is: []uint32{0xffffffff}}
	toAllUpper = Test{Upper: true, Is: []uint32{0xffffffff}}
)

// Rules are the rules for programs. Compilers lock files: give compiling for them.
func Rules(compiling bool) []Rule {
	rules := []Rule{
		// It cannot be looked into, and the C library falls back to clone.
		{Name: "clone3", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_CLONE3}},
		{Name: "new namespaces by clone", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_CLONE}, If: []Test{{Bits: namespaces, Not: []uint32{0}}}},
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
		// A box's first process may have the same user. Limits can end it, and so can a
		// signal that looks like a fault of the process itself.
		{Name: "queued signals", Answer: Errno(unix.ENOSYS), Calls: []uint32{unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_SEND_SIGNAL}},
		{Name: "signals of files", Answer: Errno(unix.EINVAL), Calls: []uint32{unix.SYS_FCNTL}, If: []Test{{Argument: 1, Is: []uint32{unix.F_SETSIG}}}},
		{Name: "limits of others", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_PRLIMIT64}, If: []Test{{Not: []uint32{0}}}},
		// A program that ends itself by a KILL must not look like one that was ended:
		// these leave no trace, see ReportKills. And its limit of cores must stay what it is.
		{Name: "limits of CPU time and cores", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_SETRLIMIT}, If: []Test{{Is: ownLimits}}},
		{Name: "limits of CPU time and cores", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_PRLIMIT64}, If: []Test{ofOwn, {Argument: 2, Not: []uint32{0}}}},
		{Name: "limits of CPU time and cores", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_PRLIMIT64}, If: []Test{ofOwn, {Argument: 2, Upper: true, Not: []uint32{0}}}},
		{Name: "KILL of all", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_KILL}, If: []Test{ofKill, toAll, toAllUpper}},
		// The attributes of /w itself, and of a program, would be there for the next case.
		{Name: "attributes", Answer: Errno(unix.EOPNOTSUPP), Calls: []uint32{unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_SETXATTRAT, unix.SYS_FILE_SETATTR}},
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
		{Name: "socket families", Answer: Errno(unix.EAFNOSUPPORT), Calls: []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR}, If: []Test{{Not: []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6}}}},
		{Name: "file handles", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT}},
		// A mode of old binaries takes layout randomisation away, and with it a wall
		// of the programs that a case starts.
		{Name: "personality", Answer: Errno(unix.EPERM), Calls: []uint32{unix.SYS_PERSONALITY}, If: []Test{{Not: []uint32{0, 0xffffffff}}}},
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
	and  = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
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
// it and behind it.
func (r Rule) program() []syscall.SockFilter {
	then := []syscall.SockFilter{statement(ret, r.Answer)}
	if len(r.If) > 0 {
		then = append(then, statement(load, fieldCall))
	}
	for _, test := range slices.Backward(r.If) {
		then = append(test.program(len(then)-1), then...)
	}
	var program []syscall.SockFilter
	for _, call := range r.Calls {
		program = append(program, jump(jeq, call, 0, len(then)))
		program = append(program, then...)
	}
	return program
}

// program goes on behind itself if the test holds, else as many statements later.
func (t Test) program(later int) []syscall.SockFilter {
	field := fieldArgument + 8*uint32(t.Argument)
	if t.Upper {
		field += 4
	}
	program := []syscall.SockFilter{statement(load, field)}
	if t.Bits != 0 {
		program = append(program, statement(and, t.Bits))
	}
	values, found, none := t.Is, 0, later
	if values == nil {
		values, found, none = t.Not, later, 0
	}
	for i, value := range values {
		left := len(values) - 1 - i
		if left > 0 {
			program = append(program, jump(jeq, value, left+found, 0))
		} else {
			program = append(program, jump(jeq, value, found, none))
		}
	}
	return program
}
