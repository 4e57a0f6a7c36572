package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"runlease/shared/announce"
	"runlease/shared/api"
)

// announcer readies what announces final jobs; hosts are the value of -webhook-hosts.
func (s *server) announcer(hosts string) {
	s.policy = announce.Policy{Hosts: announce.HostsIn(hosts), Loopback: true}
	s.announces = announce.New(s.policy)
	s.announces.Endpoints, s.announces.Outbox, s.announces.Jobs = s.webhooks, s.webhooks, s.store
	s.announces.Show = api.Show
	s.announces.Log, s.announces.Now = s.log, s.now
}

// addWebhook adds the endpoint of -webhook, if there is one, and returns its secret.
func (s *server) addWebhook(ctx context.Context, url, data string) (secret string, err error) {
	if url == "" {
		return "", nil
	}
	if data != "" {
		return "", errors.New("-webhook is for a server without -data: with it, ctl webhook add -data DIR adds one for good")
	}
	if err := s.policy.Check(url); err != nil {
		return "", fmt.Errorf("-webhook: %w", err)
	}
	e := announce.NewEndpoint(url, s.now())
	_, err = s.webhooks.PutEndpoint(ctx, e)
	return e.Secret, err
}

// deliveries is how many letters are tried at once. A dead endpoint holds one of them for three
// seconds for each job that ends until the first has failed.
const deliveries = 128

// announceFinalJobs delivers what comes, at once, and what is due again. It waits for no
// endpoint.
func (s *server) announceFinalJobs(ctx context.Context) {
	var side errgroup.Group
	side.SetLimit(deliveries)
	defer func() { _ = side.Wait() }()
	failed := func(_ announce.Drained, err error) {
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "announcement not delivered", "error", err)
		}
	}
	for ctx.Err() == nil {
		wait := time.NewTimer(max(s.webhooks.NextDue(), 10*time.Millisecond))
		select {
		case <-ctx.Done():
		case <-s.webhooks.Wake():
		case <-wait.C:
		}
		wait.Stop()
		failed(announce.Drained{}, s.announces.Deliver(ctx, &side, failed))
	}
}
