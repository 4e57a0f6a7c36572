package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync"

	"runlease/shared/runner"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/toolchain"
)

var errNoLanguage = errors.New("no language is spoken here: runner -check tells why each is left out")

// speak checks the languages whose compilers are ready at once, and then the
// others, whose check may take a minute.
func speak(ctx context.Context, e runner.Executor, dir string, table toolchain.Table, found func(execute.Spoken), later func()) {
	atOnce, slow := toolchain.Table{}, toolchain.Table{}
	for id, l := range table {
		if l.Warm {
			slow[id] = l
		} else {
			atOnce[id] = l
		}
	}
	execute.Speak(ctx, e, dir, atOnce, found)
	if len(slow) > 0 {
		later()
		execute.Speak(ctx, e, dir, slow, found)
	}
}

// Lines of runner -check about languages. A runner that may not make boxes reads them.
const (
	spokenLine  = "ok: language %d: %s"
	leftOutLine = "left out: language %d: %s"
	laterLine   = "the other languages may take a minute:"
)

// checkLanguages prints which languages are spoken, and why others are not.
func checkLanguages(ctx context.Context, e runner.Executor, dir string, table toolchain.Table, stdout io.Writer, fail func(error) int) int {
	spoken := 0
	speak(ctx, e, dir, table, func(s execute.Spoken) {
		if s.Fault != nil {
			_, _ = fmt.Fprintf(stdout, leftOutLine+"\n", s.ID, oneLine(s.Name+": "+s.Fault.Error()))
			return
		}
		spoken++
		_, _ = fmt.Fprintf(stdout, spokenLine+"\n", s.ID, fmt.Sprintf("%s: a hello takes %d ms and %d KB", s.Name, s.ExecTime, s.MemoryUsage))
	}, func() { _, _ = fmt.Fprintln(stdout, laterLine) })
	if spoken == 0 {
		return fail(errNoLanguage)
	}
	return 0
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// askItself has another process check the sandbox and the languages.
func askItself(ctx context.Context, args []string, found func(execute.Spoken), later func()) error {
	check := exec.CommandContext(ctx, args[0], args[1:]...)
	check.Env = []string{}
	var faults bytes.Buffer
	check.Stderr = &faults
	out, err := check.StdoutPipe()
	if err != nil {
		return fmt.Errorf("check the sandbox: %w", err)
	}
	if err := check.Start(); err != nil {
		return fmt.Errorf("check the sandbox: %w", err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		var s execute.Spoken
		begin, rest, _ := strings.Cut(line, ": ")
		number, text, _ := strings.Cut(rest, ": ")
		if _, err := fmt.Sscanf(number, "language %d", &s.ID); err == nil {
			if s.Name = text; begin != "ok" {
				s.Fault = errors.New(text)
			}
			found(s)
		}
		if line == laterLine {
			later()
		}
	}
	if err := check.Wait(); err != nil {
		return errors.New(lastLine(faults.String()))
	}
	return nil
}

// languagesOf finds out what a judge speaks. It returns when one language is there
// and the rest will take longer; it adds them when they are ready. end stops that.
func languagesOf(ctx context.Context, cfg config, j judge, log *slog.Logger) (languages *runner.Languages, end func(), err error) {
	if j.speak == nil {
		languages, err = runner.ParseLanguages(cfg.speaks)
		return languages, func() {}, err
	}
	languages = &runner.Languages{}
	ctx, cancel := context.WithCancel(ctx)
	some, done := make(chan struct{}), make(chan struct{})
	var fault error
	go func() {
		defer close(done)
		fault = j.speak(ctx, func(s execute.Spoken) {
			switch {
			case ctx.Err() != nil:
			case s.Fault != nil:
				log.WarnContext(ctx, "language left out", slog.Int("language", s.ID), slog.String("name", s.Name), slog.String("why", oneLine(s.Fault.Error())))
			default:
				languages.Add(s.ID)
				log.InfoContext(ctx, "language", slog.Int("language", s.ID), slog.String("name", s.Name), slog.Int64("took_ms", s.Took.Milliseconds()))
			}
		}, sync.OnceFunc(func() { close(some) }))
	}()
	end = func() { cancel(); <-done }
	select {
	case <-done:
	case <-some:
		if len(languages.List()) == 0 {
			<-done
		}
	}
	if len(languages.List()) == 0 {
		end()
		if fault == nil {
			fault = errNoLanguage
		}
		return nil, nil, fault
	}
	return languages, end, nil
}
