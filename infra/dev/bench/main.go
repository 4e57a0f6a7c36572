// Command bench measures everything that has a budget: calls, units and dollars
// of a job, what backlogs and fleets change about them, the CPU of handlers and
// of starts, the embedded server under load, and how soon its doorbell and that of
// a deployment to MiniStack, which it starts and stops, are heard. It prints one
// table and writes build/bench.json, a list of {name, value, unit, budget, ok}.
//
//	go run ./infra/dev/bench                  everything, some minutes
//	go run ./infra/dev/bench -deterministic   what is the same on every machine
//	go run ./infra/dev/bench -only 'embedded' the parts whose names match
//
// With -before SERVER the embedded server is loaded in turns with one of an earlier
// version, a binary of infra/local.
// It exits with 1 if a budget is missed in a way that is not known.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"text/tabwriter"

	"runlease/shared/runner/execute"
	"runlease/shared/runner/sandbox"
	"runlease/shared/testkit/figure"
)

func main() {
	sandbox.Init()
	execute.Shim()
	deterministic := flag.Bool("deterministic", false, "leave out what depends on the machine")
	file := flag.String("o", filepath.Join("build", "bench.json"), "where to write the figures")
	only := flag.String("only", "", "measure the parts whose names match this regular expression")
	flag.StringVar(&before, "before", "", "an embedded server of an earlier version, to be loaded in turns with this one")
	flag.Parse()
	chosen, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -only:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parts := exact()
	if !*deterministic {
		parts = append(parts, timed()...)
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return !chosen.MatchString(p.name) })
	if err := run(ctx, os.Stdout, os.Stderr, parts, *file); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}

// part is one kind of figures.
type part struct {
	name    string
	figures func(context.Context) ([]figure.Figure, error)
}

var errMissed = errors.New("budgets are missed")

func run(ctx context.Context, out, progress io.Writer, parts []part, file string) error {
	var all []figure.Figure
	for _, p := range parts {
		fmt.Fprintln(progress, "measuring", p.name)
		figures, err := p.figures(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, figures...)
	}
	if err := write(file, all); err != nil {
		return err
	}
	missed, err := table(out, all)
	if err == nil && missed > 0 {
		err = fmt.Errorf("%d %w", missed, errMissed)
	}
	return err
}

func write(file string, all []figure.Figure) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // figures are no secret
		return fmt.Errorf("write figures: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil { //nolint:gosec // as above
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

// table prints the figures, and counts the misses that are not known.
func table(out io.Writer, all []figure.Figure) (missed int, err error) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d cores, %s/%s\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintln(w, "FIGURE\tVALUE\tBUDGET\t\tUNIT")
	var notes []string
	for _, f := range all {
		budget, mark := "", ""
		if sign, n := f.Bound(); sign != "" {
			budget, mark = sign+" "+number(n), "ok"
		}
		switch {
		case f.Failed():
			mark = "MISSED"
			missed++
		case !f.OK:
			notes = append(notes, f.Name+": "+f.Note)
			mark = "missed [" + strconv.Itoa(len(notes)) + "]"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Name, number(f.Value), budget, mark, f.Unit)
	}
	if err := w.Flush(); err != nil {
		return 0, fmt.Errorf("print figures: %w", err)
	}
	for i, note := range notes {
		fmt.Fprintf(out, "[%d] %s\n", i+1, note)
	}
	return missed, nil
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
