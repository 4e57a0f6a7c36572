package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"

	"runlease/shared/runner"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/sandbox"
)

// Ways to keep programs apart from the machine, of -isolation.
const (
	isolationSandbox = "sandbox"
	isolationNative  = "native"
)

// newExecutor makes the executor that the flags choose. Its close is never nil.
func newExecutor(ctx context.Context, cfg config, dir string, log *slog.Logger) (runner.Executor, func(), error) {
	var executor interface {
		runner.Executor
		Missing() []string
	}
	closing := func() {}
	switch {
	case cfg.executor != "":
		command, err := execute.NewCommand(cfg.executor, log)
		return command, closing, err
	case cfg.isolation == isolationNative:
		native, err := execute.NewNative(execute.NativeConfig{
			Dir: dir, OutputLimit: cfg.outputMB << 20, KeptOutput: cfg.keptKB << 10, Processes: cfg.processes, Log: log,
		})
		if err != nil {
			return nil, closing, err
		}
		executor = native
	case !cfg.execute && os.Getuid() != 0:
		// This process holds the token and shows nothing of itself, so it may not
		// make user namespaces. One without a token does, for each job.
		itself := []string{
			"/proc/self/exe", "-work", dir, "-output-mb", fmt.Sprint(cfg.outputMB), "-kept-kb", fmt.Sprint(cfg.keptKB),
			"-processes", fmt.Sprint(cfg.processes),
		}
		check := exec.CommandContext(ctx, itself[0], append(itself[1:], "-check")...)
		check.Env = []string{}
		if text, err := check.CombinedOutput(); err != nil {
			return nil, closing, errors.New(lastLine(string(text)))
		}
		command, err := execute.NewProgram(append(itself, "-execute"), log)
		return command, closing, err
	default:
		box, err := newSandbox(cfg, dir, log)
		if err != nil {
			return nil, closing, err
		}
		executor, closing = box, box.Close
		if cfg.execute {
			break // what is missing is found when it is needed
		}
		for _, found := range box.Check(ctx) {
			if found.Fault != nil {
				box.Close()
				return nil, func() {}, noSandbox(found.Fault)
			}
			if found.Warning != "" {
				log.WarnContext(ctx, "the sandbox is weaker than it could be", "why", found.Warning)
			}
		}
	}
	for _, tool := range executor.Missing() {
		log.WarnContext(ctx, "not installed, jobs in its language will be given back", slog.String("tool", tool))
	}
	return executor, closing, nil
}

func newSandbox(cfg config, dir string, log *slog.Logger) (*sandbox.Sandbox, error) {
	box, err := sandbox.New(sandbox.Config{
		Dir: dir, OutputLimit: cfg.outputMB << 20, KeptOutput: cfg.keptKB << 10, Processes: cfg.processes,
		FirstUID: cfg.sandboxUID, Log: log,
	})
	if err != nil {
		return nil, noSandbox(err)
	}
	return box, nil
}

func noSandbox(err error) error {
	return fmt.Errorf("sandbox: %w. -isolation native runs programs without a sandbox, which is for trusted code only", err)
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimPrefix(text[strings.LastIndexByte(text, '\n')+1:], "runner: ")
}

// check prints what the sandbox needs and whether it is there; the last line is
// the first fault, on stderr.
func check(ctx context.Context, cfg config, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		_, _ = fmt.Fprintln(stderr, "runner:", err)
		return exitFailed
	}
	dir, err := os.MkdirTemp(cmp.Or(cfg.work, os.TempDir()), "runlease-check-")
	if err != nil {
		return fail(fmt.Errorf("make a directory: %w", err))
	}
	defer func() { _ = os.RemoveAll(dir) }()
	box, err := newSandbox(cfg, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return fail(err)
	}
	defer box.Close()
	for _, found := range box.Check(ctx) {
		switch {
		case found.Fault != nil:
			return fail(noSandbox(found.Fault))
		case found.Warning != "":
			_, _ = fmt.Fprintln(stdout, "warning:", found.What+":", found.Warning)
		default:
			_, _ = fmt.Fprintln(stdout, "ok:", found.What)
		}
	}
	return 0
}

// executeOne judges one submission as the protocol of -executor has it: one JSON
// object in, one out. An error is told on stderr, with exit code 1.
func executeOne(ctx context.Context, cfg config, stdin io.Reader, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		_, _ = fmt.Fprintln(stderr, "runner:", err)
		return exitFailed
	}
	var in execute.Input
	if err := json.NewDecoder(stdin).Decode(&in); err != nil {
		return fail(fmt.Errorf("read what to execute: %w", err))
	}
	dir, err := os.MkdirTemp(cmp.Or(cfg.work, os.TempDir()), "runlease-execute-")
	if err != nil {
		return fail(fmt.Errorf("make a directory: %w", err))
	}
	defer func() { _ = os.RemoveAll(dir) }()
	executor, closing, err := newExecutor(ctx, cfg, dir, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return fail(err)
	}
	defer closing()
	cases, err := executor.Run(ctx, in)
	if err != nil {
		return fail(err)
	}
	if err := json.NewEncoder(stdout).Encode(map[string]any{"tasks": cases}); err != nil {
		return fail(fmt.Errorf("write the cases: %w", err))
	}
	return 0
}
