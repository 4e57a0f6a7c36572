package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"runlease/shared/testkit/linear"
	"runlease/shared/testkit/wire"
)

// TestLinearizable records many clients of the embedded server over loopback
// HTTP and looks for an order of the requests of each job that explains every
// answer.
func TestLinearizable(t *testing.T) { linearizable(t, func() string { return "" }) }

// TestLinearizableInAFolder is the same with everything on the disk.
func TestLinearizableInAFolder(t *testing.T) { linearizable(t, t.TempDir) }

func linearizable(t *testing.T, folder func() string) {
	const want = 20_000
	began, requests, unknown, jobs := time.Now(), 0, 0, 0
	for n := 0; requests < want; n++ {
		got := recordHTTP(t, folder(), uint64(n))
		for _, h := range got.Histories {
			if err := h.Check(); err != nil {
				t.Fatal(err)
			}
		}
		requests, unknown, jobs = requests+got.Requests, unknown+got.Unknown, jobs+len(got.Histories)
	}
	t.Logf("%d requests about %d jobs linearizable, %d of unknown outcome, in %.1f s", requests, jobs, unknown, time.Since(began).Seconds())
	if unknown > requests/50 {
		t.Errorf("%d of %d requests have an unknown outcome: that proves little", unknown, requests)
	}
}

// recordHTTP runs one plan against a new server, whose clock stands still.
func recordHTTP(t *testing.T, data string, seed uint64) linear.Recorded {
	t.Helper()
	var handler http.Handler
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer listening.Close()
	log := slog.New(slog.DiscardHandler)
	where, err := inMemory(nil, listening.URL)
	if data != "" {
		where, err = inFolder(data, nil, listening.URL, log)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := where.close(); err != nil {
			t.Error(err)
		}
	}()
	s := newServer(edge{origin: listening.URL}, where, linear.LeaseSeconds, log)
	clock := linear.NewClock()
	s.dispatch.Now = clock.Now
	handler = s.handler()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	system := linear.HTTP{Client: wire.Client{URL: listening.URL, HTTP: client}}
	system.Sweep = func(ctx context.Context) linear.Output {
		return linear.Dispatcher{Dispatcher: s.dispatch}.Do(ctx, linear.Input{Op: linear.Sweep})
	}
	system.Client.RunnerToken, system.Client.ProducerToken = issued(t, s)
	if err := system.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan := linear.Plan{Seed: seed, Prefix: fmt.Sprintf("http%d", seed), Jobs: 8, Clients: 8, Requests: 120}
	got, err := linear.Record(t.Context(), plan, system, clock)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
