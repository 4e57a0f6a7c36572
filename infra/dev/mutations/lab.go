package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// lab is where mutations are made.
type lab struct {
	root     string // of the module
	limit    time.Duration
	parallel int
	self     string // this program, which stands before the compiler; "": nothing does
	reuse    string // the folder of what was compiled
}

// finding is what came of one mutation.
type finding struct {
	by   string // the test that failed; empty: it survived
	took time.Duration
	err  error // the question could not be answered
}

// examine makes the mutations and prints a line for each, in their order, and
// the sum. Before that, every command must pass on the code as it is.
func (l lab) examine(ctx context.Context, all []mutation, stdout io.Writer) (int, error) {
	began := time.Now()
	if err := l.control(ctx, all); err != nil {
		return 2, err
	}
	findings := make([]chan finding, len(all))
	for i := range findings {
		findings[i] = make(chan finding, 1)
	}
	go l.all(len(all), func(i int) { findings[i] <- l.try(ctx, all[i]) })
	caught, survived := 0, 0
	var failed []error
	for i, m := range all {
		f := <-findings[i]
		verdict := "caught by " + f.by
		switch {
		case f.err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", m.name, f.err))
			verdict = "NO ANSWER"
		case f.by == "":
			survived++
			verdict = "SURVIVED " + commands(m.tests)
		default:
			caught++
		}
		fmt.Fprintf(stdout, "%-2s  %-67s %-29s %4.1f s  %s\n", m.keeps, m.name, strings.TrimPrefix(m.file, "shared/"), f.took.Seconds(), verdict)
	}
	for _, err := range failed {
		fmt.Fprintln(stdout, err)
	}
	fmt.Fprintf(stdout, "made in %.0f s\nmutations %d caught %d survived %d\n", time.Since(began).Seconds(), len(all), caught, survived)
	switch {
	case len(failed) > 0:
		return 2, fmt.Errorf("%d mutations could not be judged", len(failed))
	case survived > 0:
		return 1, nil
	}
	return 0, nil
}

func commands(all []command) string {
	var texts []string
	for _, c := range all {
		texts = append(texts, c.String())
	}
	return strings.Join(texts, "; ")
}

// control runs every command on the code as it is. A test that fails there
// would catch anything.
func (l lab) control(ctx context.Context, all []mutation) error {
	seen := map[command]bool{}
	var each []command
	for _, m := range all {
		for _, c := range m.tests {
			if !seen[c] {
				seen[c] = true
				each = append(each, c)
			}
		}
	}
	faults := make([]error, len(each))
	l.all(len(each), func(i int) {
		c := each[i]
		r, err := l.test(ctx, "", c)
		switch {
		case err != nil:
			faults[i] = fmt.Errorf("without a mutation, %s: %w", c, err)
		case r.failed != "":
			faults[i] = fmt.Errorf("without a mutation, %s: %s fails", c, r.failed)
		case r.passed == 0:
			faults[i] = fmt.Errorf("%s: there is no such test", c)
		}
	})
	return errors.Join(faults...)
}

// all does n things, as many at once as the lab may, and returns after the last.
func (l lab) all(n int, do func(i int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range l.parallel {
		workers.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
}

// try makes one mutation and runs its commands until one fails.
func (l lab) try(ctx context.Context, m mutation) finding {
	began := time.Now()
	by, err := l.caughtBy(ctx, m)
	return finding{by, time.Since(began), err}
}

func (l lab) caughtBy(ctx context.Context, m mutation) (string, error) {
	dir, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := l.overlay(dir, m)
	if err != nil {
		return "", err
	}
	var by []string
	for _, c := range m.tests {
		r, err := l.test(ctx, overlay, c)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c, err)
		}
		if r.failed != "" {
			by = append(by, strings.TrimPrefix(c.pkg, "./shared/")+" "+r.failed)
		}
		if (r.failed == "") == m.each {
			break
		}
	}
	if m.each && len(by) < len(m.tests) {
		return "", nil
	}
	return strings.Join(by, ", "), nil
}

// changedFile is the name of what stands in the place of a mutated file.
const changedFile = "changed.go"

// overlay writes the changed file and the list that puts it in the other's place.
func (l lab) overlay(dir string, m mutation) (string, error) {
	original := filepath.Join(l.root, m.file)
	text, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	changed, err := m.apply(string(text))
	if err != nil {
		return "", err
	}
	replacement := filepath.Join(dir, changedFile)
	if err := os.WriteFile(replacement, []byte(changed), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// test runs one command and reads what it says.
func (l lab) test(ctx context.Context, overlay string, c command) (report, error) {
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, c.args()...)...)
	cmd.Dir = l.root
	flags := os.Getenv("GOFLAGS")
	if overlay != "" {
		flags += " -overlay=" + overlay
	}
	if l.self != "" {
		flags += " '" + exportLess + "' -toolexec=" + l.self
	}
	cmd.Env = append(cmd.Environ(), "GOFLAGS="+flags, reuseIn+"="+l.reuse) // so that what a test builds has it too
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }  // go test takes its own along
	cmd.WaitDelay = 10 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return report{}, ctx.Err()
	}
	return readReport(out, stderr.String(), err == nil)
}
