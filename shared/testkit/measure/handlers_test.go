package measure

import (
	"context"
	"testing"
)

// BenchmarkHandlers is a handler, and its bare calls to AWS; benchstat compares
// the two of each function (-col /of).
func BenchmarkHandlers(b *testing.B) {
	for _, h := range Handlers(b) {
		for name, do := range map[string]func(context.Context) error{"handler": h.Handle, "bare": h.Bare} {
			b.Run("function="+h.Function+"/of="+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := do(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestHandlersAllocateLittle: allocations hardly vary, so they can be tested.
func TestHandlersAllocateLittle(t *testing.T) {
	for _, f := range AllocationFigures(t, Handlers(t)) {
		t.Logf("%-36s %.3f", f.Name, f.Value)
		if f.Failed() {
			t.Errorf("%s: got %v %s, want at most %v", f.Name, f.Value, f.Unit, *f.Budget)
		}
	}
}
