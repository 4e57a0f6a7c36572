package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"runlease/shared/casefile"
	"runlease/shared/judging"
	"runlease/shared/runner/cgroup"
	"runlease/shared/runner/execute"
)

// talk is one side of two programs that run side by side, each in its box.
//
// What one writes passes through the runner on its way to the other: so it can be
// bounded and kept, and no program has an end of a pipe that the other reads. A
// program sees the end of its input only when the other has ended, and it may
// write on then: no program dies of a broken pipe.
type talk struct {
	partner *talk
	group   atomic.Pointer[cgroup.Group]
	spent   atomic.Int64  // ns of CPU time so far
	passed  *atomic.Int64 // bytes that went either way so far, of both
	stop    chan stop     // a reason to stop it, from outside
	onEnd   func()        // called when its processes are dead

	looked         time.Time
	seen, partners int64 // passed and the partner's spent when that was
	sum            time.Duration
}

// stops may stop a run. It never does if the program runs alone.
func (t *talk) stops() <-chan stop {
	if t == nil {
		return nil
	}
	return t.stop
}

// talked is how long a run was not idle, though it may have waited: something went
// to and fro, or its partner computed; at most so long. A hundred thousand rounds
// take longer by the clock than both programs together. cpu is what the run has
// taken so far. Only the run's watch calls it.
func (t *talk) talked(cpu, most time.Duration) time.Duration {
	if t == nil {
		return 0
	}
	t.spent.Store(int64(cpu))
	now, passed, partners := time.Now(), t.passed.Load(), t.partner.spent.Load()
	switch {
	case t.looked.IsZero():
	case passed != t.seen:
		t.sum += now.Sub(t.looked)
	default:
		t.sum += min(now.Sub(t.looked), time.Duration(partners-t.partners))
	}
	t.looked, t.seen, t.partners = now, passed, partners
	return min(t.sum, most)
}

// partnersWait is how long the partner was ready to run and had no core. The program
// that waits for it is not to blame for that.
func (t *talk) partnersWait() time.Duration {
	if t == nil {
		return 0
	}
	group := t.partner.group.Load()
	if group == nil {
		return 0
	}
	return group.Waited()
}

func (t *talk) ended() { t.onEnd() }

// feed is a pipe to the standard input of a program.
type feed struct {
	read  *os.File // the program's end
	write *os.File
}

func newFeed() (feed, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return feed{}, fmt.Errorf("make a pipe: %w", err)
	}
	_ = unix.Fchmod(fds[0], 0o644) // the program may open its end again, as /dev/stdin
	_ = unix.SetNonblock(fds[1], true)
	return feed{os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe")}, nil
}

func (f feed) close() { _, _ = f.read.Close(), f.write.Close() }

// unread is how many bytes in the pipe the program has not read.
func (f feed) unread() int {
	n := 0
	if raw, err := f.write.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	}
	return n
}

// tryTalk runs a submission and the problem's interactor side by side.
func (s *Sandbox) tryTalk(ctx context.Context, b *box, prog program, r *referee, in execute.Input, task execute.Task, name string) (got execute.Case, busy bool, err error) {
	data := filepath.Join(in.TestDataDir, name)
	input, err := s.input(data + casefile.In)
	if err != nil {
		return execute.Case{}, false, err
	}
	defer func() { _ = input.Close() }()
	answer, err := s.input(data + casefile.Out)
	if err != nil {
		return execute.Case{}, false, err
	}
	defer func() { _ = answer.Close() }()
	toProgram, err := newFeed()
	if err != nil {
		return execute.Case{}, false, err
	}
	defer toProgram.close()
	toInteractor, err := newFeed()
	if err != nil {
		return execute.Case{}, false, err
	}
	defer toInteractor.close()

	mine, stdout, stderr, err := s.caseRun(prog, in, task)
	if err != nil {
		return execute.Case{}, false, err
	}
	var passed atomic.Int64
	pass := func(to feed) func(p []byte) {
		return func(p []byte) {
			passed.Add(int64(len(p)))
			_, _ = to.write.Write(p)
		}
	}
	mine.stdin, stdout.also = toProgram.read, pass(toInteractor)
	theirs, said, err := r.talkRun(in.Output(s.cfg.OutputLimit), pass(toProgram))
	if err != nil {
		return execute.Case{}, false, err
	}
	theirs.stdin, theirs.files = toInteractor.read, []*os.File{input, s.null, answer}
	// While the submission runs, the interactor may wait for it.
	patience := theirs.wall
	theirs.wall += 5*mine.wall + 2*theirs.cpu

	var first atomic.Int32 // 1: the submission, 2: the interactor
	var deaf atomic.Bool
	mine.beside, theirs.beside = &talk{stop: make(chan stop, 1), passed: &passed}, &talk{stop: make(chan stop, 1), passed: &passed}
	mine.beside.partner, theirs.beside.partner = theirs.beside, mine.beside
	var hurry *time.Timer
	mine.beside.onEnd = func() {
		first.CompareAndSwap(0, 1)
		deaf.Store(toInteractor.unread() > 0 && toProgram.unread() == 0)
		_ = toProgram.read.Close() // what comes for it now goes nowhere
		hurry = time.AfterFunc(patience, func() { theirs.beside.stop <- byWall })
	}
	theirs.beside.onEnd = func() {
		first.CompareAndSwap(0, 2)
		_ = toInteractor.read.Close()
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var talked execute.Talk
	var theirErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		var end ending
		if end, theirErr = r.box.run(ctx, s, theirs); theirErr == nil {
			talked.Seen, talked.Message, theirErr = r.ended(end, said)
		}
		_ = toInteractor.read.Close() // as onEnd has, unless it never began
		talked.First = first.Load() == 2
		_ = toProgram.write.Close()
		ruled, _ := execute.Rule(r.checker, talked.Seen, "")
		switch {
		case theirErr != nil:
			theirErr = fmt.Errorf("run the interactor: %w", theirErr)
			cancel(theirErr)
		case talked.First && ruled != execute.AC: // nothing can change that
			mine.beside.stop <- byOther
		}
	}()
	end, err := b.run(ctx, s, mine)
	if err != nil {
		cancel(err)
	}
	_, _ = toProgram.read.Close(), toInteractor.write.Close()
	<-done
	if hurry != nil {
		hurry.Stop()
	}
	if err := errors.Join(theirErr, err); err != nil {
		return execute.Case{}, false, err
	}
	if err := b.clear(s); err != nil {
		return execute.Case{}, false, err
	}
	if err := end.fault(); err != nil {
		return execute.Case{}, false, err
	}
	talked.Deaf = deaf.Load()
	seen := end.seen(mine.processes)
	got = seenCase(seen, end, stdout, stderr)
	got.Status, got.Reason, err = talked.Verdict(in.Checker, seen, task, stdout.limit)
	return slept(prog.refused(got, seen, stderr), seen, task), busyCore(end, task), err
}

// talkRun is how an interactor is run: what it writes goes to the submission, its
// message is what it writes to standard error.
func (r *referee) talkRun(most int64, pass func([]byte)) (one run, said *sink, err error) {
	args := []string{inputPath, "output", answerPath}
	if r.checker.Protocol == judging.Kattis {
		args = []string{inputPath, answerPath, workDir + "/"}
	}
	one, said, err = r.run(args...)
	one.stdout = &sink{limit: most, also: pass}
	return one, said, err
}
