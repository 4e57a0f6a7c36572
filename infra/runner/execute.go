package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

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
	default:
		box, err := sandbox.New(sandbox.Config{
			Dir: dir, OutputLimit: cfg.outputMB << 20, KeptOutput: cfg.keptKB << 10, Processes: cfg.processes,
			FirstUID: cfg.sandboxUID, Log: log,
		})
		if err != nil {
			return nil, closing, fmt.Errorf("sandbox: %w; -isolation native runs programs without one, which is for trusted code only", err)
		}
		executor, closing = box, box.Close
	}
	for _, tool := range executor.Missing() {
		log.WarnContext(ctx, "not installed, jobs in its language will be given back", slog.String("tool", tool))
	}
	return executor, closing, nil
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
