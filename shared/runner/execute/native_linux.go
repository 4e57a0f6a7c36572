package execute

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runlease/shared/casefile"
	"runlease/shared/judging"
	"runlease/shared/runner/toolchain"
	"runlease/shared/runner/workdir"
)

// NativeConfig sets where Native works and what a program may use. The zero
// value of a limit is its default.
type NativeConfig struct {
	// Dir is where programs are built and run; it must exist.
	Dir string
	// OutputLimit bounds stdout and stderr, each, in bytes, of problems that do not
	// say; default casefile.OutputLimit.
	OutputLimit int64
	// KeptOutput is how much of each is reported, in bytes; default 64 KB.
	KeptOutput int
	// Processes bounds the processes and threads of one case; default 64.
	Processes int
	// Log hears of files that could not be removed; default nowhere.
	Log *slog.Logger
	// Languages are the languages that it offers if the machine has their tools; nil is
	// toolchain.BuiltIn.
	Languages toolchain.Table
	// Warm is where Warm has compilers keep things for later; it must be private. Empty:
	// each compilation does without.
	Warm string
}

// Native runs submissions as plain processes of the runner's own user. See the
// package's comment: for trusted code only.
type Native struct {
	cfg       NativeConfig
	userProcs int64
}

const (
	// headroom is how far the address space may go beyond the memory limit: it
	// counts what is mapped, not what is used. Enough for an interpreter with
	// its libraries (60 MB) and a few threads with their stacks.
	headroomKB = 256 << 10
	// stack is large enough for a deep recursion and small enough for threads,
	// which get the same.
	maxStackKB = 64 << 10
	minStackKB = 8 << 10

	// compileIdle is how long a compiler may do nothing.
	compileIdle = 10 * time.Second
	// idle is how long a case may do nothing beyond twice its limit. Sleeping is
	// not running, but not for ever; reading a library from a busy disk is no
	// fault of the submission either.
	idle           = 3 * time.Second
	compileFile    = 64 << 20 // bytes, of every file the compiler writes
	compilerOutput = 64 << 10 // bytes of its messages that are reported

	// Below that a program's own failed writes could be taken for its fault.
	minFreeDisk = 32 << 20
)

// NewNative makes a Native. A compiler that is missing is no error here: jobs in
// its language fail, with the runner's fault, when they come.
func NewNative(cfg NativeConfig) (*Native, error) {
	if cfg.OutputLimit == 0 {
		cfg.OutputLimit = casefile.OutputLimit
	}
	if cfg.KeptOutput == 0 {
		cfg.KeptOutput = 64 << 10
	}
	if cfg.Processes == 0 {
		cfg.Processes = 64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find directory of programs: %w", err)
	}
	cfg.Dir = dir
	n := &Native{cfg: cfg}
	if n.cfg.Languages == nil {
		n.cfg.Languages = toolchain.BuiltIn()
	}
	if os.Getuid() != 0 {
		n.userProcs = userThreads() + int64(10*cfg.Processes) + 256
	}
	return n, nil
}

// program is a submission that can be started.
type program struct {
	language toolchain.Language
	place    toolchain.Place
	imageKB  int64 // what its file takes in memory before it does anything
	reject   string
}

// Run compiles a submission and runs it on every case, one after the other. A
// submission that does not compile gets CE for every case, with the compiler's
// message in the first one's stderr. An error is the runner's fault (compiler
// not installed, disk full), or ctx's cause.
func (n *Native) Run(ctx context.Context, in Input) ([][]Case, error) {
	if in.Checker.IsProgram() {
		return nil, ErrNoSandbox
	}
	dir, err := workdir.Temp(n.cfg.Dir, "program-")
	if err != nil {
		return nil, fmt.Errorf("make directory of a program: %w", err)
	}
	defer n.remove(ctx, dir)
	prog, err := n.compile(ctx, in, dir)
	if err != nil {
		return nil, err
	}
	if prog.reject != "" {
		return Same(in.Tasks, CE, prog.reject), nil
	}
	cases, err := in.EachCase(func(task Task, name string) (Case, error) { return n.runCase(ctx, prog, in, task, name, dir) })
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Cases(in), nil
	}
	return cases, err
}

func (n *Native) remove(ctx context.Context, dir string) {
	if err := workdir.Remove(dir); err != nil {
		n.cfg.Log.WarnContext(ctx, "what a program left stays", slog.Any("error", err))
	}
}

