package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"time"

	"runlease/shared/testkit/figure"
	"runlease/shared/testkit/measure"
)

// timed is what depends on the machine.
func timed() []part {
	return []part{
		{"CPU of handlers", handlerCPU},
		{"CPU of starts", startCPU},
		{"the embedded server", embedded},
		{"its doorbell", rung},
		{"the doorbell on MiniStack", rungOnMiniStack},
		{"judges of submissions", judges},
		{"the embedded server with a folder", kept},
	}
}

// CPU time is taken in turns, many times, and the least counts: what else the
// machine does can only add.
const (
	cpuRounds  = 15
	cpuRepeats = 400 // so that each round has its share of garbage collection
)

func handlerCPU(ctx context.Context) ([]figure.Figure, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as a deployed function has it
	var figures []figure.Figure
	err := measure.Outside(ctx, func(t measure.T) {
		for _, h := range measure.Handlers(t) {
			own, bare := time.Hour, time.Hour
			for range cpuRounds {
				for _, side := range []struct {
					do    func(context.Context) error
					least *time.Duration
				}{{h.Handle, &own}, {h.Bare, &bare}} {
					before := cpuTime()
					for range cpuRepeats {
						if err := side.do(ctx); err != nil {
							t.Fatal(err)
						}
					}
					*side.least = min(*side.least, (cpuTime()-before)/cpuRepeats)
				}
			}
			figures = append(figures,
				ownShare(h.Function, float64((own-bare).Nanoseconds())/1e3),
				figure.Stated("handler_cpu_microseconds_"+h.Function, float64(own.Microseconds()), fmt.Sprintf("µs of CPU, with %d calls to AWS", h.Calls)))
		}
	})
	return figures, err
}

// ownShare is what a handler does itself.
func ownShare(function string, us float64) figure.Figure {
	name, unit := "own_cpu_us_"+function, "µs of CPU beside its calls to AWS"
	if budget, has := measure.OwnCPU[function]; has {
		return figure.AtMost(name, us, unit, budget).Rounded(0).KnownMiss(measure.KnownOwnCPU[function], measure.OwnCPUWhy)
	}
	return figure.Stated(name, us, unit).Rounded(0)
}

// cpuTime is what this process has used, user and system.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// startCPU runs the command that starts the built functions.
func startCPU(ctx context.Context) ([]figure.Figure, error) {
	command := exec.CommandContext(ctx, "go", "run", "./infra/dev/invoke", "-start", "-json")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("measure starts (make build-here builds the functions): %w", err)
	}
	var rows []struct {
		Function    string
		Ratio, Goal float64
	}
	if err := json.Unmarshal(out, &rows); err != nil {
		return nil, fmt.Errorf("read starts: %w", err)
	}
	var figures []figure.Figure
	for _, r := range rows {
		name, unit := "start_cpu_ratio_"+r.Function, "times an empty function"
		f := figure.Stated(name, r.Ratio, unit)
		if r.Goal > 0 {
			f = figure.AtMost(name, r.Ratio, unit, r.Goal)
		}
		figures = append(figures, f.Rounded(2))
	}
	return figures, nil
}
