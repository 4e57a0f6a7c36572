package seccomp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const arch = unix.AUDIT_ARCH_X86_64

// ports are calls for the machine that only some architectures have.
var ports = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM}

// otherNumbers refuses x32, whose numbers have this bit.
var otherNumbers = []syscall.SockFilter{
	jump(jge, 0x40000000, 0, 1),
	statement(ret, Errno(unix.ENOSYS)),
}
