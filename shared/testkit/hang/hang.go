// Package hang checks that the operations of an adapter end in time when no reply
// comes: they must not use up the time of the function.
package hang

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// Reply never comes.
func Reply(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Run runs each operation on an adapter whose requests end with Reply: once under the
// operation's own deadline, and once with less time than that.
func Run[A any](t *testing.T, operations map[string]func(context.Context, A) error, adapter func(t *testing.T) A) {
	for name, operate := range operations {
		for _, tc := range []struct {
			name  string
			limit time.Duration // of the context; 0: none
			want  time.Duration
		}{{"its own deadline", 0, 5 * time.Second}, {"less than the caller has left", 2 * time.Second, 1200 * time.Millisecond}} {
			t.Run(name+"/"+tc.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					if tc.limit > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, tc.limit)
						defer cancel()
					}
					began := time.Now()
					err := operate(ctx, adapter(t))
					if took := time.Since(began); err == nil || took != tc.want {
						t.Errorf("ended after %v with %v; want an error after %v", took, err, tc.want)
					}
				})
			})
		}
	}
}
