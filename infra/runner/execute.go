package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
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

// judge is what judges jobs.
type judge struct {
	runner.Executor
	close func()
	// speak finds out which languages it speaks. It calls found with each, and later
	// when the rest will take longer.
	speak func(ctx context.Context, found func(execute.Spoken), later func()) error
}

// newJudge makes the judge that the flags choose, with dir to work in.
func newJudge(ctx context.Context, cfg config, dir string, log *slog.Logger) (judge, error) {
	made := judge{close: func() {}}
	var err error
	switch {
	case cfg.executor != "":
		made.Executor, err = execute.NewCommand(cfg.executor, log)
		return made, err
	case cfg.isolation == isolationNative:
		made.Executor, err = execute.NewNative(execute.NativeConfig{
			Dir: dir, OutputLimit: cfg.outputMB << 20, KeptOutput: cfg.keptKB << 10, Processes: cfg.processes, Log: log,
			Languages: cfg.table, Warm: cfg.warm,
		})
	case !cfg.execute && os.Getuid() != 0:
		// This process holds the token and shows nothing of itself, so it may not
		// make user namespaces. One without a token does, for each job.
		itself := []string{
			"/proc/self/exe", "-work", dir, "-output-mb", fmt.Sprint(cfg.outputMB), "-kept-kb", fmt.Sprint(cfg.keptKB),
			"-processes", fmt.Sprint(cfg.processes), "-warm", cfg.warm, "-languages", cfg.languages,
		}
		made.Executor, err = execute.NewProgram(append(itself[:len(itself):len(itself)], "-execute"), log)
		made.speak = func(ctx context.Context, found func(execute.Spoken), later func()) error {
			return askItself(ctx, append(itself, "-check"), found, later)
		}
		return made, err
	default:
		spares := 2 * cfg.slots // a job may need one for its checker, too
		if cfg.execute {
			spares = 0 // no job comes after this one
		}
		box, err := newSandbox(cfg, dir, spares, log)
		if err != nil {
			return made, err
		}
		made.Executor, made.close = box, box.Close
		if cfg.execute {
			break // what is missing is found when it is needed
		}
		for _, found := range box.Check(ctx) {
			if found.Fault != nil {
				box.Close()
				return judge{}, noSandbox(found.Fault)
			}
			if found.Warning != "" {
				log.WarnContext(ctx, "the sandbox is weaker than it could be", "why", found.Warning)
			}
		}
	}
	made.speak = func(ctx context.Context, found func(execute.Spoken), later func()) error {
		speak(ctx, made.Executor, dir, cfg.table, found, later)
		return nil
	}
	return made, err
}

func newSandbox(cfg config, dir string, spares int, log *slog.Logger) (*sandbox.Sandbox, error) {
	box, err := sandbox.New(sandbox.Config{
		Dir: dir, OutputLimit: cfg.outputMB << 20, KeptOutput: cfg.keptKB << 10, Processes: cfg.processes,
		FirstUID: cfg.sandboxUID, Log: log, Languages: cfg.table, Warm: cfg.warm, Spares: spares,
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
	cfg.warm = cmp.Or(cfg.warm, filepath.Join(dir, "warm"))
	box, err := newSandbox(cfg, dir, 0, slog.New(slog.DiscardHandler))
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
	return checkLanguages(ctx, box, dir, cfg.table, stdout, fail)
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
	judge, err := newJudge(ctx, cfg, dir, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return fail(err)
	}
	defer judge.close()
	cases, err := judge.Run(ctx, in)
	if err != nil {
		return fail(err)
	}
	if err := json.NewEncoder(stdout).Encode(map[string]any{"tasks": cases}); err != nil {
		return fail(fmt.Errorf("write the cases: %w", err))
	}
	return 0
}
