package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"runlease/shared/testkit/figure"
)

// rungRunners all wait, and jobs come one at a time.
const rungRunners = 20

// bell is a server whose doorbell is measured, with its goals in ms from the reply
// of the hand-in to the claim.
type bell struct {
	name     string // of its figures
	p50, p99 float64
	jobs     int
	within   time.Duration // for all of it: a lost ring is an error here: no runner polls
}

// rung starts the embedded server as a process and hands jobs in to runners that
// hear its doorbell.
func rung(ctx context.Context) ([]figure.Figure, error) {
	s, err := new(server).serve(ctx)
	if err != nil {
		return nil, err
	}
	defer s.end()
	return bell{"doorbell", 5, 25, 300, time.Minute}.measure(ctx, s)
}

// rungOnMiniStack does the same on MiniStack: functions, API Gateway's WebSockets
// and @connections, as emulated there.
func rungOnMiniStack(ctx context.Context) ([]figure.Figure, error) {
	s, err := miniStack(ctx)
	if err != nil {
		return nil, err
	}
	defer s.end()
	return bell{"doorbell_ministack", 250, 1000, 200, 5 * time.Minute}.measure(ctx, s)
}

func (b bell) measure(ctx context.Context, s *server) ([]figure.Figure, error) {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	waits, err := s.waits(ctx, b.jobs)
	if err != nil {
		return nil, err
	}
	slices.Sort(waits)
	at := func(most, of int) float64 {
		return float64(waits[min(len(waits)-1, len(waits)*most/of)].Microseconds()) / 1000
	}
	const unit = "ms from the reply of the hand-in to the claim, 20 idle runners"
	return []figure.Figure{
		figure.AtMost(b.name+"_p50_ms", at(1, 2), unit, b.p50).Rounded(2),
		figure.Stated(b.name+"_p90_ms", at(9, 10), unit).Rounded(2),
		figure.AtMost(b.name+"_p99_ms", at(99, 100), unit, b.p99).Rounded(2),
		figure.Stated(b.name+"_longest_ms", at(1, 1), unit).Rounded(2),
	}, nil
}

// waits returns how long each job waited for its claim after it was handed in; 0
// for a job that was claimed before its producer had the reply.
func (s *server) waits(ctx context.Context, jobs int) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runners, ctx := errgroup.WithContext(ctx)
	// Room for all that can come, so that no runner waits for the producer.
	claims, seats := make(chan claimed, jobs), make(chan struct{}, jobs+rungRunners)
	for i := range rungRunners {
		e := &ear{worker: worker{server: s, name: fmt.Sprintf("ear-%d", i)}, claims: claims, seats: seats}
		runners.Go(func() error { return e.listen(ctx) })
	}
	waits, err := s.handIn(ctx, jobs, claims, seats)
	cancel()
	if failed := runners.Wait(); failed != nil {
		return nil, fmt.Errorf("a runner with a doorbell: %w", failed)
	}
	return waits, err
}

// claimed is when the reply with a job was there.
type claimed struct {
	job string
	at  time.Time
}

// handIn hands a job in whenever all runners wait.
func (s *server) handIn(ctx context.Context, jobs int, claims <-chan claimed, seats <-chan struct{}) (waits []time.Duration, err error) {
	producer := &worker{server: s}
	if producer.connection, err = dial(s.URL); err != nil {
		return nil, err
	}
	defer producer.close()
	for range rungRunners - 1 {
		if _, err := next(ctx, seats, "a runner to sit down"); err != nil {
			return nil, err
		}
	}
	run := rand.Text() // a deployment that was there before knows the jobs of other runs
	for i := range jobs {
		if _, err := next(ctx, seats, "the last runner to sit down"); err != nil {
			return nil, err
		}
		id := fmt.Sprintf("rung-%s-%d", run, i)
		if err := producer.create(id); err != nil {
			return nil, err
		}
		replied := time.Now()
		claim, err := next(ctx, claims, "a claim")
		if err != nil {
			return nil, err
		}
		if claim.job != id {
			return nil, fmt.Errorf("%s was claimed, which had waited before: %w", claim.job, errUsed)
		}
		waits = append(waits, max(0, claim.at.Sub(replied)))
	}
	return waits, nil
}

func next[T any](ctx context.Context, from <-chan T, what string) (got T, err error) {
	select {
	case got = <-from:
		return got, nil
	case <-ctx.Done():
		return got, fmt.Errorf("wait for %s: %w", what, ctx.Err())
	}
}

// ear is a runner with one slot that polls only when it is rung.
type ear struct {
	worker
	claims chan<- claimed
	seats  chan<- struct{} // it waits for a ring
}

var (
	errNoDoorbell = errors.New("sync names no doorbell")
	errUsed       = errors.New("the deployment is not idle")
)

// listen judges until ctx ends.
func (e *ear) listen(ctx context.Context) (err error) {
	if e.connection, err = dial(e.server.URL); err != nil {
		return err
	}
	defer e.close()
	if _, err := e.sync(0); err != nil {
		return err
	}
	if e.doorbell == "" {
		return errNoDoorbell
	}
	line, _, err := websocket.Dial(ctx, e.doorbell, &websocket.DialOptions{HTTPHeader: http.Header{ //nolint:bodyclose // the library closes it
		"X-Runner-Token": {e.server.RunnerToken}, "X-Runner-Name": {e.name},
	}})
	if err != nil {
		return fmt.Errorf("connect to the doorbell: %w", err)
	}
	defer func() { _ = line.CloseNow() }()
	for ctx.Err() == nil {
		if _, err := e.sync(1); err != nil {
			return err
		}
		if e.done != "" {
			e.claims <- claimed{e.took, time.Now()}
			continue
		}
		if e.seat == 0 { // rung for a job that another one has
			continue
		}
		e.seats <- struct{}{}
		if _, _, err := line.Read(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("listen to the doorbell: %w", err)
		}
		e.seat = 0 // heard: it has been taken off the bench
	}
	return nil
}