func (n *Native) compile(ctx context.Context, in Input, dir string) (program, error) {
	l, found := n.cfg.Languages[in.Language]
	if !found {
		return program{}, fmt.Errorf("unknown language %d", in.Language)
	}
	l, err := l.Find(exec.LookPath)
	if err != nil {
		return program{}, fmt.Errorf("%s: %w", l.Name, err)
	}
	source := l.Source
	sources, made := filepath.Join(dir, "src"), filepath.Join(dir, "main")
	if err := os.Mkdir(sources, 0o700); err != nil {
		return program{}, fmt.Errorf("make directory of sources: %w", err)
	}
	if err := CopySources(in, sources); err != nil {
		return program{}, err
	}
	prog := program{language: l, place: toolchain.Place{
		Source: filepath.Join(sources, source), Out: made, Warm: n.warm(l.ID, dir),
	}}
	if prog.reject = MissingSource(sources, source); prog.reject != "" {
		return prog, nil
	}
	if l.Interpreter != "" {
		python, err := FindPython(l.Interpreter)
		if err != nil {
			return program{}, fmt.Errorf("%s: %w", l.Name, err)
		}
		home := filepath.Join(dir, "python")
		if err := python.MakeHome(home); err != nil {
			return program{}, err
		}
		prog.place.Interpreter = filepath.Join(home, "bin", "python3")
	}
	if len(l.Compile) == 0 {
		return prog, nil
	}
	limit, memoryKB := in.CompileTime(), in.CompileMemory()
	place := prog.place
	place.Source, place.Sources, place.MemoryKB = source, l.Sources(sources), memoryKB // it works in their directory
	kernel := limits{addressKB: 2 * memoryKB, cpuSec: int64(limit/time.Second) + 2, fileBytes: compileFile, userProcs: n.userProcs}
	if l.ReservesMemory {
		kernel.addressKB = 0
	}
	files, err := openOutputs(dir)
	if err != nil {
		return program{}, err
	}
	defer files.close()
	end, err := process{
		args: place.Words(l.Compile), dir: sources, env: l.Env(environment(dir), place),
		stdout: files.stderr, stderr: files.stderr, // one text is enough
		kernel: kernel,
		cpu:    limit, wall: limit + compileIdle, memoryKB: memoryKB, threads: 64,
	}.run(ctx)
	if err != nil {
		return program{}, fmt.Errorf("compile %s: %w", source, err)
	}
	if end.stopped == byItself && end.exitCode == 0 {
		if l.Artifact == toolchain.Program && !l.ReservesMemory {
			prog.imageKB, err = imageKB(made)
		}
		return prog, err
	}
	message, err := files.kept(files.stderr, compilerOutput)
	if err != nil {
		return program{}, err
	}
	if err := machineFault(end, dir); err != nil {
		return program{}, fmt.Errorf("compile %s: %w", source, err)
	}
	if line := toolFault(message); line != "" && end.stopped == byItself && end.cpu <= limit {
		return program{}, fmt.Errorf("compile %s: the compiler failed: %s", source, line)
	}
	switch end.stopped {
	case byItself, overFiles:
	case overThreads:
		message = "the compiler started too many processes\n" + message
	case overTime:
		message = fmt.Sprintf("the compiler took longer than %v\n%s", limit, message)
	case overMemory:
		message = fmt.Sprintf("the compiler took more than %d MB\n%s", memoryKB>>10, message)
	}
	if strings.TrimSpace(message) == "" {
		message = fmt.Sprintf("the compiler ended with exit code %d and no message", end.exitCode)
	}
	prog.reject = message
	return prog, nil
}

