// Command demo shows the whole path: it publishes problems, hands in
// submissions through the producer API, lets two runners judge them, kills one
// of the runners in the middle of a job, and compares every verdict with the
// one that data/submissions.json expects.
//
//	go run ./infra/dev/demo                          with its own embedded server
//	go run ./infra/dev/demo -endpoint-json FILE|-    against a deployed API
//
// The exit status is 0 if every verdict is as expected and the job whose runner
// was killed was judged by another one, else 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"runlease/shared/runner/toolchain"
	"runlease/shared/testkit/program"
)

// config is what the flags say.
type config struct {
	endpoint string        // file with the endpoint, "-": standard input, "": embedded server
	lease    time.Duration // of every claim
	slots    int           // jobs at once per runner
	limit    time.Duration // for everything but the build
	verbose  bool          // children log to our stderr
}

// What the flags mean when they are not given. A lease of 4 s keeps the demo
// short and is several heartbeats long; a deployed API grants none below 30 s.
// Two runners with a slot each fill two cores; through a network they wait more
// than they work.
const (
	embeddedLease, embeddedSlots = 4 * time.Second, 1
	deployedLease, deployedSlots = 30 * time.Second, 2
)

func main() {
	var c config
	flag.StringVar(&c.endpoint, "endpoint-json", "", `file ("-": standard input) whose last line of JSON names a deployed API: {"url","runnerToken","producerToken"}`)
	flag.DurationVar(&c.lease, "lease", 0, "lease that the runners ask for (default 4s, with -endpoint-json 30s)")
	flag.IntVar(&c.slots, "slots", 0, "jobs at once per runner (default 1, with -endpoint-json 2)")
	flag.DurationVar(&c.limit, "timeout", 15*time.Minute, "give up after this long")
	flag.BoolVar(&c.verbose, "v", false, "show the logs of the server and the runners")
	flag.Parse()
	lease, slots := embeddedLease, embeddedSlots
	if c.endpoint != "" {
		lease, slots = deployedLease, deployedSlots
	}
	if c.lease == 0 {
		c.lease = lease
	}
	if c.slots == 0 {
		c.slots = slots
	}

	// Children have their own process groups, so that a Ctrl-C reaches this
	// program alone and it can end them in order.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, c); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// run is the demo from the build to the summary. Whatever it started has ended
// when it returns.
func run(ctx context.Context, c config) (err error) {
	data, err := loadDataset()
	if err != nil {
		return err
	}
	if names := data.leaveOut(func(tool string) bool { _, err := toolchain.Tool(tool); return err == nil }); len(names) > 0 {
		fmt.Println("left out, since their language is not installed:", strings.Join(names, ", "))
	}
	dir, err := os.MkdirTemp("", "runlease-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Println("building")
	programs := []string{"runner"}
	if c.endpoint == "" {
		programs = append(programs, "local")
	}
	if err := program.Build(dir, programs...); err != nil {
		return err
	}

	began := time.Now()
	signalled := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("not done after %s", c.limit))
	defer cancel()
	f := newFleet(dir, c)
	adoptOrphans()
	defer func() {
		f.stop()
		endOrphans()
		if err != nil && signalled.Err() == nil {
			f.printLogs(os.Stderr)
		}
	}()
	if c.endpoint == "" {
		err = f.startServer(ctx)
	} else {
		f.endpoint, err = readEndpoint(c.endpoint)
	}
	if err != nil {
		return err
	}
	fmt.Println("api", f.endpoint.URL)
	fmt.Println(f.chooseIsolation(ctx))
	if len(f.isolation) > 0 {
		var left int
		data, left = data.withoutPrograms()
		fmt.Printf("%d submissions to problems with a program as checker are left out: those run in the sandbox only\n", left)
	}

	// Ids are new with every run, because a deployed API remembers the last one.
	id := "demo-" + strconv.FormatInt(began.UnixMilli(), 36)
	api := newProducer(f.endpoint)
	if err := publish(ctx, api, data); err != nil {
		return err
	}
	if err := submit(ctx, api, data, id); err != nil {
		return err
	}
	for _, letter := range []string{"a", "b"} {
		if err := f.startRunner(id + "-" + letter); err != nil {
			return err
		}
	}
	return judge(ctx, api, data, f, id, began)
}

// judge watches until every job is final, kills a runner meanwhile, and prints
// the table and the summary.
func judge(ctx context.Context, api *producer, data dataset, f *fleet, id string, began time.Time) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	line := newProgress(os.Stdout, began)
	struck := make(chan strike, 1)
	go func() {
		s, err := strikeRunner(ctx, api, f, jobID(id, data.Killed))
		if err == nil {
			line.note("killed runner %s in the middle of %s; starting another", s.runner, data.Killed)
			err = f.startRunner(id + "-c")
		}
		if err != nil {
			cancel(err)
		}
		struck <- s
	}()
	// A server or a runner that ends on its own ends the demo.
	go func() {
		if err := f.failure(ctx); err != nil {
			cancel(err)
		}
	}()
	jobs, err := watch(ctx, api, jobIDs(id, data), line)
	if err != nil {
		return err
	}
	killed := <-struck
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if jobs[jobID(id, data.Killed)].Generation != killed.generation { // it was judged too soon for the strike
		if jobs, err = watch(ctx, api, jobIDs(id, data), line); err != nil {
			return err
		}
	}
	took := time.Since(began)
	rows := compare(data, jobs, id, killed)
	printTable(os.Stdout, rows, id)
	fmt.Println(summary(rows, took))
	return verdict(rows, data.Killed)
}
