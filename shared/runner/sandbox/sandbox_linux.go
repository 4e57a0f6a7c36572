package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/container"
	"github.com/criyle/go-sandbox/pkg/mount"
	"github.com/criyle/go-sandbox/runner"
	"golang.org/x/sys/unix"

	"runlease/shared/casefile"
	"runlease/shared/judging"
	"runlease/shared/runner/cgroup"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/toolchain"
)

// Config sets where a Sandbox works and what a program may use. The zero value
// of a limit is its default.
type Config struct {
	// Dir is where boxes are prepared; it must exist and be private.
	Dir string
	// OutputLimit bounds stdout and stderr, each, in bytes, of problems that do not
	// say; default casefile.OutputLimit.
	OutputLimit int64
	// KeptOutput is how much of each is reported, in bytes; default 64 KB.
	KeptOutput int
	// Processes bounds the processes and threads of one case; default 64.
	Processes int
	// FirstUID is the first of the user and group ids on this machine that boxes
	// get, each its own, when the runner is root; default 210000.
	FirstUID int
	// Trace, if it is set, is told what the parts of a job took: "box", "copy", "compile",
	// "case" for each case and "check" for what a checker took of it, and "compile
	// checker" if that was compiled. Several goroutines may call it.
	Trace func(part string, took time.Duration)
	Log   *slog.Logger
	// Languages are the languages that it offers if the machine has their tools; nil is
	// toolchain.BuiltIn.
	Languages toolchain.Table
	// Warm is where Warm keeps what compilers keep for later; it must be private.
	// "": nowhere, and every compilation begins anew.
	Warm string
	// Spares is how many boxes may be there that no job has yet, of the kinds that
	// the latest jobs had. A job that finds one begins some 10 ms earlier. Each takes
	// a few MB, and is made while a job's compiler runs, or after a job. Default 0.
	Spares int
}

// Sandbox is an executor; see the package's comment.
type Sandbox struct {
	cfg       Config
	root      bool
	groups    *cgroup.Parent
	system    []mount.Mount
	links     []container.SymbolicLink
	cores     []int
	files     int // that there may be in each file system of a box
	null      *os.File
	languages map[int]spoken
	programs  []syscall.SockFilter
	compilers []syscall.SockFilter

	beside sync.WaitGroup // what goes on beside jobs, or after them
	spares spares
	warmed atomic.Int64 // how often what compilers keep was made anew

	without string // name of a wall that a test takes out
	init    string // path of the program of a box's first process; empty: this one's
}

const (
	defaultKept      = 64 << 10
	defaultProcesses = 64
	defaultUID       = 210000

	// compileIdle is how long a compiler may wait beyond its time. Compilers wait
	// for disks and cores; that is not their fault.
	compileIdle     = 40 * time.Second
	compileMessages = 1 << 20 // bytes
	compileStack    = 64 << 20
	// idle is how long a case may do nothing beyond twice its limit. Sleeping is
	// not running, but not for ever.
	idle = 3 * time.Second
)

// New makes a Sandbox. An error names what the machine lacks and its cure; Check
// finds more. A compiler that is not installed is no error here: jobs in its
// language fail, with the runner's fault, when they come.
func New(cfg Config) (*Sandbox, error) {
	orDefault := func(n *int, d int) {
		if *n == 0 {
			*n = d
		}
	}
	if cfg.OutputLimit == 0 {
		cfg.OutputLimit = casefile.OutputLimit
	}
	orDefault(&cfg.KeptOutput, defaultKept)
	orDefault(&cfg.Processes, defaultProcesses)
	orDefault(&cfg.FirstUID, defaultUID)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Languages == nil {
		cfg.Languages = toolchain.BuiltIn()
	}
	// The users of boxes read what is written for them: modes say who may, and not the
	// umask of whoever started the runner.
	syscall.Umask(0o022)
	s := &Sandbox{root: os.Getuid() == 0, languages: speak(cfg.Languages)}
	s.filters()
	var err error
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("find directory of boxes: %w", err)
	}
	s.cfg = cfg
	if s.cores, err = allowedCores(); err != nil {
		return nil, err
	}
	if s.files, err = filesOfBox(); err != nil {
		return nil, err
	}
	if s.system, s.links, err = s.findSystem(); err != nil {
		return nil, err
	}
	if s.null, err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	if s.groups, err = cgroup.Open(); err != nil {
		_ = s.null.Close()
		return nil, err
	}
	return s, nil
}

