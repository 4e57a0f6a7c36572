package fleet

import (
	"fmt"
	"slices"
	"time"

	"runlease/shared/bill"
	"runlease/shared/testkit/figure"
)

// The faults that waits are measured with. Always is the harder reading of dead
// connections: with 3 of 100 rings unheard, no server that sends one message for
// a job can bring the 99th job below the poll, the sweep or the next free runner.
var (
	someFaults   = Faults{Rings: 0.01, Dead: 0.02, Misses: 0.3}
	alwaysFaults = Faults{Rings: 0.01, Dead: 0.02, Misses: 0.3, Always: true}
)

const jobs = "jobs"

// rung is a fleet that waits for rings.
type rung struct {
	runners   int
	name      string
	perHour   float64
	burst     int
	p50, p99  float64       // budgets in seconds; 0: none
	long      time.Duration // of virtual time
	polledFor time.Duration // and without a doorbell, where there is more to do
}

var rungs = []rung{
	{1, "lone", 12, 0, 0, 30, 1200 * time.Hour, 20 * time.Hour},
	{20, "20_runners", 60, 0, 0.15, 5, 100 * time.Hour, 20 * time.Hour},
	{2000, "bursts_2000_runners", 30_000, 1000, 0, 1, 6 * time.Minute, 6 * time.Minute},
}

func (f rung) play(seed uint64, bell bool, faults Faults) ([]time.Duration, Outcome, error) {
	s := Scene{
		Seed: seed, Flow: bill.Sync, Runners: f.runners, Job: 6 * time.Second, For: f.long, Settle: 90 * time.Second,
		Told: true, Sweeps: true, Doorbell: bell, Faults: faults,
		Streams: []Stream{{Name: jobs, PerSecond: f.perHour / time.Hour.Seconds(), Burst: f.burst, Groups: 50}},
	}
	if !bell {
		s.For = f.polledFor
	}
	o, err := Run(s)
	if err == nil && len(o.Waits[jobs]) < 100 {
		err = fmt.Errorf("%d jobs in all", len(o.Waits[jobs]))
	}
	return o.Waits[jobs], o, err
}

// WaitFigures is how long jobs wait for a claim in fleets of these sizes that hear
// the doorbell, all if there are none, and beside it in the same fleets without one.
func WaitFigures(sizes ...int) ([]figure.Figure, error) {
	var figures []figure.Figure
	for _, f := range rungs {
		if len(sizes) > 0 && !slices.Contains(sizes, f.runners) {
			continue
		}
		for _, way := range []struct {
			suffix string
			bell   bool
			faults Faults
		}{{"", true, someFaults}, {"_2_percent_always_dead", true, alwaysFaults}, {"_polled", false, someFaults}} {
			if f.burst > 0 && way.faults.Always { // it is so short that no runner finds out, and the line above is the same
				continue
			}
			_, o, err := f.play(1, way.bell, way.faults)
			if err != nil {
				return nil, err
			}
			p50, p99 := o.quantile(jobs, 1, 2).Seconds(), o.P99(jobs).Seconds()
			name, unit := "doorbell_sim_%s_seconds_"+f.name+way.suffix, "s from queued to claimed"
			middle, late := figure.Stated(fmt.Sprintf(name, "p50"), p50, unit), figure.Stated(fmt.Sprintf(name, "p99"), p99, unit)
			if way.suffix == "" {
				late = figure.AtMost(late.Name, p99, unit, f.p99)
				if f.p50 > 0 {
					middle = figure.AtMost(middle.Name, p50, unit, f.p50)
				}
			}
			figures = append(figures, middle.Rounded(3), late.Rounded(3))
		}
	}
	return figures, nil
}

// LossFigures is the longest that a job waits if no ring at all is heard, and if
// its message was lost.
func LossFigures() ([]figure.Figure, error) {
	// The slow poll with its jitter, and the way there. A message counts as lost after two
	// minutes, at the next sweep, which is at most a minute and its looks at the queue, 3 s,
	// later. The runner that it rings may just have taken another job: then it is rung
	// again a sweep later. Without a doorbell, messages of other jobs are visible for so
	// long that the queue is often not silent at a look: each such look costs two sweeps.
	const poll, sweep = 361, 120 + 60 + 3 + 60
	const seeds = 8 // so that the bound does not hold by the luck of one
	var figures []figure.Figure
	for _, f := range rungs[:2] {
		f.long = 100 * time.Hour
		for _, loss := range []struct {
			name   string
			faults Faults
			budget float64
		}{{"rings", Faults{Rings: 1, Misses: 1e-9}, poll}, {"messages", Faults{Messages: 0.02, Misses: 1e-9}, sweep}} {
			for _, bell := range []bool{true, false} {
				longest := 0.0
				for seed := range uint64(seeds) {
					waits, _, err := f.play(1+seed, bell, loss.faults)
					if err != nil {
						return nil, err
					}
					longest = max(longest, waits[len(waits)-1].Seconds())
					if !bell || loss.name == "rings" {
						break
					}
				}
				name, unit := "doorbell_sim_longest_seconds_lost_"+loss.name+"_"+f.name, "s from queued to claimed"
				if bell {
					figures = append(figures, figure.AtMost(name, longest, unit, loss.budget).Rounded(1))
				} else if loss.name == "messages" {
					figures = append(figures, figure.Stated(name+"_polled", longest, unit).Rounded(1))
				}
			}
		}
	}
	return figures, nil
}