func (n *Native) runCase(ctx context.Context, prog program, in Input, task Task, name, dir string) (Case, error) {
	l, place := prog.language, prog.place
	place.MemoryKB = int64(task.MemoryLimit)
	stackKB := place.MemoryKB
	task.TimeLimit, task.MemoryLimit = l.Milliseconds(task.TimeLimit), task.MemoryLimit+int(l.MemoryHeadroomKB)
	outputLimit := in.Output(n.cfg.OutputLimit)
	maxFiles := filesPerOutput * outputLimit
	limitKB := int64(task.MemoryLimit)
	addressKB := limitKB + headroomKB
	if l.ReservesMemory {
		addressKB = 0
	}
	if prog.imageKB > addressKB {
		// The kernel would end it with SIGSEGV before its first instruction.
		return Case{
			ExitCode: -1, Status: MLE, ExecTime: -1, MemoryUsage: prog.imageKB,
			Reason: fmt.Sprintf("the program's static data takes %d KB", prog.imageKB),
		}, nil
	}
	stdin, err := os.Open(filepath.Join(in.TestDataDir, name+casefile.In))
	if err != nil {
		return Case{}, fmt.Errorf("open input: %w", err)
	}
	defer func() { _ = stdin.Close() }()
	// What the last case left may be there still, and it may have closed ours.
	_ = os.Chmod(dir, 0o700)
	cwd, err := os.MkdirTemp(dir, "case-")
	if err != nil {
		return Case{}, fmt.Errorf("make directory of a case: %w", err)
	}
	defer n.remove(ctx, cwd)
	files, err := openOutputs(dir)
	if err != nil {
		return Case{}, err
	}
	defer files.close()

	limit := time.Duration(task.TimeLimit) * time.Millisecond
	args := place.Words(l.Run)
	end, err := process{
		args: args, dir: cwd, env: l.Env(environment(cwd), place), stdin: stdin, stdout: files.stdout, stderr: files.stderr,
		kernel: limits{
			addressKB: addressKB,
			cpuSec:    int64(limit/time.Second) + 2,
			fileBytes: outputLimit + 1, // so that exactly the limit can be told from too much
			stackKB:   min(max(stackKB, minStackKB), maxStackKB),
			userProcs: n.userProcs,
		},
		cpu: limit, wall: 2*limit + idle,
		memoryKB: limitKB, threads: n.cfg.Processes + l.Threads, files: maxFiles,
	}.run(ctx)
	if err != nil {
		if why, unstarted := strings.CutPrefix(err.Error(), "start "+args[0]+": "); unstarted && l.Artifact == toolchain.Program {
			if refusal := Refused(why); refusal != nil {
				return Case{}, refusal
			}
		}
		return Case{}, err
	}
	got := Case{ExitCode: end.exitCode, ExecTime: end.cpu.Milliseconds(), MemoryUsage: end.memoryKB}
	if got.Stdout, err = files.kept(files.stdout, n.cfg.KeptOutput); err != nil {
		return Case{}, err
	}
	if got.Stderr, err = files.kept(files.stderr, n.cfg.KeptOutput); err != nil {
		return Case{}, err
	}
	tooMuch, err := files.over(outputLimit)
	if err != nil {
		return Case{}, err
	}
	allowed := filesAllowed(maxFiles, end.diskFull)
	overFiles := end.stopped == overFiles || filesBelow(cwd, allowed) > allowed
	seen := Seen{
		ExitCode: end.exitCode, Signal: end.signal, CPU: end.cpu, Wall: end.wall,
		TooMuchOutput: tooMuch || overFiles, OutOfMemory: end.stopped == overMemory || end.memoryKB > limitKB,
		StoppedByWall: end.stopped == overTime,
	}
	if end.stopped == overThreads {
		seen.TooManyOf = n.cfg.Processes + l.Threads
	}
	got.Status, got.Reason, err = seen.Verdict(task, outputLimit, Compared(func() (bool, error) {
		return files.equal(in.Checker, filepath.Join(in.TestDataDir, name+casefile.Out))
	}))
	if err != nil {
		return Case{}, err
	}
	switch {
	case overFiles:
		got.Reason = fmt.Sprintf("more than %d bytes or %d entries in files of its directory", allowed, maxEntries)
	case got.Status == TLE && end.cpu <= limit: // it slept
		got.ExecTime = end.wall.Milliseconds()
	case got.Status == RE && seen.TooManyOf == 0:
		if refused, err := files.memoryRefused(l, end); err != nil {
			return Case{}, err
		} else if refused {
			got.Status, got.Reason = MLE, RefusedMemory
		}
	}
	if got.Status == RE || got.Status == WA {
		if err := machineFault(end, dir); err != nil {
			return Case{}, err
		}
	}
	return got, nil
}

// ErrKilled is why a program has no verdict that was ended by a KILL which this
// executor did not send.
var ErrKilled = errors.New("ended by a KILL that the runner did not send: the machine's memory may be short")

// machineFault returns an error if a program that failed may have failed because
// of this machine.
func machineFault(end ending, dir string) error {
	switch {
	case end.killed():
		return ErrKilled
	case end.diskFull:
		return errors.New("the disk was full while it ran")
	}
	return enoughDisk(dir)
}

// toolFault finds the line in which one of a compiler's programs reports that
// the machine has failed it, or "" if there is none. What a compiler says of its
// source begins with the name of the source, or with blanks where it quotes it.
func toolFault(message string) string {
	for line := range strings.Lines(message) {
		if strings.HasPrefix(line, "main.") || strings.HasPrefix(line, " ") {
			continue
		}
		for _, fault := range []string{"Killed signal terminated program", "terminated with signal 9 [Killed]", "No space left on device", "Cannot allocate memory", "Resource temporarily unavailable"} {
			if strings.Contains(line, fault) {
				return strings.ToValidUTF8(strings.TrimSpace(line[:min(len(line), 200)]), "")
			}
		}
	}
	return ""
}

// filesPerOutput is how many times its output limit a case may keep in its
// directory. Few programs have a reason to write a file, and a full disk hits all
// neighbours.
const filesPerOutput = 4

