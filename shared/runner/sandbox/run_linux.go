package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/container"
	"github.com/criyle/go-sandbox/runner"
	"golang.org/x/sys/unix"

	"runlease/shared/runner/cgroup"
	"runlease/shared/runner/execute"
)

// run is a program to run in a box.
type run struct {
	args       []string
	env        []string // nil: environment
	executable *os.File // nil: args[0] is a path in the box
	referee    bool     // it is the problem's program
	stdin      *os.File // nil: empty
	stdout     *sink
	stderr     *sink      // may be stdout
	files      []*os.File // descriptors 3 and on
	filter     []syscall.SockFilter

	cpu, wall time.Duration
	memory    int64 // bytes
	stack     int64 // bytes
	file      int64 // bytes, of every file that it writes
	processes int

	beside *talk // nil: it runs alone
}

// ending is how a run ended.
type ending struct {
	status  runner.Status
	code    int // exit code, or number of the signal
	events  cgroup.Events
	wall    time.Duration
	waited  time.Duration // for a core, of a run that was stopped for its time
	stopped stop
	foreign bool // ended by a KILL that neither we nor the program sent
}

// stop is why a run was stopped.
type stop int32

const (
	byItself stop = iota
	byCPU
	byWall
	byOutput
	byMemory
	byProcesses
	byOther // its partner has ended it
)

const (
	// CPU time is looked at when it may have reached the limit at the earliest;
	// in between, so often for what only the group's files tell.
	lookEvery = 20 * time.Millisecond
	// How long threads waited for a core is noted before they are gone. Threads that live
	// shorter than this have not waited long.
	noteEvery = 200 * time.Millisecond
	// The kernel's own limit is for a runner that does not get to look.
	kernelCPU = 2 * time.Second
	openFiles = 1024
	pipeSize  = 256 << 10 // bytes; a program that prints much waits less
)

// run runs a program and returns when all processes of the box but its first
// are dead. An error is a fault of the machine, or ctx's cause.
func (b *box) run(ctx context.Context, s *Sandbox, r run) (ending, error) {
	group, err := s.groups.New(s.bounds(r))
	if err != nil {
		return ending{}, err
	}
	defer s.removeLater(group)
	if r.beside != nil {
		r.beside.group.Store(group)
	}

	runCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watch{group: group, run: r, cancel: cancel, cores: b.cores}

	outputs := []*sink{r.stdout}
	if r.stderr != r.stdout {
		outputs = append(outputs, r.stderr)
	}
	writers := make([]int, len(outputs))
	done := make(chan struct{}, len(outputs))
	for i, o := range outputs {
		read, write, err := pipe()
		if err != nil {
			for _, fd := range writers[:i] {
				_ = unix.Close(fd)
			}
			return ending{}, err
		}
		writers[i] = write
		go func() {
			if o.readAll(read) {
				w.stop(byOutput)
			}
			done <- struct{}{}
		}()
	}
	closeWriters := func() {
		for _, fd := range writers {
			_ = unix.Close(fd)
		}
		writers = nil
	}

	param := container.ExecveParam{
		Args: r.args, Env: r.env, RLimits: s.limits(r), Seccomp: r.filter,
		Files: []uintptr{s.null.Fd(), uintptr(writers[0]), uintptr(writers[len(writers)-1])},
		SyncFunc: func(pid int) error {
			// The container has its own descriptors now: ends of file will be seen.
			closeWriters()
			if _, started := group.FD(); !started {
				if err := group.Add(pid); err != nil {
					return err
				}
			}
			if b.started != nil {
				b.started()
			}
			w.begin()
			return nil
		},
	}
	if r.env == nil {
		param.Env = environment
	}
	if r.stdin != nil {
		param.Files[0] = r.stdin.Fd()
	}
	for _, file := range r.files {
		param.Files = append(param.Files, file.Fd())
	}
	if r.executable != nil {
		param.ExecFile = r.executable.Fd()
	}
	if fd, ok := group.FD(); ok {
		param.CgroupFD, param.SyncAfterExec = uintptr(fd), true
	}
	sent := b.sent.Load()
	b.since.Store(sent)
	result := b.env.Execve(runCtx, param)
	end := ending{status: result.Status, code: result.ExitStatus, stopped: stop(w.why.Load())}
	end.wall, end.waited = w.end()
	closeWriters()
	if r.beside != nil {
		r.beside.ended()
	}
	late := time.NewTicker(lookEvery)
	defer late.Stop()
	for left := len(outputs); left > 0; {
		select {
		case <-done:
			left--
		case <-late.C:
			orphans()
		}
	}
	if ctx.Err() != nil {
		return ending{}, context.Cause(ctx)
	}
	if end.stopped == byItself { // by output, after the end
		end.stopped = stop(w.why.Load())
	}
	if end.events, err = group.Events(); err != nil {
		return ending{}, err
	}
	if most := int64(result.Memory); end.events.PeakSeen && most > b.firstUses() {
		end.events.PeakBytes = max(end.events.PeakBytes, most)
	}
	end.foreign = end.stopped == byItself && result.Status == runner.StatusTimeLimitExceeded && syscall.Signal(end.code) == syscall.SIGKILL &&
		b.sent.Load() == sent && end.events.CPU <= r.cpu
	// A limit that is too small even to begin with ends the program before it is one.
	if result.Status == runner.StatusRunnerError && end.events.OOMKills == 0 && end.stopped == byItself {
		return ending{}, r.fault(result.Error)
	}
	return end, nil
}

