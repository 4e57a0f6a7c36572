package sim

import (
	"fmt"
	"io"
)

// trace writes down what happens, if anybody wants to read it.
type trace struct {
	out  io.Writer
	line int
}

func (t *trace) on() bool { return t.out != nil }

func (t *trace) step(w *world, format string, args ...any) {
	if t.out == nil {
		return
	}
	t.line++
	fmt.Fprintf(t.out, "%5d %12s  "+format+"\n", append([]any{t.line, w.clock.Sub(start)}, args...)...)
}