// Close removes what New made. No job may be running.
func (s *Sandbox) Close() {
	s.beside.Wait()
	for _, b := range s.spares.boxes {
		b.close()
	}
	s.groups.Close()
	_ = s.null.Close()
}

// Run compiles a submission and runs it on every case, one after the other. A
// submission that does not compile gets CE for every case, with the compiler's
// message in the first one's stderr. An error is the runner's fault (compiler
// not installed, disk full), or ctx's cause.
func (s *Sandbox) Run(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
	l, err := s.spoken(in.Language)
	if err != nil {
		return nil, err
	}
	core, seat, err := s.takeCore()
	if err != nil {
		return nil, err
	}
	defer seat.give()
	starting, started := context.WithCancel(ctx)
	defer started()
	s.beside.Go(func() { s.groups.KeepReady(starting) })
	begin, kind := time.Now(), s.kind(l)
	b, err := s.takeBox(kind, core)
	if err != nil {
		return nil, err
	}
	// The verdicts are there before the kernel has taken the namespaces apart.
	defer s.closeLater(b)
	begin = s.trace("box", begin)
	if err := execute.CopySources(in, b.sources()); err != nil {
		return nil, fmt.Errorf("fill directory of a box: %w", err)
	}
	next := sync.OnceFunc(func() { s.makeAhead(kind) })
	defer next()
	if missing := execute.MissingSource(b.sources(), l.Source); missing != "" {
		return execute.Same(in.Tasks, execute.CE, missing), nil
	}
	if len(l.Compile) > 0 {
		next() // no case is measured yet
	}
	begin = s.trace("copy", begin)
	prog, err := s.compile(ctx, b, l, in)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", l.Source, err)
	}
	if prog.reject != "" {
		return execute.Same(in.Tasks, execute.CE, prog.reject), nil
	}
	defer prog.close()
	var r *referee
	if in.Checker.IsProgram() {
		if r, err = s.referee(ctx, in, core); err != nil {
			return nil, err
		}
		defer r.close()
		if r.program.reject != "" {
			return in.Uncompiled(r.program.reject), nil
		}
	}
	b.started = started
	begin = s.trace("compile", begin)
	cases, err := in.EachCase(func(task execute.Task, name string) (execute.Case, error) {
		got, err := s.runCase(ctx, b, prog, r, in, task, name)
		begin = s.trace("case", begin)
		return got, err
	})
	if refusal, ok := errors.AsType[*execute.Refusal](err); ok {
		return refusal.Cases(in), nil
	}
	return cases, err
}

// trace tells what a part took that began then, and returns the time.
func (s *Sandbox) trace(part string, begin time.Time) time.Time {
	now := time.Now()
	if s.cfg.Trace != nil {
		s.cfg.Trace(part, now.Sub(begin))
	}
	return now
}

// fault returns an error if this machine, not the program, is why a run ended.
func (e ending) fault() error {
	switch {
	case e.events.OOMKills > 0 && !e.events.Full:
		return errors.New("the machine ran out of memory")
	case e.foreign && e.events.OOMKills == 0:
		return execute.ErrKilled
	}
	return nil
}

// program is a submission that can be started.
type program struct {
	language   spoken
	place      toolchain.Place
	executable *os.File // sealed; nil: the first word of the command
	reject     string   // why it cannot be
}

// asMade makes the program's file what it was before it ran: a program of the
// runner's own user owns it.
func (p program) asMade() error {
	if p.executable == nil {
		return nil
	}
	fd := int(p.executable.Fd())
	if err := errors.Join(unix.Fchmod(fd, 0o777), unix.Futimes(fd, make([]unix.Timeval, 2))); err != nil {
		return fmt.Errorf("look after a program: %w", err)
	}
	return nil
}

func (p program) close() {
	if p.executable != nil {
		_ = p.executable.Close()
	}
}

const compiled = workDir + "/main"

// startedAs is by what name a sealed program is started.
const startedAs = "./main"

// compile compiles, and again if the compiler may have been killed: a source can have
// it say so.
func (s *Sandbox) compile(ctx context.Context, b *box, l spoken, in execute.Input) (program, error) {
	prog, err := s.tryCompile(ctx, b, l, in, false)
	if !errors.Is(err, execute.ErrKilled) {
		return prog, err
	}
	if err := b.clear(s); err != nil {
		return program{}, err
	}
	select { // what is short of memory may have some by then
	case <-ctx.Done():
		return program{}, context.Cause(ctx)
	case <-time.After(time.Second):
	}
	return s.tryCompile(ctx, b, l, in, true)
}