// maxEntries bounds the files of a case by their number, since each takes space.
const maxEntries = 1000

// filesBelow adds up what the files below a directory take on disk, in bytes. It
// stops once that is more than most, or there are too many entries: then it
// returns more than most.
func filesBelow(dir string, most int64) int64 {
	var sum int64
	entries := 0
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if entries++; entries > maxEntries {
			sum = most + 1
			return fs.SkipAll
		}
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // it was removed meanwhile, or is closed to us
		}
		if info, err := entry.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				sum += stat.Blocks * 512
			}
		}
		if sum > most {
			return fs.SkipAll
		}
		return nil
	})
	return sum
}

// outputs are the files that a program writes to. Files, not pipes: the kernel
// bounds them, and no reader is needed while the program runs.
type outputFiles struct{ stdout, stderr *os.File }

func openOutputs(dir string) (outputFiles, error) {
	var files outputFiles
	for _, f := range []struct {
		name string
		into **os.File
	}{{"stdout", &files.stdout}, {"stderr", &files.stderr}} {
		// A new file each time: the last case's may still have a writer. It gets
		// no name: no other process finds it, and nothing is left of it.
		file, err := os.CreateTemp(dir, f.name)
		if err == nil {
			*f.into = file
			err = os.Remove(file.Name())
		}
		if err != nil {
			files.close()
			return outputFiles{}, fmt.Errorf("make output file: %w", err)
		}
	}
	return files, nil
}

func (f outputFiles) close() {
	for _, file := range []*os.File{f.stdout, f.stderr} {
		if file != nil {
			_ = file.Close()
		}
	}
}

// kept is the beginning of a file, at most limit bytes, and a line that says so
// if that is not all. Bytes that are no UTF-8 are replaced: JSON has no others.
func (f outputFiles) kept(file *os.File, limit int) (string, error) {
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("look at output: %w", err)
	}
	head := make([]byte, min(info.Size(), int64(limit)))
	if _, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read output: %w", err)
	}
	text := strings.ToValidUTF8(string(head), "\uFFFD")
	if info.Size() > int64(limit) {
		text += fmt.Sprintf("\n[cut here: %d bytes in all]\n", info.Size())
	}
	return text, nil
}

// over reports whether an output is larger than limit.
func (f outputFiles) over(limit int64) (bool, error) {
	for _, file := range []*os.File{f.stdout, f.stderr} {
		info, err := file.Stat()
		if err != nil {
			return false, fmt.Errorf("look at output: %w", err)
		}
		if info.Size() > limit {
			return true, nil
		}
	}
	return false, nil
}

// memoryRefused reports whether a failed program said that it was refused memory.
// A C program that does not look at what malloc returned cannot be told from
// another that follows a null pointer.
func (f outputFiles) memoryRefused(l toolchain.Language, end ending) (bool, error) {
	info, err := f.stderr.Stat()
	if err != nil {
		return false, fmt.Errorf("look at output: %w", err)
	}
	tail := make([]byte, min(info.Size(), 4<<10))
	if _, err := f.stderr.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read output: %w", err)
	}
	return l.RefusedMemory(tail, end.signal == syscall.SIGABRT), nil
}

func (f outputFiles) equal(c judging.Checker, expected string) (bool, error) {
	want, err := os.Open(expected)
	if err != nil {
		return false, fmt.Errorf("open expected output: %w", err)
	}
	defer func() { _ = want.Close() }()
	if _, err := f.stdout.Seek(0, io.SeekStart); err != nil {
		return false, fmt.Errorf("read output: %w", err)
	}
	checker := NewChecker(c, want)
	if _, err := io.Copy(checker, f.stdout); err != nil {
		return false, fmt.Errorf("read output: %w", err)
	}
	return checker.Equal()
}

// imageKB is how much address space the segments of a program take.
func imageKB(path string) (int64, error) {
	file, err := elf.Open(path)
	if err != nil {
		return 0, fmt.Errorf("read program: %w", err)
	}
	defer func() { _ = file.Close() }()
	var sum uint64
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_LOAD {
			sum += segment.Memsz
		}
	}
	return int64(sum >> 10), nil
}

func enoughDisk(dir string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look at free disk: %w", err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < minFreeDisk {
		return fmt.Errorf("disk is full: %d bytes free", free)
	}
	return nil
}

// userThreads counts the threads of our user.
func userThreads() int64 {
	var sum int64
	for _, pid := range processes() {
		if uid, ok := userOf(pid); !ok || uid != os.Getuid() {
			continue
		}
		if s, ok := readStat(pid); ok {
			sum += int64(s.threads)
		}
	}
	return sum
}
