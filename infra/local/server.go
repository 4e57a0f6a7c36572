package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// server is the API on the memory adapters.
type server struct {
	dispatch    *dispatch.Dispatcher
	store       *memory.Store
	artifacts   *memory.Artifacts
	credentials *memory.Credentials
	log         *slog.Logger
	rate        api.Rate // of each runner and each producer
	edge        edge
}

// embeddedPace: polls cost nothing here, so a waiting runner asks every second
// and a busy one at once.
var embeddedPace = dispatch.Pace{Busy: 0, Idle: time.Second, Longest: time.Second}

func newServer(front edge, leaseSeconds int, log *slog.Logger) (*server, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a secret for URLs: %w", err)
	}
	s := &server{
		store:       memory.NewStore(),
		artifacts:   memory.NewArtifacts(front.fallback, secret, time.Now),
		credentials: memory.NewCredentials(),
		log:         log,
		rate:        api.Unlimited,
		edge:        front,
	}
	s.dispatch = dispatch.New(s.store, memory.NewQueue(time.Now), s.artifacts)
	s.dispatch.Log = log
	s.dispatch.Pace = embeddedPace
	s.dispatch.Lease.Default = leaseSeconds
	s.dispatch.Lease.Least = min(s.dispatch.Lease.Least, leaseSeconds)
	return s, nil
}

// issueTokens makes the two tokens that the server prints.
func (s *server) issueTokens(ctx context.Context) (runner, producer string, err error) {
	runner, _, err = auth.Issue(ctx, s.credentials, auth.Grant{Kind: auth.Runner, Name: "local", Fleet: true}, time.Now(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	producer, _, err = auth.Issue(ctx, s.credentials, auth.Grant{
		Kind:   auth.Producer,
		Name:   "local",
		Scopes: []string{api.ScopeJobsWrite, api.ScopeJobsRead, api.ScopeProblemsWrite},
	}, time.Now(), rand.Reader)
	return runner, producer, err
}

// handler serves the API and the bytes that its URLs point at.
func (s *server) handler() http.Handler {
	routes := api.New(api.Config{
		Dispatch: s.dispatch, Auth: auth.NewVerifier(s.credentials), Log: s.log,
		RunnerRate: s.rate, ProducerRate: s.rate,
	}).Handler()
	// Not a ServeMux, which would redirect an unclean path; the API answers it.
	return s.edge.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := routes
		if strings.HasPrefix(r.URL.Path, memory.BlobPath) {
			next = s.artifacts
		}
		next.ServeHTTP(w, r)
	}))
}

// sweepEveryMinute stands for the sweep's rule and for the table's time to live.
func (s *server) sweepEveryMinute(ctx context.Context) {
	for tick := time.NewTicker(deployment.SweepEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case now := <-tick.C:
			if swept, err := s.dispatch.Sweep(ctx); err != nil {
				s.log.ErrorContext(ctx, "sweep failed", "error", err)
			} else if swept.Ended+swept.Rang > 0 {
				s.log.InfoContext(ctx, "swept", "ended", swept.Ended, "rang", swept.Rang)
			}
			s.store.Expire(job.At(now))
		}
	}
}
