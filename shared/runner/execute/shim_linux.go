package execute

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// shimName is argv[0] of a runner that is to become a limited process.
const shimName = "runlease-limited-process"

// reportFD is the pipe on which the shim says that it is done.
const reportFD = 3

const rlimitNProc = 6 // package syscall does not have it

// limits are what the kernel enforces on each single process. Zero: no limit.
type limits struct {
	addressKB int64 // address space
	cpuSec    int64 // whole seconds: the finer limit is enforced from outside
	fileBytes int64 // of every file written
	stackKB   int64
	userProcs int64 // of the whole user; the kernel does not apply it to root
}

func (l limits) String() string {
	return fmt.Sprint(l.addressKB, ",", l.cpuSec, ",", l.fileBytes, ",", l.stackKB, ",", l.userProcs)
}

// Shim must be the first call in main of every program that uses Native. A
// program can set its own limits only, so a case is started by way of a second
// copy of the runner: that sets the limits and then becomes the case. In such a
// copy Shim does not return; else it does nothing.
func Shim() {
	if len(os.Args) < 3 || os.Args[0] != shimName {
		return
	}
	// One CPU time for the whole of this process is reported, and taken off.
	runtime.LockOSThread()
	syscall.CloseOnExec(reportFD)
	if err := become(os.Args[1], os.Args[2:]); err != nil {
		_, _ = syscall.Write(reportFD, []byte(err.Error()))
	}
	os.Exit(127)
}

func become(spec string, args []string) error {
	var l limits
	fields := strings.Split(spec, ",")
	into := []*int64{&l.addressKB, &l.cpuSec, &l.fileBytes, &l.stackKB, &l.userProcs}
	if len(fields) != len(into) {
		return fmt.Errorf("read limits %q", spec)
	}
	for i, field := range fields {
		n, err := strconv.ParseInt(strings.TrimSpace(field), 10, 64)
		if err != nil {
			return fmt.Errorf("read limits: %w", err)
		}
		*into[i] = n
	}
	// Everything that needs memory comes before the limit of memory.
	path, err := syscall.BytePtrFromString(args[0])
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(args)
	if err != nil {
		return err
	}
	envp, err := syscall.SlicePtrFromStrings(os.Environ())
	if err != nil {
		return err
	}
	for _, limit := range []struct {
		resource int
		value    int64
	}{
		{syscall.RLIMIT_CPU, l.cpuSec},
		{syscall.RLIMIT_FSIZE, l.fileBytes},
		{syscall.RLIMIT_STACK, l.stackKB << 10},
		{syscall.RLIMIT_NOFILE, 1024},
		{rlimitNProc, l.userProcs},
	} {
		if limit.value > 0 {
			if err := lower(limit.resource, limit.value); err != nil {
				return fmt.Errorf("set limit %d: %w", limit.resource, err)
			}
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	// A program whose file its user may not read owns none of its files in /proc.
	if err := killedFirst("self"); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return fmt.Errorf("read own usage: %w", err)
	}
	var report [8]byte
	binary.LittleEndian.PutUint64(report[:], uint64((used.Utime.Nano()+used.Stime.Nano())/1000))
	if _, err := syscall.Write(reportFD, report[:]); err != nil {
		return fmt.Errorf("report own usage: %w", err)
	}
	if l.addressKB > 0 {
		if err := lower(syscall.RLIMIT_AS, l.addressKB<<10); err != nil {
			return fmt.Errorf("set limit of address space: %w", err)
		}
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_EXECVE,
		uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envp[0]))) //nolint:gosec // syscall.Exec takes memory first
	return fmt.Errorf("start %s: %w", args[0], errno)
}

// lower sets a limit, or the hard limit where that is lower already.
func lower(resource int, value int64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(resource, &now); err != nil {
		return err
	}
	v := min(uint64(value), now.Max)
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: v, Max: v})
}
