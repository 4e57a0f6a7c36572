package measure

import (
	"context"
	"runtime"

	"runlease/shared/testkit/figure"
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

// KnownCPU are the ratios of CPU of the handlers, all of which miss the goal,
// with room for a busy machine. A ratio must not grow beyond them.
var KnownCPU = map[string]float64{
	"create-job": 1.75, "list-jobs": 1.70, "claim-job": 1.75, "get-code": 1.90, "heartbeat": 1.80, "complete-job": 1.90, "sync": 1.80,
}

// KnownCPUWhy is why they do.
const KnownCPUWhy = "beside its calls it reads an event and writes a reply and a line of log, 15 µs in a loop of their own and twice that here, where AWS's SDK has emptied the CPU's caches before; the bare calls are such a loop"

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
		figures = append(figures, figure.AtMost("handler_alloc_ratio_"+h.Function, own/bare, "times its bare calls", AllocsGoal).Rounded(3))
	}
	return figures
}
