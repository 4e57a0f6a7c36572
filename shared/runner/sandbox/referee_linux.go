package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/criyle/go-sandbox/container"
	"golang.org/x/sys/unix"

	"runlease/shared/casefile"
	"runlease/shared/judging"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/toolchain"
)

// A referee's files are links at the root of its box to its descriptors.
const (
	inputPath    = "/input"
	outputPath   = "/output"
	answerPath   = "/answer"
	firstOfFiles = 3
)

// messageFile is where a referee of Kattis's protocol leaves its message; its
// folder is its working directory.
const messageFile = workDir + "/judgemessage.txt"

// referee is the program of the problem that decides. Its box is made like that
// of a submission: its author is not trusted either.
type referee struct {
	s       *Sandbox
	box     *box
	program program
	checker judging.Checker
	kind    kind
}

// referee compiles the problem's checker, or takes what an earlier job has
// compiled, and makes its box on the core of the job.
func (s *Sandbox) referee(ctx context.Context, in execute.Input, core int) (*referee, error) {
	l, err := s.spoken(in.Checker.Language)
	if err != nil {
		return nil, fmt.Errorf("the checker: %w", err)
	}
	kind := s.kind(l, fileLinks()...)
	b, err := s.takeBox(kind, core)
	if err != nil {
		return nil, err
	}
	r := &referee{s: s, box: b, checker: in.Checker, kind: kind}
	if err := execute.CopyReferee(in, b.sources()); err != nil {
		r.close()
		return nil, fmt.Errorf("fill directory of a box: %w", err)
	}
	if r.program, err = s.compileReferee(ctx, b, l, in); err != nil {
		r.close()
		return nil, fmt.Errorf("compile %s: %w", in.Checker.Path(), err)
	}
	return r, nil
}

func fileLinks() []container.SymbolicLink {
	var links []container.SymbolicLink
	for i, path := range []string{inputPath, outputPath, answerPath} {
		links = append(links, container.SymbolicLink{LinkPath: path, Target: fmt.Sprintf("/proc/self/fd/%d", firstOfFiles+i)})
	}
	return links
}

func (s *Sandbox) compileReferee(ctx context.Context, b *box, l spoken, in execute.Input) (program, error) {
	if l.Artifact != toolchain.Program {
		return s.compile(ctx, b, l, in.RefereeInput())
	}
	kept, err := execute.OpenReferee(ctx, in.RefereeFile)
	if err != nil {
		return program{}, err
	}
	defer kept.Close()
	binary, err := kept.Program()
	if err != nil {
		return program{}, err
	}
	if binary != nil {
		executable, err := sealed(binary, true)
		prog := program{language: l, place: s.place(b, l), executable: executable}
		prog.place.Out = startedAs
		return prog, err
	}
	begin := time.Now()
	prog, err := s.compile(ctx, b, l, in.RefereeInput())
	s.trace("compile checker", begin)
	if err != nil || prog.reject != "" {
		return prog, err
	}
	if err := kept.Keep(io.NewSectionReader(prog.executable, 0, maxExecutable)); err != nil {
		prog.close()
		return program{}, err
	}
	return prog, nil
}

func (r *referee) close() {
	r.program.close()
	r.s.closeLater(r.box)
	r.s.makeAhead(r.kind)
}

// run is how a referee is run; its message comes out of said.
func (r *referee) run(args ...string) (one run, said *sink, err error) {
	cpu, wall := execute.RefereeTime(r.checker)
	l, place := r.program.language, r.program.place
	place.MemoryKB = execute.RefereeMemory(r.checker)
	said = &sink{limit: execute.RefereeOutput, keep: execute.RefereeMessage}
	return run{
		args: append(place.Words(l.Run), args...), env: l.Env(environment, place),
		executable: r.program.executable, referee: true,
		stdout: said, stderr: said, filter: r.s.programs,
		cpu: cpu, wall: wall, memory: (place.MemoryKB + l.MemoryHeadroomKB) << 10, stack: place.MemoryKB << 10,
		file: execute.RefereeFileBytes, processes: execute.RefereeProcesses,
	}, said, r.program.asMade()
}

