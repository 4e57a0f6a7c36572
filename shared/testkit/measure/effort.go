package measure

import (
	"context"
	"runtime"

	"runlease/shared/testkit/figure"
)

// Allocations is how many a repetition makes, on average.
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

// OwnCPU is the most that a function may do itself for a request, in µs of CPU: its
// request less its bare calls of AWS, on the canned transport. It must not grow.
var OwnCPU = map[string]float64{"get-code": 35, "complete-job": 104, "sync": 204}

// KnownOwnCPU is the most that is known of the routes that miss it on a machine that has
// other work, and OwnCPUWhy is why.
var KnownOwnCPU = map[string]float64{"get-code": 60, "complete-job": 130, "sync": 290}

// OwnCPUWhy is why.
const OwnCPUWhy = "measured beside other programs on two cores; get-code and sync read short code and write it in base64 since it travels in replies"

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
