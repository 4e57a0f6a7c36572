package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"runlease/shared/language"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/unpack"
)

// judgeSolution judges a solution that should be right, and prints a line for
// each case that is not.
func judgeSolution(ctx context.Context, op operator, command, source string, zip io.ReaderAt, size int64, p described) error {
	id, known := language.Of(filepath.Base(source))
	if !known {
		return fmt.Errorf("%s: want a file that is called as the source of a language: main.c, main.cpp, main.py, Main.java, main.go, main.rs or main.js", source)
	}
	executor, err := execute.NewCommand(command, slog.New(slog.NewTextHandler(op.err, nil)))
	if err != nil {
		return fmt.Errorf("%w: -executor names the runner with -execute", err)
	}
	dir, err := os.MkdirTemp("", "runlease-check-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	in := execute.Input{Language: id, SourceDir: filepath.Join(dir, "source"), TestDataDir: filepath.Join(dir, "testdata"), Rules: p.Rules}
	for _, t := range p.Tasks {
		in.Tasks = append(in.Tasks, execute.Task{CaseCount: t.Cases, MemoryLimit: t.MemoryLimit, TimeLimit: t.TimeLimit})
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return fmt.Errorf("read the solution: %w", err)
	}
	for _, sub := range []string{in.SourceDir, in.TestDataDir} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(in.SourceDir, filepath.Base(source)), text, 0o600); err != nil {
		return fmt.Errorf("copy the solution: %w", err)
	}
	if err := unpack.TestData(ctx, zip, size, in.TestDataDir, in.Tasks, in.Checker.Path(), unpack.TestDataLimits); err != nil {
		return fmt.Errorf("unpack the test data: %w", err)
	}
	cases, err := executor.Run(ctx, in)
	if err != nil {
		return fmt.Errorf("judge the solution: %w", err)
	}
	wrong, slowest, largest := 0, int64(0), int64(0)
	for t := range cases {
		for c, got := range cases[t] {
			slowest, largest = max(slowest, got.ExecTime), max(largest, got.MemoryUsage)
			if got.Status == execute.AC {
				continue
			}
			wrong++
			why := strings.TrimSpace(got.Reason + "\n" + got.Stderr)
			_, _ = fmt.Fprintf(op.out, "task %d, case %d: %s\n", t, c, strings.TrimSpace(got.Status+" "+why))
		}
	}
	if wrong > 0 {
		return errors.New("the solution is not accepted")
	}
	_, err = fmt.Fprintf(op.out, "the solution is accepted: at most %d ms and %d KB\n", slowest, largest)
	return err
}