func (s *Sandbox) tryCompile(ctx context.Context, b *box, l spoken, in execute.Input, again bool) (program, error) {
	limit, memoryKB := in.CompileTime(), in.CompileMemory()
	prog := program{language: l, place: s.place(b, l)}
	if len(l.Compile) == 0 {
		return prog, nil
	}
	place := prog.place
	place.Out, place.MemoryKB = compiled, memoryKB
	if l.Artifact == toolchain.Files {
		place.Out += "/" // a directory, though it is not there yet
	}
	messages := &sink{limit: compileMessages, keep: execute.CompilerOutput}
	end, err := b.run(ctx, s, run{
		args: place.Words(l.Compile), env: l.Env(environment, place), stdout: messages, stderr: messages, filter: s.compilers,
		cpu: limit, wall: limit + compileIdle, memory: memoryKB << 10, stack: compileStack,
		file: execute.CompileFileBytes, processes: execute.CompileProcesses,
	})
	if err != nil {
		return program{}, err
	}
	message := strings.ReplaceAll(messages.text(), sourceDir+"/", "")
	if err := end.fault(); err != nil {
		return program{}, err
	}
	if !again && end.stopped == byItself && end.events.OOMKills == 0 && end.events.CPU <= limit && compilerKilled(message) {
		return program{}, execute.ErrKilled
	}
	switch {
	case end.stopped == byOutput:
		return program{reject: "the compiler wrote too many messages\n" + message}, nil
	case end.events.Refusals > 0:
		return program{reject: "the compiler started too many processes\n" + message}, nil
	case end.events.OOMKills > 0:
		return program{reject: fmt.Sprintf("the compiler took more than %d MB\n%s", memoryKB>>10, message)}, nil
	case end.stopped == byWall && end.waited > (limit+compileIdle)/2:
		return program{}, fmt.Errorf("the compiler waited %v for a core", end.waited)
	case end.stopped == byCPU || end.stopped == byWall || end.events.CPU > limit:
		return program{reject: fmt.Sprintf("the compiler took longer than %v\n%s", limit, message)}, nil
	case end.status != runner.StatusNormal:
		if strings.TrimSpace(message) == "" {
			message = fmt.Sprintf("the compiler ended with exit code %d and no message", end.code)
		}
		return program{reject: message}, nil
	}
	switch l.Artifact {
	case toolchain.Program:
		if prog.executable, err = s.take(b, compiled); err != nil {
			return program{}, err
		}
		prog.place.Out = startedAs
	case toolchain.Files:
		if prog.reject, err = s.export(ctx, b); err != nil || prog.reject != "" {
			return prog, err
		}
		prog.place.Out = programDir
	case toolchain.None:
		return prog, nil
	}
	return prog, b.clear(s)
}

// compilerKilled reports whether a compiler's driver found one of its programs
// killed. What it says of the source begins with the source's name or a blank.
func compilerKilled(message string) bool {
	for line := range strings.Lines(message) {
		if !strings.HasPrefix(line, " ") && (strings.Contains(line, ": fatal error: Killed signal terminated program") || strings.Contains(line, "terminated with signal 9 [Killed]")) {
			return !strings.HasPrefix(line, "main.")
		}
	}
	return false
}

// attempts is how often a case is run that takes more than its limit on a machine
// that is busy with other things: they share the cores' caches, and the CPU time
// of a program grows with them.
const attempts = 2

// runCase runs a case, and again if a neighbour may be why it took too long.
func (s *Sandbox) runCase(ctx context.Context, b *box, prog program, r *referee, in execute.Input, task execute.Task, name string) (execute.Case, error) {
	task = prog.limits(task)
	try := s.tryCase
	if in.Checker.Kind == judging.Interactor {
		try = s.tryTalk
	}
	for n := 1; ; n++ {
		got, busy, err := try(ctx, b, prog, r, in, task, name)
		if err != nil || got.Status != execute.TLE || !busy || n == attempts {
			return got, err
		}
	}
}

