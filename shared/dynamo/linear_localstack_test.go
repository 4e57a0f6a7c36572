//go:build localstack

package dynamo_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/memory"
	"runlease/shared/testkit/linear"
)

// TestLinearizable records several thousand requests of many clients to the use
// cases on DynamoDB and looks for an order of the requests of each job that
// explains every answer: as they come, and with replies of writes lost.
func TestLinearizable(t *testing.T) {
	for name, every := range map[string]int64{"replies come": 0, "one write in 20 loses its reply": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each with its own tables: a sweep must not see the other's jobs by its clock
			began := time.Now()
			tables := deploy(t)
			clock := linear.NewClock()
			w := &losing{every: every}
			d := dispatch.New(dynamo.New(connect(t, w.around), tables), memory.NewQueue(clock.Now),
				memory.NewArtifacts("http://artifacts.test", make([]byte, 32), clock.Now))
			d.Now, d.Log = clock.Now, slog.New(slog.DiscardHandler)
			system := lagging{linear.Dispatcher{Dispatcher: d}}
			if err := system.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := linear.Record(t.Context(), linear.Plan{Seed: uint64(every), Prefix: "j", Jobs: 10, Clients: 8, Requests: 300}, system, clock)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range got.Histories {
				if err := h.Check(); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d requests about %d jobs linearizable, %d of unknown outcome, %d replies lost, in %.1f s",
				got.Requests, len(got.Histories), got.Unknown, w.lost.Load(), time.Since(began).Seconds())
			if got.Unknown > got.Requests/20 {
				t.Errorf("%d of %d requests have an unknown outcome: that proves little", got.Unknown, got.Requests)
			}
			if (w.lost.Load() > 0) != (every > 0) {
				t.Errorf("%d replies lost", w.lost.Load())
			}
		})
	}
}

// losing is a transport that loses the reply of some writes.
type losing struct {
	next        http.RoundTripper
	every       int64
	write, lost atomic.Int64
}

func (l *losing) around(next http.RoundTripper) http.RoundTripper {
	l.next = next
	return l
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := l.next.RoundTrip(r)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation != "UpdateItem" && operation != "PutItem" || err == nil && (l.every == 0 || l.write.Add(1)%l.every != 0) {
		return reply, err
	}
	// Lost is also a reply that did not come in time: its write is repeated, perhaps after another's.
	if told, ok := r.Context().Value(lostKey{}).(*atomic.Bool); ok {
		told.Store(true)
	}
	if err != nil {
		return nil, err
	}
	l.lost.Add(1)
	_, _ = io.Copy(io.Discard, reply.Body)
	_ = reply.Body.Close()
	return nil, io.ErrUnexpectedEOF
}

// lostKey is the place in a request's context where a lost reply is noted.
type lostKey struct{}

// lagging knows that the index of open jobs lags behind writes, so that a sweep
// may pass over a job, and which requests have lost a reply.
type lagging struct{ linear.Dispatcher }

func (l lagging) Do(ctx context.Context, in linear.Input) linear.Output {
	var lost atomic.Bool
	out := l.Dispatcher.Do(context.WithValue(ctx, lostKey{}, &lost), in)
	if in.Op == linear.Sweep {
		out.Code = linear.Perhaps
	}
	out.Lost = lost.Load()
	return out
}
