//go:build localstack

package dynamo_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/dispatch/linear"
	"runlease/shared/dynamo"
	"runlease/shared/memory"
)

// TestLinearizable records several thousand requests of many clients to the use
// cases on DynamoDB, some of whose replies are lost after the fact, and looks
// for an order of the requests of each job that explains every answer.
func TestLinearizable(t *testing.T) {
	began := time.Now()
	var mu sync.Mutex
	requests, unknown, jobs := 0, 0, 0
	var worlds sync.WaitGroup
	for n, prefix := range []string{"a", "b"} {
		tables := deploy(t) // each its own: the sweep of one must not see the other's jobs by its clock
		worlds.Go(func() {
			clock := linear.NewClock()
			w := newWire()
			// Every 20th write is made, and its reply lost: the client repeats it.
			w.fault = func(operation string, nth int, send func() (*http.Response, error)) (*http.Response, error) {
				reply, err := send()
				if err != nil || operation != "UpdateItem" && operation != "PutItem" || nth%20 != 0 {
					return reply, err
				}
				_, _ = io.Copy(io.Discard, reply.Body)
				_ = reply.Body.Close()
				return nil, io.ErrUnexpectedEOF
			}
			d := dispatch.New(dynamo.New(connect(t, w.around), tables), memory.NewQueue(clock.Now),
				memory.NewArtifacts("http://artifacts.test", make([]byte, 32), clock.Now))
			d.Now, d.Log = clock.Now, slog.New(slog.NewTextHandler(io.Discard, nil))
			system := lagging{linear.Dispatcher{Dispatcher: d}}
			if err := system.Publish(t.Context()); err != nil {
				t.Error(err)
				return
			}
			got, err := linear.Record(t.Context(), linear.Plan{Seed: uint64(n), Prefix: prefix, Jobs: 10, Clients: 8, Requests: 250}, system, clock)
			if err != nil {
				t.Error(err)
				return
			}
			for _, h := range got.Histories {
				if err := h.Check(); err != nil {
					t.Error(err)
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			requests, unknown, jobs = requests+got.Requests, unknown+got.Unknown, jobs+len(got.Histories)
		})
	}
	worlds.Wait()
	t.Logf("%d requests about %d jobs linearizable, %d of unknown outcome, in %.1f s", requests, jobs, unknown, time.Since(began).Seconds())
	if unknown > requests/20 {
		t.Errorf("%d of %d requests have an unknown outcome: that proves little", unknown, requests)
	}
}

// lagging knows that the index of open jobs lags behind writes, so that a sweep
// may pass over a job.
type lagging struct{ linear.Dispatcher }

func (l lagging) Do(ctx context.Context, in linear.Input) linear.Output {
	out := l.Dispatcher.Do(ctx, in)
	if in.Op == linear.Sweep {
		out.Code = linear.Perhaps
	}
	return out
}
