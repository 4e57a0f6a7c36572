package seccomp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const arch = unix.AUDIT_ARCH_AARCH64

var (
	ports        []uint32
	otherNumbers []syscall.SockFilter
)
