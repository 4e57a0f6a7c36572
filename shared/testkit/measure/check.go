package measure

import (
	"context"
	"fmt"
	"runtime"
)

// T is as much of *testing.T as a measurement needs.
type T interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// Outside runs a measurement outside of a test. What would fail the test is the
// error.
func Outside(ctx context.Context, measurement func(T)) error {
	o := &outside{ctx: ctx}
	ended := make(chan any)
	go func() {
		defer func() { ended <- recover() }()
		measurement(o)
	}()
	if cause := <-ended; cause != nil {
		return fmt.Errorf("measurement failed: %v", cause)
	}
	return o.err
}

type outside struct {
	ctx context.Context //nolint:containedctx // as a *testing.T has one
	err error
}

func (o *outside) Helper()                  {}
func (o *outside) Context() context.Context { return o.ctx }
func (o *outside) Fatal(args ...any)        { o.stop(fmt.Sprint(args...)) }

func (o *outside) Fatalf(format string, args ...any) { o.stop(fmt.Sprintf(format, args...)) }

// stop ends the measurement's goroutine, as a test's does.
func (o *outside) stop(why string) {
	o.err = fmt.Errorf("measurement failed: %s", why)
	runtime.Goexit()
}
