package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"runlease/shared/announce"
	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/console"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// server is the API on adapters that keep everything in this process.
type server struct {
	place
	dispatch *dispatch.Dispatcher
	log      *slog.Logger
	// of each runner and each producer
	runnerRate, producerRate api.Rate
	edge                     edge
	announces                *announce.Announcer
	policy                   announce.Policy // where webhooks may go
	doorway                  *doorway
}

// embeddedPace: polls cost nothing here, so a waiting runner asks every second
// and a busy one at once.
var embeddedPace = dispatch.Pace{Busy: 0, Idle: time.Second, Longest: time.Second, Seated: time.Minute}

func newServer(front edge, p place, leaseSeconds int, log *slog.Logger) *server {
	s := &server{place: p, log: log, runnerRate: api.Unlimited, producerRate: api.Unlimited, edge: front}
	s.dispatch = dispatch.New(p.store, p.queue, p.artifacts)
	s.dispatch.Queues = p.pools
	s.dispatch.Roster = p.store
	s.dispatch.Now = p.now
	s.dispatch.Log = log
	s.dispatch.Pace = embeddedPace
	s.dispatch.Lease.Default = leaseSeconds
	s.dispatch.Lease.Least = min(s.dispatch.Lease.Least, leaseSeconds)
	// Connections end with the process, and so do the seats of the benches.
	s.doorway = newDoorway(s.dispatch, log)
	s.dispatch.Benches, s.dispatch.Posts = memory.NewBenches(), s.doorway
	return s
}

// issueTokens makes the first two tokens, shows them, and then makes them good, both at
// once: a server that is killed in the middle makes and shows others at its next start, and
// never has a token that nobody has seen. A place that has credentials already was asked
// before: they are shown once, and are "" now.
func (s *server) issueTokens(ctx context.Context, pools []string, show func(runner, producer string) error) error {
	issued, _, err := s.credentials.List(ctx, "", 1)
	if err != nil {
		return err
	}
	if len(issued) > 0 {
		return show("", "")
	}
	runner, ofRunner, err := auth.Make(auth.Grant{Kind: auth.Runner, Name: "local", Fleet: true, Pools: pools}, time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	producer, ofProducer, err := auth.Make(auth.Grant{
		Kind:   auth.Producer,
		Name:   "local",
		Scopes: []string{api.ScopeJobsWrite, api.ScopeJobsRead, api.ScopeProblemsWrite, api.ScopeOpsRead, api.ScopeOpsWrite},
	}, time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	if err := show(runner, producer); err != nil {
		return err
	}
	return s.credentials.PutNew(ctx, ofRunner, ofProducer)
}

// handler serves the API and the bytes that its URLs point at.
func (s *server) handler() http.Handler {
	verifier := auth.NewVerifier(s.credentials)
	served := api.New(api.Config{
		Dispatch: s.dispatch, Auth: verifier, Log: s.log,
		RunnerRate: s.runnerRate, ProducerRate: s.producerRate,
		Doorbell: func(r *http.Request) string {
			return "ws" + strings.TrimPrefix(s.edge.originFor(r), "http") + api.DoorbellPath
		},
	})
	routes, scraped := s.metrics(served.Handler(), verifier)
	doorbell := served.Doorbell(s.doorway)
	page := console.Handler(routes)
	// Not a ServeMux, which would redirect an unclean path; the API answers it.
	return s.edge.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := routes
		if strings.HasPrefix(r.URL.Path, memory.BlobPath) {
			next = s.artifacts
		}
		if r.URL.Path == metricsPath && r.Method == http.MethodGet {
			next = scraped
		}
		if r.URL.Path == api.DoorbellPath && r.Method == http.MethodGet {
			next = doorbell
		}
		if r.URL.Path == api.ConsolePath || strings.HasPrefix(r.URL.Path, api.ConsolePath+"/") {
			next = page
		}
		next.ServeHTTP(w, r)
	}))
}

// firstRemoval is how long after a start what is old is removed, and then once a day: a
// server that is started anew each day removes it too.
const firstRemoval = time.Hour

// sweepEveryMinute stands for the sweep's rule, for the table's time to live, for
// the bucket's lifecycle and for how long queues keep messages.
func (s *server) sweepEveryMinute(ctx context.Context) {
	tick, old := time.NewTicker(deployment.SweepEvery), time.NewTimer(firstRemoval)
	defer tick.Stop()
	defer old.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-old.C:
			s.webhooks.Forget()
			_, err = s.removeOld(ctx, s.now())
			old.Reset(24 * time.Hour)
		case <-tick.C:
			var swept dispatch.Swept
			if swept, err = s.dispatch.Sweep(ctx); err == nil {
				_, err = s.store.Expire(ctx, job.At(s.now()))
			}
			if swept.Ended+swept.Rang+swept.Rejudged > 0 {
				s.log.InfoContext(ctx, "swept", "ended", swept.Ended, "rang", swept.Rang, "rejudged", swept.Rejudged)
			}
			for webhook, jobs := range s.webhooks.Dropped() {
				s.log.ErrorContext(ctx, "too many announcements wait for a webhook: the back end finds the jobs by GET /verdicts, or remove the webhook", "webhook", webhook, "dropped", jobs)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "sweep failed", "error", err)
		}
	}
}
