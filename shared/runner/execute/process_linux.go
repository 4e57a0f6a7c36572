package execute

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// process is a program to run under limits.
type process struct {
	args           []string // args[0] is an absolute path
	dir            string
	stdin          *os.File
	stdout, stderr *os.File
	env            []string
	kernel         limits

	cpu      time.Duration // of the whole group
	wall     time.Duration
	memoryKB int64 // resident, of the whole group
	threads  int   // of the whole group
	files    int64 // bytes below dir; 0: no limit
}

// stop is why a process was stopped.
type stop int

const (
	byItself stop = iota
	overTime
	overMemory
	overThreads
	overFiles
)

// ending is how a process ended.
type ending struct {
	stopped  stop
	exitCode int            // 128 + signal if one ended it
	signal   syscall.Signal // 0: none
	cpu      time.Duration
	wall     time.Duration
	memoryKB int64 // highest seen
	diskFull bool  // seen while it ran: what failed may not be its fault
}

// killed reports whether a KILL ended it that was not ours. The kernel's limit
// of CPU time ends a process so as well, but only behind ours.
func (e ending) killed() bool { return e.stopped == byItself && e.signal == syscall.SIGKILL }

const (
	// Memory is looked at that often at the least: at 2 GB/s a program can touch
	// another 10 MB before it is stopped. What it had touched when it ended by
	// itself is known from ru_maxrss unless the runner itself was bigger.
	lookEvery = 5 * time.Millisecond
	// A group is found by reading all of /proc, a few µs per process, hence more
	// rarely, or as soon as the machine has many more processes than before: a
	// fork bomb doubles every 100 µs, and a runner that shares its two cores with
	// a thousand of them does not get to count them any more.
	scanEvery = 20 * time.Millisecond
	// The C library alone takes more. A program that is over after a millisecond
	// may have been seen only while it was still being loaded.
	leastMemoryKB = 512
)

