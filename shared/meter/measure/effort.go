package measure

import (
	"context"
	"runtime"

	"runlease/shared/meter/figure"
)

// Allocations is how many a repetition makes, over so many.
func Allocations(ctx context.Context, do func(context.Context) error, times int) (float64, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if err := do(ctx); err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		if err := do(ctx); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(times), nil
}

// knownAllocations are the ratios of the handlers that miss the goal, with some
// room, and where their allocations are. A ratio must not grow beyond them.
var knownAllocations = map[string]float64{
	"claim-job": 1.55, "get-code": 1.60, "heartbeat": 1.45, "complete-job": 1.90, "sync": 1.65,
}

const allocationsWhy = "its own work beside AWS's calls: JSON in and out, the difference of two items, signed URLs"

// KnownCPU is the same of CPU, by function.
var KnownCPU = map[string]float64{
	"create-job": 1.90, "list-jobs": 1.80, "claim-job": 2.20, "get-code": 2.60, "heartbeat": 1.90, "complete-job": 3.20, "sync": 2.40,
}

// AllocationFigures is what handlers allocate, as a multiple of their bare calls.
func AllocationFigures(t T, handlers []Handler) []figure.Figure {
	const times = 200
	var figures []figure.Figure
	for _, h := range handlers {
		own, err := Allocations(t.Context(), h.Handle, times)
		if err != nil {
			t.Fatal(err)
		}
		bare, err := Allocations(t.Context(), h.Bare, times)
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, figure.AtMost("handler_alloc_ratio_"+h.Function, own/bare, "times its bare calls", AllocsGoal).
			Rounded(2).KnownMiss(knownAllocations[h.Function], allocationsWhy))
	}
	return figures
}
