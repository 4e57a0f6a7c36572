// Command sim runs the simulation: many seeds on all cores, or one with its trace.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/testkit/sim"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	seeds := flags.Int("seeds", 10_000, "how many seeds to run")
	first := flags.Uint64("first", 1, "the first of them")
	seed := flags.Uint64("seed", 0, "replay this one with its trace")
	last := flags.Int("last", 60, "lines of the trace of a failing seed to show")
	explore := flags.Bool("explore", true, "explore the small scope before")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *seed != 0 {
		report := sim.Replay(*seed, stdout)
		return sum(stdout, []sim.Report{report})
	}
	if *explore && !exploreAll(stdout) {
		return 1
	}
	debug.SetGCPercent(400) // memory is cheap here, time is not
	return many(*first, *seeds, *last, stdout)
}

// many runs seeds on all cores, shows the first that fails, and sums up.
func many(first uint64, seeds, last int, stdout io.Writer) int {
	began := time.Now()
	reports := make([]sim.Report, seeds)
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= seeds {
					return
				}
				reports[i] = sim.Run(first + uint64(i))
			}
		})
	}
	all.Wait()
	var slowest sim.Report
	failed := 0
	for _, r := range reports {
		if r.Recovery > slowest.Recovery {
			slowest = r
		}
		if !r.Failed() {
			continue
		}
		if failed++; failed == 1 {
			show(r.Seed, last, stdout)
		}
		if failed <= 20 {
			fmt.Fprintf(stdout, "seed %d: %s\n", r.Seed, r.Fault)
		}
	}
	if failed > 0 {
		fmt.Fprintf(stdout, "%d of %d seeds failed; the whole trace of one: make sim SEED=...\n", failed, seeds)
	}
	fmt.Fprintf(stdout, "simulated in %.1f s; the slowest recovery took %s of its time (seed %d)\n",
		time.Since(began).Seconds(), slowest.Recovery.Round(time.Second), slowest.Seed)
	return sum(stdout, reports)
}

// show prints the last lines of a seed's trace.
func show(seed uint64, last int, out io.Writer) {
	var trace bytes.Buffer
	sim.Replay(seed, &trace)
	lines := bytes.SplitAfter(trace.Bytes(), []byte("\n"))
	for _, line := range lines[max(0, len(lines)-last):] {
		out.Write(line) //nolint:errcheck // there is nowhere else to say so
	}
}

// sum prints the one line that counts.
func sum(out io.Writer, reports []sim.Report) int {
	var all sim.Report
	code := 0
	for _, r := range reports {
		all.Operations += r.Operations
		all.Lost += r.Lost
		all.Doubled += r.Doubled
		all.Stuck += r.Stuck
		all.Stale += r.Stale
		if r.Failed() {
			code = 1
		}
	}
	fmt.Fprintf(out, "seeds %d operations %d lost %d doubled %d stuck %d stale %d\n",
		len(reports), all.Operations, all.Lost, all.Doubled, all.Stuck, all.Stale)
	return code
}

// exploreAll goes through every scope, as many at once as there are cores.
func exploreAll(out io.Writer) bool {
	began := time.Now()
	type exploration struct {
		run    func() sim.Explored
		broken bool // a rule was taken out: it must find a fault
	}
	explorations := make(chan exploration)
	go func() {
		defer close(explorations)
		for _, scope := range sim.Scopes() {
			explorations <- exploration{run: func() sim.Explored { return sim.Explore(scope) }}
		}
		for _, w := range append(sim.Wakeups(), sim.Sleepers()...) {
			explorations <- exploration{func() sim.Explored { return sim.ExploreWakeups(w) }, w.Broken()}
		}
	}()
	var one sync.Mutex // writer at a time, and what follows
	good, states := true, 0
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for exploration := range explorations {
				start := time.Now()
				e := exploration.run()
				one.Lock()
				states += e.States
				fmt.Fprintf(out, "explored %-58s states %8d transitions %9d, ended from %7d leftovers, %.0f s\n",
					e.Scope, e.States, e.Transitions, e.Ends, time.Since(start).Seconds())
				switch {
				case exploration.broken && !e.Failed():
					good = false
					fmt.Fprintln(out, "a rule of the doorbell was taken out, and no wake-up was lost")
				case exploration.broken:
					fmt.Fprintf(out, "  as it must: %s\n", e.Fault)
				case e.Failed():
					good = false
					fmt.Fprintf(out, "%s\n%s\n", e.Fault, strings.Join(e.Trace, "\n"))
				}
				one.Unlock()
			}
		})
	}
	all.Wait()
	fmt.Fprintf(out, "explored %d states in %.1f s\n", states, time.Since(began).Seconds())
	return good
}
