package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/bill"
	"runlease/shared/deployment"
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
		"-jobs 0 -runners 60 -doorbell=false",
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

// ownPrices is a file of the listed prices with this in place of what PUTs cost.
func ownPrices(t *testing.T, puts string) string {
	t.Helper()
	list, err := bill.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := bytes.Cut(text, []byte(`"dollars":0.005,`))
	if !found {
		t.Fatalf("PUTs have another price than 0.005:\n%s", text)
	}
	file := filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(file, slices.Concat(before, []byte(puts), after), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestOwnPrices doubles one price and finds it in the total, and nothing else.
func TestOwnPrices(t *testing.T) {
	file := ownPrices(t, `"dollars":0.01,`)
	_, before, _ := costs(t, "-runners", "0", "-code-bytes", "4096")
	exit, after, explained := costs(t, "-runners", "0", "-code-bytes", "4096", "-prices", file)
	if exit != 0 {
		t.Fatal(explained)
	}
	differ := 0
	was := strings.Split(before, "\n")
	for i, line := range strings.Split(after, "\n") {
		if line != was[i] && strings.Contains(line, "(s3.puts)") {
			differ++
			if !strings.Contains(line, " 10.00 ") || !strings.Contains(was[i], " 5.00 ") {
				t.Errorf("got %q, before %q; want 10.00 instead of 5.00 for the PUTs of a million jobs", line, was[i])
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
		{"help", "-h", 0, "-jobs"},
		{"flow", "-flow both", 2, "-flow"},
		{"API", "-api websocket", 2, "-api"},
		{"argument", "now", 2, "unexpected"},
		{"negative", "-jobs -1", 1, "0 or more"},
		{"not a number of jobs", "-jobs NaN", 1, "0 or more"},
		{"too few runners", "-jobs 1e6 -seconds 8 -runners 1", 1, "at least 4"},
		{"no file", "-prices " + wrong + ".not", 1, "read prices"},
		{"prices missing", "-prices " + wrong, 1, "no price of api.http"},
		{"a price without dollars", "-prices " + ownPrices(t, ""), 1, "no price of s3.puts"},
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
				FunctionName any // an alarm has one too
				MemorySize   float64
				Metrics      []struct{ MetricStat any }
			}
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	got := bill.Units{}
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
			given, _ := r.Properties.FunctionName.(string)
			name, own := strings.CutPrefix(given, "runlease-prod-")
			if want := float64(deployment.SizeOf(name).MemoryMB); !own || r.Properties.MemorySize != want {
				t.Errorf("%s (%q) has %g MB, the bill says %g", id, name, r.Properties.MemorySize, want)
			}
		}
	}
	c, err := bill.Cost(bill.Load{Flow: bill.Compat})
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
	prices, err := bill.ListPrices()
	if err != nil {
		t.Fatal(err)
	}
	price := func(load bill.Load, flow bill.Flow, of func(bill.Costs) bill.Units) string {
		load.Flow, load.Seconds, load.Doorbell = flow, 8, true
		if load.Code == 0 {
			load.Code = bill.CodeBytes
		}
		c, err := bill.Cost(load)
		if err != nil {
			t.Fatal(err)
		}
		_, dollars := prices.Bill(of(c))
		return fmt.Sprintf("%.2f", dollars)
	}
	all := func(c bill.Costs) bill.Units { return c.Jobs }
	part := func(p bill.Part) func(bill.Costs) bill.Units {
		return func(c bill.Costs) bill.Units { return c.Parts[p] }
	}
	million := bill.Load{Jobs: 1e6, Outputs: 100}
	for _, row := range []struct {
		name string
		load bill.Load
		of   func(bill.Costs) bill.Units
	}{
		{"1 M jobs, HTTP API", million, all},
		{"of it handing a job in: create, its message, its code", million, part(bill.Create)},
		{"of it the runner's calls", million, part(bill.Work)},
		{"of it reading its verdict once", million, part(bill.Verdict)},
		{"of it keeping item, outputs and code (90, 90, 94 days)", million, part(bill.Storage)},
		{"of it records of runners, metrics, writing the index of final jobs by problem", million, part(bill.Operator)},
		{"1 M jobs whose outputs pack to 2 KB", bill.Load{Jobs: 1e6, Outputs: 2048}, all},
		{"1 M jobs with 4 KB of outputs, an object each", bill.Load{Jobs: 1e6, Outputs: 4096}, all},
		{"1 M jobs with 1 KB of code", bill.Load{Jobs: 1e6, Outputs: 100, Code: 1024}, all},
		{"1 M jobs with 4 KB of code, an object each", bill.Load{Jobs: 1e6, Outputs: 100, Code: 4096}, all},
		{"1 M jobs, REST API", bill.Load{Jobs: 1e6, Outputs: 100, REST: true}, all},
		{"20 runners that wait all month", bill.Load{Runners: 20}, func(c bill.Costs) bill.Units { return c.Idle }},
		{"1 M requests that a function refuses; what API Gateway throttles costs nothing", bill.Load{}, func(c bill.Costs) bill.Units {
			million := bill.Units{}
			for name, units := range c.Refused {
				million[name] = 1e6 * units
			}
			return million
		}},
		{"the same of stage `dev`, without them", bill.Load{Dev: true}, func(c bill.Costs) bill.Units { return c.Standing }},
		{"the deployment, idle, a month (alarms, metrics and the dashboard, almost)", bill.Load{}, func(c bill.Costs) bill.Units { return c.Standing }},
	} {
		want := fmt.Sprintf("| %s | %s | %s |", row.name, price(row.load, bill.Sync, row.of), price(row.load, bill.Compat, row.of))
		if !strings.Contains(string(text), want) {
			t.Errorf("README.md has no row %s", want)
		}
	}
}