// ended takes what a referee has said, and clears its box. An error is a fault of
// the machine.
func (r *referee) ended(end ending, said *sink) (seen execute.Seen, message string, err error) {
	message = string(said.kept)
	if r.checker.Protocol == judging.Kattis {
		if text := r.box.readSome(messageFile, execute.RefereeMessage); text != "" {
			message = text
		}
	}
	if err := r.box.clear(r.s); err != nil {
		return execute.Seen{}, "", fmt.Errorf("the checker: %w", err)
	}
	if err := end.fault(); err != nil {
		return execute.Seen{}, "", fmt.Errorf("the checker: %w", err)
	}
	source := r.program.language.Source
	message = strings.NewReplacer(sourceDir+"/"+source, r.checker.File, sourceDir+"/", "", workDir+"/", "").Replace(message)
	return end.seen(execute.RefereeProcesses), message, nil
}

// readSome reads the beginning of a regular file of the box; it returns "" if there is none.
func (b *box) readSome(path string, most int64) string {
	opened, err := b.env.Open([]container.OpenCmd{{Path: path, Flag: os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK}})
	if err != nil || opened[0].Err != nil {
		return ""
	}
	defer func() { _ = opened[0].File.Close() }()
	if info, err := opened[0].File.Stat(); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	text, _ := io.ReadAll(io.LimitReader(opened[0].File, most))
	return string(text)
}

// judgement decides on the output of a case.
type judgement struct {
	take   func([]byte) // the output, as it comes
	decide func() (status, reason string, err error)
	close  func()
}

// judge is how a case is decided: by comparing, or by the problem's checker, which
// reads the output when it is complete.
func (s *Sandbox) judge(ctx context.Context, r *referee, in execute.Input, data string) (judgement, error) {
	if r == nil {
		expected, err := os.Open(data + casefile.Out)
		if err != nil {
			return judgement{}, fmt.Errorf("open expected output: %w", err)
		}
		comparison := execute.NewChecker(in.Checker, expected)
		return judgement{
			func(p []byte) { _, _ = comparison.Write(p) }, execute.Compared(comparison.Equal), func() { _ = expected.Close() },
		}, nil
	}
	expected, err := s.input(data + casefile.Out)
	if err != nil {
		return judgement{}, err
	}
	// A second copy: the submission may have closed its own to its user by then.
	input, err := s.input(data + casefile.In)
	if err != nil {
		_ = expected.Close()
		return judgement{}, err
	}
	output, err := sealed(strings.NewReader(""), false)
	if err != nil {
		_, _ = expected.Close(), input.Close()
		return judgement{}, err
	}
	var lost error
	return judgement{
		func(p []byte) {
			if lost == nil {
				_, lost = output.Write(p)
			}
		},
		func() (string, string, error) {
			if lost != nil {
				return "", "", fmt.Errorf("keep the output for the checker: %w", lost)
			}
			if err := sealFile(output); err != nil {
				return "", "", err
			}
			return r.check(ctx, input, output, expected)
		},
		func() { _, _, _ = expected.Close(), input.Close(), output.Close() },
	}, nil
}

// check runs a checker on the files of a case.
func (r *referee) check(ctx context.Context, input, output, answer *os.File) (status, reason string, err error) {
	args := []string{inputPath, outputPath, answerPath}
	if r.checker.Protocol == judging.Kattis {
		args = []string{inputPath, answerPath, workDir + "/"}
	}
	begin := time.Now()
	one, said, err := r.run(args...)
	if err != nil {
		return "", "", err
	}
	one.files = []*os.File{input, output, answer}
	if r.checker.Protocol == judging.Kattis {
		one.stdin = output
	}
	end, err := r.box.run(ctx, r.s, one)
	if err != nil {
		return "", "", fmt.Errorf("run the checker: %w", err)
	}
	seen, message, err := r.ended(end, said)
	if err != nil {
		return "", "", err
	}
	r.s.trace("check", begin)
	status, reason = execute.Rule(r.checker, seen, message)
	return status, reason, nil
}
