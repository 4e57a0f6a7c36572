package awsclient_test

import (
	"context"
	"testing"
	"time"

	"runlease/shared/awsclient"
)

func TestWithin(t *testing.T) {
	for _, tc := range []struct {
		name        string
		left        time.Duration // 0: no deadline
		least, most time.Duration
	}{
		{"no deadline", 0, 4 * time.Second, 5 * time.Second},
		{"far deadline", time.Minute, 4 * time.Second, 5 * time.Second},
		{"near deadline", 4 * time.Second, 1600 * time.Millisecond, 2400 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := t.Context()
			if tc.left > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tc.left)
				defer cancel()
			}
			bounded, cancel := awsclient.Within(ctx)
			defer cancel()
			deadline, _ := bounded.Deadline()
			if got := time.Until(deadline); got < tc.least || got > tc.most {
				t.Errorf("got %v, want %v to %v", got, tc.least, tc.most)
			}
		})
	}
}
