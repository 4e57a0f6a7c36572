package execute

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runlease/shared/judging"
)

// ErrNoSandbox is why an executor cannot judge by a referee, which may be written
// by any process. It is no sign of a fault.
var ErrNoSandbox = errors.New("the problem has a checker that is a program, or an interactor, and these run in the sandbox only: start the runner with -isolation sandbox")

// A referee is a program of the problem that decides on a submission: a checker,
// which reads what it wrote, or an interactor, which talks with it.

// What a referee may use beside what its problem says, and what of its message
// is read.
const (
	RefereeFileBytes = 64 << 20 // of every file that it writes
	RefereeProcesses = 64
	RefereeOutput    = 1 << 20 // bytes of messages
	RefereeMessage   = 4 << 10
	// refereeIdle is how long a referee may do nothing beyond its CPU time.
	refereeIdle = 3 * time.Second
)

// RefereeInput is by what a problem's referee is compiled.
func (in Input) RefereeInput() Input { return Input{Language: in.Checker.Language} }

// RefereeTime is how much CPU time a referee may take for a case, and how long it
// may take by the clock.
func RefereeTime(c judging.Checker) (cpu, wall time.Duration) {
	cpu = time.Duration(cmp.Or(c.TimeLimit, judging.DefaultCheckerTime)) * time.Millisecond
	return cpu, 2*cpu + refereeIdle
}

// RefereeMemory is how much memory a referee may take, in KB.
func RefereeMemory(c judging.Checker) int64 {
	return int64(cmp.Or(c.MemoryLimit, judging.DefaultCheckerMemory))
}

// CopyReferee puts what a referee is compiled from into a directory: the folder
// that its source is in, with the source under its language's name. Everybody
// may read the copies.
func CopyReferee(in Input, to string) error {
	if err := in.await(""); err != nil {
		return err
	}
	if err := copyTree(filepath.Join(in.TestDataDir, judging.Folder), to); err != nil {
		return fmt.Errorf("copy the problem's %s: %w", who(in.Checker), err)
	}
	source, _ := SourceName(in.Checker.Language)
	if source == in.Checker.File {
		return nil
	}
	if err := os.Rename(filepath.Join(to, in.Checker.File), filepath.Join(to, source)); err != nil {
		return fmt.Errorf("copy the problem's %s: %w", who(in.Checker), err)
	}
	return nil
}

// Uncompiled are the cases of a job whose problem has a referee that does not
// compile: that is no fault of the submission.
func (in Input) Uncompiled(message string) [][]Case {
	source, _ := SourceName(in.Checker.Language)
	all := Same(in.Tasks, JE, strings.ReplaceAll(message, source, in.Checker.File))
	for t := range all {
		for c := range all[t] {
			all[t][c].Reason = fmt.Sprintf("the problem's %s does not compile", who(in.Checker))
		}
	}
	return all
}

func who(c judging.Checker) string {
	if c.Kind == judging.Interactor {
		return "interactor"
	}
	return "checker"
}

// Rule is what a referee has decided, by how it ended: AC, WA with its message,
// or JE, if the referee is at fault.
func Rule(c judging.Checker, s Seen, message string) (status, reason string) {
	message = strings.Join(strings.Fields(message), " ")
	cpu, _ := RefereeTime(c)
	fault := func(format string, args ...any) (string, string) {
		why := fmt.Sprintf("the problem's %s %s", who(c), fmt.Sprintf(format, args...))
		if message != "" {
			why += ": " + message
		}
		return JE, clip(why)
	}
	switch {
	case s.TooMuchOutput || s.Signal == syscall.SIGXFSZ:
		return fault("wrote too much")
	case s.TooManyOf > 0:
		return fault("started more than %d processes", s.TooManyOf)
	case s.OutOfMemory:
		return fault("took more than %d KB of memory", RefereeMemory(c))
	case s.StoppedByCPU || s.CPU > cpu || s.Signal == syscall.SIGXCPU:
		return fault("took more than %d ms of CPU time", cpu.Milliseconds())
	case s.StoppedByWall:
		return fault("was not over after %d ms by the clock", s.Wall.Milliseconds())
	case s.Signal != 0:
		return fault("was ended by signal %d (%v)", int(s.Signal), s.Signal)
	}
	accepts, refuses := 0, []int{1, 2, 4, 8} // wrong, presentation, trailing text, text missing
	if c.Protocol == judging.Kattis {
		accepts, refuses = 42, []int{43}
	}
	for _, code := range refuses {
		if s.ExitCode == code {
			return WA, clip(message)
		}
	}
	switch {
	case s.ExitCode == accepts:
		return AC, ""
	case c.Protocol == judging.Testlib && s.ExitCode == 3:
		return fault("reports a fault of the problem")
	case c.Protocol == judging.Testlib && s.ExitCode == 7:
		return fault("gives partial points, which no task can have")
	}
	return fault("ended with exit code %d, which means nothing in the protocol %s", s.ExitCode, c.Protocol)
}

// Talk is what was seen of an interactor that ran beside a submission.
type Talk struct {
	First   bool // it ended before the submission
	Seen    Seen
	Message string
	// Deaf reports that what the submission had written was not read, while the
	// submission had read all that there was.
	Deaf bool
}

// Verdict is the status of a submission and the reason for it. What ended first
// decides: all that comes later may be its consequence. An interactor that
// accepts early waits for the submission's end, which must be in order.
func (t Talk) Verdict(c judging.Checker, s Seen, task Task, outputLimit int64) (status, reason string, err error) {
	ruled, why := Rule(c, t.Seen, t.Message)
	switch {
	case t.First && ruled != AC:
		return ruled, why, nil
	case t.Deaf && s.StoppedByWall && !s.StoppedByCPU:
		return JE, "the problem's interactor does not read what the submission writes", nil
	}
	return s.Verdict(task, outputLimit, func() (string, string, error) { return ruled, why, nil })
}

// clip is a text as the reason of a case.
func clip(text string) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
	if runes := []rune(text); len(runes) > maxReason {
		return string(runes[:maxReason-3]) + "..."
	}
	return text
}