// run starts p, stops its whole process group when it goes over a limit or when
// ctx is done, and returns when the group has been killed. An error is a fault
// of the machine, or ctx's.
func (p process) run(ctx context.Context) (ending, error) {
	report, reportEnd, err := os.Pipe()
	if err != nil {
		return ending{}, fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = report.Close() }()
	cmd := &exec.Cmd{
		// Not os.Executable: this works also when the file has been replaced.
		Path:       "/proc/self/exe",
		Args:       append([]string{shimName, p.kernel.String()}, p.args...),
		Dir:        p.dir,
		Env:        p.env,
		Stdin:      p.stdin,
		Stdout:     p.stdout,
		Stderr:     p.stderr,
		ExtraFiles: []*os.File{reportEnd},
		SysProcAttr: &syscall.SysProcAttr{
			Setpgid: true,
			// A runner that is killed takes its cases along.
			Pdeathsig: syscall.SIGKILL,
		},
	}
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		// Pdeathsig fires at the death of the thread that made the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = reportEnd.Close()
		started <- err
		if err != nil {
			return
		}
		// The group is killed while its leader is dead but not yet waited for,
		// so that its number cannot belong to anyone else.
		waitUntilDead(cmd.Process.Pid)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	if err := <-started; err != nil {
		return ending{}, fmt.Errorf("start a process: %w", err)
	}
	pid := cmd.Process.Pid

	// The pipe closes in the moment in which the shim becomes the program.
	ready := make(chan []byte, 1)
	go func() {
		said, _ := io.ReadAll(report)
		ready <- said
	}()
	var said []byte
	select {
	case said = <-ready:
	case <-ctx.Done():
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-done
		<-ready
		return ending{}, context.Cause(ctx)
	}
	var shimCPU time.Duration
	if len(said) >= 8 {
		shimCPU = time.Duration(binary.LittleEndian.Uint64(said)) * time.Microsecond
		said = said[8:]
	} else if len(said) == 0 {
		said = []byte("shim ended early: does main call execute.Shim first?")
	}
	if len(said) > 0 {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-done
		return ending{}, errors.New(string(said))
	}

	begin := time.Now()
	end := p.watch(ctx, pid, begin, shimCPU, done)
	<-done
	end.wall = time.Since(begin)
	if err := ctx.Err(); err != nil {
		return ending{}, context.Cause(ctx)
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	end.exitCode = status.ExitStatus()
	if status.Signaled() {
		end.signal = status.Signal()
		end.exitCode = 128 + int(end.signal)
	}
	if end.memoryKB < leastMemoryKB {
		end.memoryKB = -1
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		end.cpu = max(end.cpu, time.Duration(usage.Utime.Nano()+usage.Stime.Nano())-shimCPU, 0)
		// Below our own highest memory it may be ours; see memoryPeak.
		if own, ok := memoryPeak(os.Getpid()); ok && usage.Maxrss > own {
			end.memoryKB = max(end.memoryKB, usage.Maxrss)
		}
	}
	return end, nil
}

// watch looks at a running process until it is over and kills its group if it
// goes over a limit of p.
func (p process) watch(ctx context.Context, pid int, begin time.Time, shimCPU time.Duration, done <-chan struct{}) ending {
	var end ending
	name := strconv.Itoa(pid)
	kill := func(why stop) {
		if end.stopped == byItself {
			end.stopped = why
		}
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	// Short programs are looked at early: many live for a millisecond only.
	pause, scanned := 100*time.Microsecond, begin
	processes := systemThreads()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return end
		case <-ctx.Done():
			kill(byItself)
			<-done
			return end
		case <-timer.C:
		}
		if resident, ok := memoryPeak(pid); ok {
			end.memoryKB = max(end.memoryKB, resident)
		}
		now := time.Now()
		bomb := systemThreads()-processes > p.threads
		if bomb || now.Sub(scanned) >= scanEvery {
			if bomb { // it may be somebody else's, but it must not grow while we count
				_ = syscall.Kill(-pid, syscall.SIGSTOP)
			}
			group := readGroup(pid)
			if bomb && group.threads <= p.threads {
				_ = syscall.Kill(-pid, syscall.SIGCONT)
				processes = systemThreads()
			}
			scanned = time.Now()
			end.cpu = max(end.cpu, group.cpu-shimCPU)
			if group.residentKB > p.memoryKB {
				group.residentKB = shareOfGroup(pid)
			}
			end.memoryKB = max(end.memoryKB, group.residentKB)
			if group.threads > p.threads {
				kill(overThreads)
			}
			end.diskFull = end.diskFull || enoughDisk(p.dir) != nil
			if most := filesAllowed(p.files, end.diskFull); most > 0 && filesBelow(p.dir, most) > most {
				kill(overFiles)
			}
		} else if s, ok := readStat(name); ok {
			end.cpu = max(end.cpu, s.cpu-shimCPU)
		}
		switch {
		case end.memoryKB > p.memoryKB:
			kill(overMemory)
		case end.cpu > p.cpu, now.Sub(begin) > p.wall && now.Sub(begin) > patience(p.wall, coreDelay(name)):
			kill(overTime)
		}
		pause = min(pause*3/2, lookEvery)
		timer.Reset(pause)
	}
}

// filesAllowed is how many bytes a case may keep in files. On a full disk it is
// less: the program that has filled it is stopped, not its neighbours.
func filesAllowed(most int64, diskFull bool) int64 {
	if diskFull {
		return most / 4
	}
	return most
}

// patience is how long a process may take that had to wait for a core: that is
// the machine's fault. But not for ever.
func patience(wall, delay time.Duration) time.Duration { return wall + min(delay, 4*wall) }

// waitUntilDead returns when a child is dead, without taking it off the table.
func waitUntilDead(pid int) {
	const (
		byPID  = 1
		exited = 0x4       // WEXITED
		leave  = 0x1000000 // WNOWAIT
	)
	var info [128]byte // siginfo_t
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(pid), uintptr(unsafe.Pointer(&info)), exited|leave, 0, 0) //nolint:gosec // package syscall has no waitid
		if errno != syscall.EINTR {
			return
		}
	}
}
