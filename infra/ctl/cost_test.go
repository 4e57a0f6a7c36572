package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/meter"
)

var updateCosts = flag.Bool("update-costs", false, "write cost.golden.txt anew")

func costs(t *testing.T, args ...string) (exit int, out, explained string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	exit = run(t.Context(), operator{out: &stdout, err: &stderr}, append([]string{"cost"}, args...))
	return exit, stdout.String(), stderr.String()
}

// TestCost compares what the README's commands print with a file.
func TestCost(t *testing.T) {
	var got strings.Builder
	for _, args := range []string{
		"-jobs 1e6 -seconds 8 -runners 20",
		"-jobs 1e6 -seconds 8 -runners 20 -flow compat",
		"-jobs 1e6 -seconds 8 -runners 0 -api rest",
		"-jobs 1e6 -seconds 8 -runners 0 -api rest -flow compat",
		"-jobs 1e6 -seconds 130 -runners 100 -poll 30",
		"-jobs 0 -runners 60",
		"-jobs 0 -runners 60 -flow compat",
	} {
		exit, out, explained := costs(t, strings.Fields(args)...)
		if exit != 0 {
			t.Fatalf("%s: exit %d: %s", args, exit, explained)
		}
		got.WriteString("$ ctl cost " + args + "\n" + out + "\n")
	}
	const golden = "cost.golden.txt"
	if *updateCosts {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("costs have changed (-file +now); go test ./infra/ctl -update-costs writes them anew:\n%s", diff)
	}
}

// TestOwnPrices doubles one price and finds it in the total, and nothing else.
func TestOwnPrices(t *testing.T) {
	list, err := meter.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	puts := list.Of["s3.puts"]
	puts.Dollars *= 2
	list.Of["s3.puts"] = puts
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, before, _ := costs(t, "-runners", "0")
	exit, after, explained := costs(t, "-runners", "0", "-prices", file)
	if exit != 0 {
		t.Fatal(explained)
	}
	differ := 0
	was := strings.Split(before, "\n")
	for i, line := range strings.Split(after, "\n") {
		if line != was[i] && strings.Contains(line, "(s3.puts)") {
			differ++
			if !strings.Contains(line, " 20.00 ") || !strings.Contains(was[i], " 10.00 ") {
				t.Errorf("got %q, before %q; want 20.00 instead of 10.00 for 2 PUTs of a million jobs", line, was[i])
			}
		}
	}
	if differ != 1 {
		t.Errorf("%d lines of s3.puts differ, want 1:\n%s", differ, after)
	}
}

func TestCostRefusals(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "wrong.json")
	if err := os.WriteFile(wrong, []byte(`{"prices":{"s3.puts":{"dollars":1,"per":1}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, args string
		exit       int
		explained  string
	}{
		{"flow", "-flow both", 2, "-flow"},
		{"API", "-api websocket", 2, "-api"},
		{"argument", "now", 2, "unexpected"},
		{"negative", "-jobs -1", 1, "0 or more"},
		{"not a number of jobs", "-jobs NaN", 1, "0 or more"},
		{"too few runners", "-jobs 1e6 -seconds 8 -runners 1", 1, "at least 4"},
		{"no file", "-prices " + wrong + ".not", 1, "read prices"},
		{"prices missing", "-prices " + wrong, 1, "no price of api.http"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			exit, out, explained := costs(t, strings.Fields(tc.args)...)
			if exit != tc.exit || !strings.Contains(explained, tc.explained) || out != "" {
				t.Errorf("got exit %d, %q and %q; want %d and %q", exit, explained, out, tc.exit, tc.explained)
			}
		})
	}
}

// TestStandingMatchesTheStack counts what CloudWatch bills for in the stack's
// own template, and the functions whose memory the bill knows.
func TestStandingMatchesTheStack(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "http-prod.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				MemorySize float64
				Metrics    []struct{ MetricStat any }
			}
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	got := meter.Units{}
	for id, r := range template.Resources {
		switch r.Type {
		case "AWS::CloudWatch::Alarm":
			metrics := 0.0
			for _, m := range r.Properties.Metrics {
				if m.MetricStat != nil {
					metrics++
				}
			}
			got["cloudwatch.alarms"] += max(1, metrics)
		case "AWS::CloudWatch::Dashboard":
			got["cloudwatch.dashboards"]++
		case "AWS::Lambda::Function":
			want := 256.0
			if id == "CreateJob" || id == "CompleteJob" || id == "Sync" {
				want = 512
			}
			if r.Properties.MemorySize != want {
				t.Errorf("%s has %g MB, the bill says %g", id, r.Properties.MemorySize, want)
			}
		}
	}
	c, err := meter.Cost(meter.Load{Flow: meter.Compat})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cloudwatch.alarms", "cloudwatch.dashboards"} {
		if c.Standing[name] != got[name] {
			t.Errorf("%s: the stack has %g, the bill says %g", name, got[name], c.Standing[name])
		}
	}
}

// TestREADME: the README's table says what the command prints.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	prices, err := meter.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	bill := func(flow meter.Flow, jobs, runners float64, rest bool, of func(meter.Costs) meter.Units) string {
		c, err := meter.Cost(meter.Load{Flow: flow, Jobs: jobs, Seconds: 8, Runners: runners, REST: rest})
		if err != nil {
			t.Fatal(err)
		}
		_, dollars := prices.Bill(of(c))
		return fmt.Sprintf("%.2f", dollars)
	}
	all := func(c meter.Costs) meter.Units { return c.Jobs }
	part := func(p meter.Part) func(meter.Costs) meter.Units {
		return func(c meter.Costs) meter.Units { return c.Parts[p] }
	}
	for _, row := range []struct {
		name          string
		jobs, runners float64
		rest          bool
		of            func(meter.Costs) meter.Units
	}{
		{"1 M jobs, HTTP API", 1e6, 0, false, all},
		{"of it handing a job in: create, its message, its PUT of code", 1e6, 0, false, part(meter.Create)},
		{"of it the runner's calls", 1e6, 0, false, part(meter.Work)},
		{"of it the PUT of what its cases wrote", 1e6, 0, false, part(meter.Outputs)},
		{"of it reading its verdict once", 1e6, 0, false, part(meter.Verdict)},
		{"of it keeping item, code and outputs (90, 200, 100 days)", 1e6, 0, false, part(meter.Storage)},
		{"1 M jobs, REST API", 1e6, 0, true, all},
		{"20 runners that wait all month", 0, 20, false, func(c meter.Costs) meter.Units { return c.Idle }},
		{"the deployment, idle, a month (alarms and the dashboard, almost)", 0, 0, false, func(c meter.Costs) meter.Units { return c.Standing }},
	} {
		want := fmt.Sprintf("| %s | %s | %s |", row.name,
			bill(meter.Sync, row.jobs, row.runners, row.rest, row.of), bill(meter.Compat, row.jobs, row.runners, row.rest, row.of))
		if !strings.Contains(string(text), want) {
			t.Errorf("README.md has no row %s", want)
		}
	}
}