// tryCase runs a case; busy: it had to wait for its core.
func (s *Sandbox) tryCase(ctx context.Context, b *box, prog program, r *referee, in execute.Input, task execute.Task, name string) (got execute.Case, busy bool, err error) {
	data := filepath.Join(in.TestDataDir, name)
	stdin, err := s.input(data + casefile.In)
	if err != nil {
		return execute.Case{}, false, err
	}
	defer func() { _ = stdin.Close() }()
	judge, err := s.judge(ctx, r, in, data)
	if err != nil {
		return execute.Case{}, false, err
	}
	defer judge.close()
	run, stdout, stderr, err := s.caseRun(prog, in, task)
	if err != nil {
		return execute.Case{}, false, err
	}
	run.stdin, stdout.also = stdin, judge.take
	end, err := b.run(ctx, s, run)
	if err != nil {
		return execute.Case{}, false, err
	}
	if err := b.clear(s); err != nil {
		return execute.Case{}, false, err
	}
	if err := end.fault(); err != nil {
		return execute.Case{}, false, err
	}
	seen := end.seen(run.processes)
	got = seenCase(seen, end, stdout, stderr)
	got.Status, got.Reason, err = seen.Verdict(task, run.stdout.limit, judge.decide)
	return slept(prog.refused(got, seen, stderr), seen, task), busyCore(end, task), err
}

// limits are those of a task for programs in this language.
func (p program) limits(task execute.Task) execute.Task {
	task.TimeLimit, task.MemoryLimit = p.language.Milliseconds(task.TimeLimit), task.MemoryLimit+int(p.language.MemoryHeadroomKB)
	return task
}

// refused makes a program that failed because memory ran out MLE.
func (p program) refused(got execute.Case, seen execute.Seen, stderr *sink) execute.Case {
	if got.Status == execute.RE && seen.TooManyOf == 0 && p.language.RefusedMemory(stderr.kept, seen.Signal == syscall.SIGABRT) {
		got.Status, got.Reason = execute.MLE, execute.RefusedMemory
	}
	return got
}

// caseRun is how a submission is run on a case, within the limits of its
// language, and where its outputs go.
func (s *Sandbox) caseRun(prog program, in execute.Input, task execute.Task) (r run, stdout, stderr *sink, err error) {
	l, place := prog.language, prog.place
	place.MemoryKB = int64(task.MemoryLimit) - l.MemoryHeadroomKB
	limit := time.Duration(task.TimeLimit) * time.Millisecond
	most := in.Output(s.cfg.OutputLimit)
	stdout, stderr = &sink{limit: most, keep: s.cfg.KeptOutput}, &sink{limit: most, keep: s.cfg.KeptOutput}
	return run{
		args: place.Words(l.Run), env: l.Env(environment, place), executable: prog.executable, stdout: stdout, stderr: stderr, filter: s.programs,
		cpu: limit, wall: 2*limit + idle, memory: int64(task.MemoryLimit) << 10, stack: place.MemoryKB << 10, file: most + 1,
		processes: s.cfg.Processes + l.Threads,
	}, stdout, stderr, prog.asMade()
}

// busyCore reports whether a run had to wait for its core.
func busyCore(end ending, task execute.Task) bool {
	return end.waited > time.Duration(task.TimeLimit)*time.Millisecond/20
}

// slept puts what a case took by the clock for its CPU time, if that was too long.
func slept(got execute.Case, seen execute.Seen, task execute.Task) execute.Case {
	if got.Status == execute.TLE && seen.CPU <= time.Duration(task.TimeLimit)*time.Millisecond {
		got.ExecTime = seen.Wall.Milliseconds()
	}
	return got
}

func seenCase(seen execute.Seen, end ending, stdout, stderr *sink) execute.Case {
	return execute.Case{
		ExitCode: seen.ExitCode, Stdout: stdout.text(), Stderr: stderr.text(),
		ExecTime: seen.CPU.Milliseconds(), MemoryUsage: end.events.PeakBytes >> 10,
	}
}

// seen is an ending in the words of verdicts; processes is how many were allowed.
func (e ending) seen(processes int) execute.Seen {
	seen := execute.Seen{
		ExitCode: e.code, CPU: e.events.CPU, Wall: e.wall,
		TooMuchOutput: e.stopped == byOutput, OutOfMemory: e.events.OOMKills > 0,
		StoppedByCPU: e.stopped == byCPU, StoppedByWall: e.stopped == byWall,
	}
	if e.events.Refusals > 0 {
		seen.TooManyOf = processes
	}
	if e.status != runner.StatusNormal && e.status != runner.StatusNonzeroExitStatus {
		seen.Signal = syscall.Signal(e.code)
		seen.ExitCode = 128 + e.code
	}
	return seen
}

// removeLater removes a group while the next case begins.
func (s *Sandbox) removeLater(g *cgroup.Group) {
	s.beside.Go(func() {
		if err := g.Remove(); err != nil {
			s.cfg.Log.Warn("control group left behind", slog.Any("error", err))
		}
	})
}
