package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"runlease/shared/bill"
)

// cost prints what a month of a deployment costs. It needs no deployment and no
// credentials: the tests of package measure count the requests.
func cost(_ context.Context, op operator, args []string) error {
	f := op.flags("ctl cost")
	var load bill.Load
	f.Float64Var(&load.Jobs, "jobs", 1e6, "jobs in a month")
	f.Float64Var(&load.Seconds, "seconds", 8, "seconds that a job takes its runner")
	f.Float64Var(&load.Runners, "runners", 20, "runners that are connected all the time; 0: leave out what waiting costs")
	f.Float64Var(&load.Poll, "poll", 0, "seconds between two polls of an idle runner; 0: 5 by compat, by sync 300 where runners hear the doorbell, else as many as there are runners, 60 at most")
	f.BoolVar(&load.Doorbell, "doorbell", true, "runners by sync wait for rings; false: they poll")
	f.Float64Var(&load.Outputs, "output-bytes", 100, "bytes of what a job's cases write, packed; more than 2048 are an object of S3")
	f.Float64Var(&load.Code, "code-bytes", bill.CodeBytes, "bytes of a job's code, as a zip; more than 1900 are an object of S3")
	f.Float64Var(&load.Fetched, "testdata-bytes", 0, "bytes of test data that a job makes its runner get, on average; 0: it has them already")
	f.BoolVar(&load.AccessLog, "access-log", false, "API Gateway writes a line for each request too (-c accessLog=true)")
	f.Float64Var(&load.Pools, "pools", 1, "pools of the deployment: beyond one, waits and run times have metrics for each")
	f.BoolVar(&load.Dev, "dev", false, "a deployment without alarms, dashboard and own metrics (-c watch=false, the default of stage dev)")
	flow := f.String("flow", string(bill.Sync), "sync: one call per job; compat: a route for each step, as existing clients do")
	gateway := f.String("api", "http", "http or rest: the kind of API Gateway")
	file := f.String("prices", "", "prices of your own, in the form of shared/bill/prices.json")
	if err := parse(f, args); err != nil {
		return err
	}
	if *gateway != "http" && *gateway != "rest" {
		return misuse(f, "-api: http or rest, not %q", *gateway)
	}
	load.Flow, load.REST = bill.Flow(*flow), *gateway == "rest"
	if load.Flow != bill.Compat && load.Flow != bill.Sync {
		return misuse(f, "-flow: compat or sync, not %q", *flow)
	}
	prices, err := readPrices(*file)
	if err != nil {
		return err
	}
	costs, err := bill.Cost(load)
	if err != nil {
		return err
	}
	return printCosts(op.out, prices, load, *gateway, costs)
}

func readPrices(file string) (bill.Prices, error) {
	if file == "" {
		return bill.ListPrices()
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return bill.Prices{}, fmt.Errorf("read prices: %w", err)
	}
	prices, err := bill.ReadPrices(text)
	if err != nil {
		return bill.Prices{}, fmt.Errorf("%s: %w", file, err)
	}
	return prices, nil
}

func printCosts(to io.Writer, p bill.Prices, l bill.Load, gateway string, c bill.Costs) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(table, format+"\n", args...) }

	line("Prices of %s, %s. %s", p.Region, p.Date, p.Note)
	total := 0.0
	section := func(title string, units bill.Units) float64 {
		lines, sum := p.Bill(units)
		line("")
		line("%s", title)
		line("UNITS\tDOLLARS\tSHARE\t  OF")
		for _, b := range lines {
			line("%s\t%.2f\t%s\t  %s (%s)", number(b.Units), b.Dollars, share(b.Dollars, sum), p.Of[b.Name].Unit, b.Name)
		}
		line("\t%.2f\t\t  in all", sum)
		total += sum
		return sum
	}
	sum := section(fmt.Sprintf("%s jobs of %g s, flow %s, %s API", number(l.Jobs), l.Seconds, l.Flow, strings.ToUpper(gateway)), c.Jobs)
	line("One job: %d API calls, of them %.0f heartbeats; %.2f write units, %.2f read units; %d requests to SQS, %.0f to S3.",
		c.Job.APICalls, c.Heartbeats, perJob(c, l, "dynamodb.writes"), perJob(c, l, "dynamodb.reads"), count(c.Job, "sqs "), perJob(c, l, "s3.puts")+perJob(c, l, "s3.gets"))
	if l.Jobs > 0 {
		line("A million jobs: %.2f dollars.", sum/l.Jobs*1e6)
		line("")
		line("\tDOLLARS\tSHARE\t  FOR")
		for _, part := range bill.Parts() {
			_, dollars := p.Bill(c.Parts[part])
			line("\t%.2f\t%s\t  %s", dollars, share(dollars, sum), purposes[part])
		}
	}
	if l.Jobs > 0 {
		_, out := p.Bill(c.Out)
		_, announced := p.Bill(c.Announce)
		line("Beside it, for a million jobs: %.2f dollars for what leaves AWS, if runners and backend are elsewhere; about %.2f to announce them in place of reading verdicts.",
			out/l.Jobs*1e6, announced/l.Jobs*1e6)
	}
	if l.Runners > 0 {
		section(fmt.Sprintf("%s runners while they wait: %s polls, %s heartbeats without a job", number(l.Runners), number(c.Polls), number(c.IdleHeartbeats)), c.Idle)
		line("A runner that waits all month: %.2f dollars.", idleRunner(p, l))
	}
	section("The deployment, whether used or not", c.Standing)
	line("")
	line("A month: %.2f dollars.", total)
	_, refused := p.Bill(c.Refused)
	line("A million requests that are refused: %.2f dollars.", refused*1e6)
	line("")
	line("Assumed, not measured:")
	for _, a := range bill.Assumptions() {
		line("- %s", a)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print costs: %w", err)
	}
	return nil
}

// purposes names what the parts of a job's cost are for.
var purposes = map[bill.Part]string{
	bill.Create:   "handing it in (create)",
	bill.Work:     "the runner's calls (work)",
	bill.Outputs:  "storing what its cases wrote (outputs)",
	bill.Verdict:  "reading its verdict (verdict)",
	bill.Storage:  "keeping it, its code and its outputs (storage)",
	bill.Operator: "records of runners, metrics, writing the index of final jobs (operator)",
}

// idleRunner is what one of the waiting runners costs in a month without jobs.
func idleRunner(p bill.Prices, l bill.Load) float64 {
	l.Jobs = 0
	c, err := bill.Cost(l)
	if err != nil { // it was good with jobs
		return 0
	}
	_, sum := p.Bill(c.Idle)
	return sum / l.Runners
}

// perJob is the units of one job, its outputs and its code included.
func perJob(c bill.Costs, l bill.Load, name string) float64 {
	if l.Jobs == 0 {
		return 0
	}
	return c.Jobs[name] / l.Jobs
}

// count counts requests to AWS by the start of their name.
func count(r bill.Request, prefix string) int {
	n := 0
	for name, k := range r.AWS {
		if strings.HasPrefix(name, prefix) {
			n += k
		}
	}
	return n
}

func share(part, of float64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", part/of*100)
}

// number writes a number with commas; small ones with three digits behind the point.
func number(n float64) string {
	if n < 100 && n != float64(int(n)) {
		return strconv.FormatFloat(n, 'f', 3, 64)
	}
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
