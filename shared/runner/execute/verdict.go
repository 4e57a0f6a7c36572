package execute

import (
	"fmt"
	"syscall"
	"time"
)

// RefusedMemory is the reason of a program that failed because it was refused memory.
const RefusedMemory = "it was refused memory beyond its limit"

// Seen is what an executor saw of a run, by which its verdict is found.
type Seen struct {
	ExitCode  int            // 128 + number of the signal that ended it
	Signal    syscall.Signal // 0: none
	CPU, Wall time.Duration
	MemoryKB  int64 // -1: unknown

	TooMuchOutput bool
	TooManyOf     int  // processes and threads, if more than these were wanted
	OutOfMemory   bool // the kernel killed because memory ran out
	StoppedByCPU  bool
	StoppedByWall bool
}

// Verdict is the status of a run and the reason for it, at most 200 characters;
// judge decides on its output and is called only if everything else is well.
// The order matters: a program that is stopped for one thing often trips over
// another on its way out.
func (s Seen) Verdict(task Task, outputLimit int64, judge func() (status, reason string, err error)) (status, reason string, err error) {
	limit := time.Duration(task.TimeLimit) * time.Millisecond
	switch {
	case s.TooMuchOutput || s.Signal == syscall.SIGXFSZ:
		return OLE, fmt.Sprintf("more than %d bytes of output", outputLimit), nil
	case s.TooManyOf > 0:
		return RE, fmt.Sprintf("more than %d processes", s.TooManyOf), nil
	case s.OutOfMemory:
		return MLE, fmt.Sprintf("more than %d KB of memory", task.MemoryLimit), nil
	case s.StoppedByCPU || s.CPU > limit || s.Signal == syscall.SIGXCPU:
		return TLE, fmt.Sprintf("more than %d ms of CPU time", task.TimeLimit), nil
	case s.StoppedByWall:
		return TLE, fmt.Sprintf("not over after %d ms by the clock, with %d ms of CPU time", s.Wall.Milliseconds(), s.CPU.Milliseconds()), nil
	case s.Signal == syscall.SIGSYS:
		return RE, "a system call that is forbidden", nil
	case s.Signal != 0:
		return RE, fmt.Sprintf("signal %d (%v)", int(s.Signal), s.Signal), nil
	case s.ExitCode != 0:
		return RE, fmt.Sprintf("exit code %d", s.ExitCode), nil
	}
	return judge()
}

// Refusal is why the kernel does not start what a compiler has made: a source can have
// it make an archive, or name a loader that is none.
type Refusal struct {
	Why     string
	Referee bool // it is the problem's, not the submission's
}

// Refused makes a Refusal of what the kernel says; nil if that is the machine's fault.
func Refused(why string) *Refusal {
	for _, ofMachine := range []syscall.Errno{syscall.ENOMEM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.EIO} {
		if why == ofMachine.Error() {
			return nil
		}
	}
	return &Refusal{Why: why}
}

func (r *Refusal) Error() string {
	return "the compiler made nothing that can be started: " + r.Why
}

// Cases are the results of a job that is refused.
func (r *Refusal) Cases(in Input) [][]Case {
	if r.Referee {
		return in.Uncompiled(r.Error())
	}
	return Same(in.Tasks, CE, r.Error())
}

// Compared makes a verdict of a comparison.
func Compared(equal func() (bool, error)) func() (status, reason string, err error) {
	return func() (string, string, error) {
		same, err := equal()
		if err != nil || same {
			return AC, "", err
		}
		return WA, "", nil
	}
}
