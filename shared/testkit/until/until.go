// Package until waits in tests for what happens elsewhere.
package until

import (
	"errors"
	"testing"
	"time"
)

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
	pause := min(max(within/500, time.Millisecond), time.Second/2)
	end := time.Now().Add(within)
	for err := try(); err != nil; err = try() {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %v", within, err)
		}
		time.Sleep(pause)
	}
}
