// Package until waits in tests for what happens elsewhere.
package until

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Hang is a time after which nothing comes any more, however slow or busy the machine
// is. It only ends a test that would wait for ever.
const Hang = 2 * time.Minute

// True waits until is returns true. It ends the test if it does not in time.
func True(t testing.TB, within time.Duration, what string, is func() bool) {
	t.Helper()
	not := errors.New(what)
	NoError(t, within, func() error {
		if is() {
			return nil
		}
		return not
	})
}

// NoError waits until try returns nil. It ends the test if it does not in time.
func NoError(t testing.TB, within time.Duration, try func() error) {
	t.Helper()
	if err := noError(within, try); err != nil {
		t.Fatalf("not within %s: %v", within, err)
	}
}

// noError tries often at first: most of what is waited for comes soon.
func noError(within time.Duration, try func() error) error {
	most := min(max(within/500, time.Millisecond), time.Second/2)
	end := time.Now().Add(within)
	for pause := time.Millisecond; ; pause = min(2*pause, most) {
		err := try()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(pause)
	}
}

// NoGoroutine waits until no goroutine is left, but for those that the options pass over.
// goleak alone waits for half a second, in which a busy machine may not get that far.
func NoGoroutine(t testing.TB, options ...goleak.Option) {
	t.Helper()
	NoError(t, Hang, func() error { return goleak.Find(options...) })
}

// Ended is a package's tests and the end of their goroutines, for goleak.VerifyTestMain.
func Ended(m *testing.M) goleak.TestingM { return ended{m} }

type ended struct{ tests *testing.M }

func (e ended) Run() int {
	code := e.tests.Run()
	if code == 0 {
		_ = noError(Hang, func() error { return goleak.Find() }) // goleak tells of what is left
	}
	return code
}
