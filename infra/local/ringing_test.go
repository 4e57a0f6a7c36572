package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runlease/shared/runner"
	"runlease/shared/runner/cache"
	"runlease/shared/runner/spool"
	"runlease/shared/testkit/until"
)

// lines are what a program logged.
type lines struct {
	mu   sync.Mutex
	text string
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += string(text)
	return len(text), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

func (l *lines) await(t *testing.T, n int, what string, within time.Duration) {
	t.Helper()
	until.NoError(t, within, func() error {
		if text := l.String(); strings.Count(text, what) < n {
			return fmt.Errorf("not %d times %q:\n%s", n, what, text)
		}
		return nil
	})
}

// TestTheRunnerIsRung has a real runner wait for rings, before and after a restart
// of the server. Its jobs have no test data, so that it reports them at once.
func TestTheRunnerIsRung(t *testing.T) {
	defer until.NoGoroutine(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	args := []string{"-data", filepath.Join(dir, "data"), "-rate", "0"}
	s := withProblem(t, client, args...)
	first := s.hello

	var log lines
	var err error
	r := &runner.Runner{Dir: dir, Slots: 1, Lease: time.Minute, Grace: time.Second, Doorbell: true, Log: slog.New(slog.NewTextHandler(&log, nil))}
	transport := &http.Transport{ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	if r.Client, err = runner.NewClient(s.URL, s.RunnerToken, "r", transport); err != nil {
		t.Fatal(err)
	}
	if r.Spool, err = spool.Open(filepath.Join(dir, "spool")); err != nil {
		t.Fatal(err)
	}
	if r.Cache, err = cache.Open(filepath.Join(dir, "cache"), 1<<20, r.Log); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()

	judged := 0
	ring := func(jobs int) {
		var took []time.Duration
		const byPolling = 30 * time.Second // half of what a runner that sits waits at most
		late := 0
		for range jobs {
			time.Sleep(50 * time.Millisecond) // it sits by then
			if status, text := s.do(t, client, "", "POST", "/jobs", aJob(fmt.Sprint("j", judged))); status != http.StatusCreated {
				t.Fatal(status, text)
			}
			begin := time.Now()
			judged++
			log.await(t, judged, "msg=claimed", until.Hang)
			took = append(took, time.Since(begin))
			if took[len(took)-1] > byPolling { // a ring may fail on a machine that is too busy for it
				if late++; late > 2 {
					t.Fatalf("jobs are claimed, but not by rings: after %v", took)
				}
			}
			log.await(t, judged, "result accepted", until.Hang)
		}
		slices.Sort(took)
		t.Logf("from the reply to the claim: p50 %v, p95 %v", took[len(took)/2], took[len(took)*95/100])
	}
	const heard, unheard = "the doorbell is heard", "the doorbell cannot be heard"
	log.await(t, 1, heard, until.Hang)
	ring(20)
	s.end(t)
	log.await(t, 1, unheard, until.Hang)
	s = start(t, append(args, "-addr", strings.TrimPrefix(first.URL, "http://"))...)
	s.RunnerToken, s.ProducerToken = first.RunnerToken, first.ProducerToken
	log.await(t, 2, heard, until.Hang)
	ring(5)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.end(t)
}
