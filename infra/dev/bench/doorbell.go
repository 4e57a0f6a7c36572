package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"runlease/shared/testkit/figure"
)

// The goals of the doorbell: jobs come one at a time to runners that all wait.
const (
	rungP50Goal = 5.0  // ms from the reply of the hand-in to the claim
	rungP99Goal = 25.0 // ms
	rungJobs    = 300
	rungRunners = 20
	rungWithin  = time.Minute // for all of it: a ring that is lost is an error here, nobody polls
)

// rung starts the embedded server as a process and hands jobs in to runners that
// hear its doorbell.
func rung(ctx context.Context) ([]figure.Figure, error) {
	s, err := new(server).serve(ctx)
	if err != nil {
		return nil, err
	}
	defer s.end()
	waits, err := s.waits(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(waits)
	at := func(percent int) float64 { return float64(waits[len(waits)*percent/100].Microseconds()) / 1000 }
	return []figure.Figure{
		figure.AtMost("doorbell_p50_ms", at(50), "ms from the reply of the hand-in to the claim, 20 idle runners", rungP50Goal).Rounded(2),
		figure.AtMost("doorbell_p99_ms", at(99), "ms from the reply of the hand-in to the claim, 20 idle runners", rungP99Goal).Rounded(2),
	}, nil
}

// waits returns how long each job waited for its claim after it was handed in; 0
// for one that was claimed before its producer had the reply.
func (s *server) waits(ctx context.Context) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, rungWithin)
	defer cancel()
	runners, ctx := errgroup.WithContext(ctx)
	// Room for all that can come, so that no runner waits for the producer.
	claims, seats := make(chan time.Time, rungJobs), make(chan struct{}, rungJobs+rungRunners)
	for i := range rungRunners {
		e := &ear{worker: worker{server: s, name: fmt.Sprintf("ear-%d", i)}, claims: claims, seats: seats}
		runners.Go(func() error { return e.listen(ctx) })
	}
	waits, err := s.handIn(ctx, claims, seats)
	cancel()
	if failed := runners.Wait(); failed != nil {
		return nil, fmt.Errorf("a runner with a doorbell: %w", failed)
	}
	return waits, err
}

// handIn hands a job in whenever all runners wait.
func (s *server) handIn(ctx context.Context, claims <-chan time.Time, seats <-chan struct{}) (waits []time.Duration, err error) {
	producer := &worker{server: s}
	if producer.connection, err = dial(s.address); err != nil {
		return nil, err
	}
	defer producer.close()
	for range rungRunners - 1 {
		if _, err := next(ctx, seats, "a runner to sit down"); err != nil {
			return nil, err
		}
	}
	for i := range rungJobs {
		if _, err := next(ctx, seats, "the last runner to sit down"); err != nil {
			return nil, err
		}
		if err := producer.create(fmt.Sprintf("rung-%d", i)); err != nil {
			return nil, err
		}
		replied := time.Now()
		claimed, err := next(ctx, claims, "a claim")
		if err != nil {
			return nil, err
		}
		waits = append(waits, max(0, claimed.Sub(replied)))
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
	claims chan<- time.Time // when the reply with a job was there
	seats  chan<- struct{}  // it waits for a ring
}

var errNoDoorbell = errors.New("sync names no doorbell")

// listen judges until ctx ends.
func (e *ear) listen(ctx context.Context) (err error) {
	if e.connection, err = dial(e.server.address); err != nil {
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
			e.claims <- time.Now()
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