// fault is why a program could not be started. The box has ended.
func (r run) fault(message string) error {
	if _, why, compiled := strings.Cut(message, "start: "+startedAs+": execve: "); compiled {
		if refusal := execute.Refused(why); refusal != nil {
			refusal.Referee = r.referee
			return refusal
		}
	}
	return errors.New("run in the box: " + message)
}

// firstUses is the most memory that the box's first process has had, in bytes. The
// kernel counts it as a program's that it starts, if that has less.
func (b *box) firstUses() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.pid))
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kb int64
	_, _ = fmt.Sscan(rest, &kb)
	return kb << 10
}

// orphans has the kernel close what a program has sent to a socket that nobody has any
// more: it does so when some socket is closed, which may take minutes. Until then a
// program's output has no end.
func orphans() {
	if fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err == nil {
		_, _ = unix.Close(fds[0]), unix.Close(fds[1])
	}
}

// pipe makes a pipe to read what a program writes. The program may open its end
// again by name, as /dev/stdout.
func pipe() (*os.File, int, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, 0, fmt.Errorf("make a pipe: %w", err)
	}
	_ = unix.Fchmod(fds[1], 0o622)
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize)
	_ = unix.SetNonblock(fds[0], true) // the other end blocks
	return os.NewFile(uintptr(fds[0]), "pipe"), fds[1], nil
}

var environment = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + workDir, "TMPDIR=/tmp", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}

// watch looks at a group while its processes run, and stops them.
type watch struct {
	group  *cgroup.Group
	run    run
	cancel context.CancelFunc
	cores  int // that the group's processes may use

	why     atomic.Int32
	started time.Time
	over    chan struct{}
	done    chan struct{}
	waited  time.Duration
}

// stop stops the run for the first reason given.
func (w *watch) stop(why stop) {
	w.why.CompareAndSwap(int32(byItself), int32(why))
	w.cancel()
}

func (w *watch) begin() {
	w.started, w.over, w.done = time.Now(), make(chan struct{}), make(chan struct{})
	go w.look()
}

// end ends the watch and returns how long the run took, and what of it was
// waiting for a core if it was stopped for its time.
func (w *watch) end() (wall, waited time.Duration) {
	if w.over == nil {
		return 0, 0
	}
	wall = time.Since(w.started)
	close(w.over)
	<-w.done
	return wall, w.waited
}

func (w *watch) look() {
	defer close(w.done)
	timer := time.NewTimer(min(lookEvery, w.run.cpu))
	defer timer.Stop()
	noted := w.started
	for {
		select {
		case <-w.over:
			return
		case why := <-w.run.beside.stops():
			w.stop(why)
			return
		case <-timer.C:
		}
		events, err := w.group.Events()
		wall := time.Since(w.started) - w.run.beside.talked(events.CPU, 4*w.run.wall)
		switch {
		case err != nil: // run finds it, too
			return
		case events.Refusals > 0:
			w.stop(byProcesses)
			return
		case events.OOMKills > 0:
			w.stop(byMemory)
			return
		case events.CPU > w.run.cpu:
			w.waited = w.group.Waited()
			w.stop(byCPU)
			return
		case wall > w.run.wall:
			w.waited = w.group.Waited()
			if wall > patience(w.run.wall, w.waited+w.run.beside.partnersWait()) {
				w.stop(byWall)
				return
			}
		}
		if now := time.Now(); now.Sub(noted) >= noteEvery {
			_, noted = w.group.Waited(), now
		}
		left := (w.run.cpu - events.CPU) / time.Duration(w.cores)
		timer.Reset(min(lookEvery, max(left, 100*time.Microsecond)))
	}
}

// patience is how long a run may take that had to wait for a core: that is the
// machine's fault. But not for ever.
func patience(wall, waited time.Duration) time.Duration { return wall + min(waited, 4*wall) }
