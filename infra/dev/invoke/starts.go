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
	"slices"
	"strings"
	"time"

	"runlease/infra/dev/invoke/runtimeapi"
	"runlease/infra/grants"
)

// The most that a start may cost, as a multiple of that of an empty function.
const (
	goalOneClient   = 1.5
	goalMoreClients = 1.8
)

// started is what the starts of one function took.
type started struct {
	name    string
	clients []string      // of AWS services that it links
	cpu     time.Duration // user and system, median, from exec to the first GET of an event
	size    int64         // of the bootstrap, bytes
	ratio   float64       // to the empty function
}

// goal is the largest ratio that is good, or 0 if there is none.
func (s started) goal() float64 {
	switch len(s.clients) {
	case 0:
		return 0
	case 1:
		return goalOneClient
	}
	return goalMoreClients
}

// measureStarts prints the table of starts and fails if one costs too much.
func measureStarts(ctx context.Context, out io.Writer, binaries string, times int, asJSON bool) error {
	table, err := starts(ctx, binaries, times)
	if err != nil {
		return err
	}
	if asJSON {
		return printStarts(out, table)
	}
	fmt.Fprintf(out, "%-18s %8s %10s %7s %6s  %s\n", "function", "MB", "CPU ms", "ratio", "goal", "AWS clients")
	missed := 0
	for _, s := range table {
		goal, mark := "", ""
		if s.goal() > 0 {
			goal = fmt.Sprintf("%.1f", s.goal())
			if s.ratio > s.goal() {
				mark = "  missed"
				missed++
			}
		}
		fmt.Fprintf(out, "%-18s %8.2f %10.1f %7.2f %6s  %s%s\n",
			s.name, float64(s.size)/1e6, float64(s.cpu.Microseconds())/1000, s.ratio, goal, strings.Join(s.clients, " "), mark)
	}
	if missed > 0 {
		return fmt.Errorf("%d functions take more than their goal to start", missed)
	}
	return nil
}

// printStarts prints the table for programs, without the empty function.
func printStarts(out io.Writer, table []started) error {
	type row struct {
		Function string  `json:"function"`
		Ratio    float64 `json:"ratio"`
		Goal     float64 `json:"goal"` // 0 if there is none
	}
	var rows []row
	for _, s := range table[1:] {
		rows = append(rows, row{s.name, s.ratio, s.goal()})
	}
	if err := json.NewEncoder(out).Encode(rows); err != nil {
		return fmt.Errorf("print starts: %w", err)
	}
	return nil
}

// starts measures every function and the empty one, in turns, so that what else
// the machine does meets all alike. The empty one comes first.
func starts(ctx context.Context, binaries string, times int) ([]started, error) {
	scratch, err := os.MkdirTemp("", "runlease-empty-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(scratch)
	empty := filepath.Join(scratch, "bootstrap")
	if err := buildFunction(ctx, "runlease/infra/dev/invoke/empty", empty); err != nil {
		return nil, err
	}
	paths := []string{empty}
	table := []started{{name: "(empty)"}}
	for _, name := range grants.Functions() {
		paths = append(paths, filepath.Join(binaries, name, "bootstrap"))
		table = append(table, started{name: name})
	}
	linked, err := clients(ctx)
	if err != nil {
		return nil, err
	}
	samples := make([][]time.Duration, len(table))
	for round := range times + 1 {
		for i := range table {
			cpu, err := startOnce(ctx, paths[i], table[i].name)
			if err != nil {
				return nil, err
			}
			if round > 0 { // the first fills the page cache
				samples[i] = append(samples[i], cpu)
			}
		}
	}
	for i := range table {
		slices.Sort(samples[i])
		table[i].cpu = samples[i][len(samples[i])/2]
		table[i].ratio = float64(table[i].cpu) / float64(table[0].cpu)
		table[i].clients = linked[table[i].name]
		info, err := os.Stat(paths[i])
		if err != nil {
			return nil, fmt.Errorf("measure size: %w", err)
		}
		table[i].size = info.Size()
	}
	return table, nil
}

// buildFunction builds as the Makefile does, for this machine.
func buildFunction(ctx context.Context, pkg, to string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", to, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", pkg, err, text)
	}
	return nil
}

// startOnce is the CPU time of one start.
func startOnce(ctx context.Context, bootstrap, name string) (time.Duration, error) {
	// No call is made before the first event, so any values do.
	env := map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "RUNLEASE_STAGE": "start",
		"AWS_LAMBDA_LOG_LEVEL": "ERROR",
	}
	for _, variable := range grants.Env(grants.All()[name]) {
		env[variable] = "http://127.0.0.1/" + variable
	}
	p, err := runtimeapi.Start(ctx, runtimeapi.Function{Bootstrap: bootstrap, Name: name, Env: env})
	if err != nil {
		return 0, err
	}
	return p.Stop(), nil
}

const servicePackage = "github.com/aws/aws-sdk-go-v2/service/"

// clients lists the clients of AWS services that each function links.
func clients(ctx context.Context) (map[string][]string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-tags", "lambda.norpc", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "runlease/functions/...")
	text, err := list.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("list what functions link: %w", err)
	}
	linked := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], "runlease/functions/")
		for _, dep := range fields[1:] {
			service, isService := strings.CutPrefix(dep, servicePackage)
			if isService && !strings.Contains(service, "/") {
				linked[name] = append(linked[name], service)
			}
		}
	}
	return linked, nil
}
