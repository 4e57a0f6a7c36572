package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"runlease/shared/announce"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/durable"
	"runlease/shared/durable/control"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// place is where the server keeps what it holds.
type place struct {
	store interface {
		dispatch.Store
		dispatch.Roster
		Expire(ctx context.Context, now job.Time) (int, error)
	}
	queue     dispatch.Queue // of the default pool
	pools     dispatch.Queues
	artifacts interface {
		dispatch.Artifacts
		http.Handler
	}
	credentials interface {
		auth.Directory
		// PutNew stores new credentials, all of them or none.
		PutNew(ctx context.Context, all ...auth.Credential) error
	}
	webhooks webhooks
	now      func() time.Time
	// removeOld removes bytes whose days are over.
	removeOld func(ctx context.Context, now time.Time) (int, error)
	gauges    []prometheus.Collector // for /metrics
	// control answers the operator's command until ctx ends; nil: nothing to answer.
	control func(ctx context.Context) error
	close   func() error
}

// queueOf returns the queue of a pool by its name; "" is the default pool too.
func (p place) queueOf(pool string) dispatch.Queue {
	if q, found := p.pools[job.PoolOf(pool)]; found {
		return q
	}
	return p.queue
}

// webhooks are the endpoints of a place and what is to be delivered to them.
type webhooks interface {
	announce.Endpoints
	announce.Outbox
	Wake() <-chan struct{}
	NextDue() time.Duration
	Forget()
	Dropped() map[string]int
}

// inMemory is a place that is gone with the process.
func inMemory(pools []string, url string) (place, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return place{}, fmt.Errorf("make a secret for URLs: %w", err)
	}
	store, hooks := memory.NewStore(), memory.NewWebhooks(time.Now, nil)
	store.Webhooks = hooks
	queues := make(dispatch.Queues)
	for _, pool := range besideDefault(pools) {
		queues[pool] = memory.NewQueue(time.Now)
	}
	return place{
		store:       store,
		queue:       memory.NewQueue(time.Now),
		pools:       queues,
		artifacts:   memory.NewArtifacts(url, secret, time.Now),
		credentials: memory.NewCredentials(),
		webhooks:    hooks,
		now:         time.Now,
		removeOld:   func(context.Context, time.Time) (int, error) { return 0, nil },
		close:       func() error { return nil },
	}, nil
}

// inFolder is a place that outlives the process.
func inFolder(dir string, pools []string, url string, log *slog.Logger) (place, error) {
	db, err := durable.Open(dir, log)
	if err != nil {
		return place{}, err
	}
	kept, err := db.Queues(besideDefault(pools)...)
	if err != nil {
		_ = db.Close() // its error is not the cause
		return place{}, err
	}
	hooks, err := db.Webhooks()
	if err != nil {
		_ = db.Close()
		return place{}, err
	}
	queues := make(dispatch.Queues)
	for _, pool := range besideDefault(pools) {
		queues[pool] = kept[pool]
	}
	return place{
		store:       db.Store(),
		queue:       kept[""],
		pools:       queues,
		artifacts:   memory.ArtifactsOf(db.Objects(), url, db.Secret(), db.Clock.Now),
		credentials: db.Credentials(),
		webhooks:    hooks,
		now:         db.Clock.Now,
		removeOld:   db.Objects().RemoveOld,
		gauges:      folderGauges(db),
		control:     func(ctx context.Context) error { return control.Serve(ctx, dir, db, hooks, log) },
		close:       db.Close,
	}, nil
}

// besideDefault lists the pools of some names without the default one.
func besideDefault(names []string) []job.Pool {
	list := job.PoolsOf(names...).List()
	return slices.DeleteFunc(list, func(p job.Pool) bool { return p == "" })
}

// folderGauges measure a folder.
func folderGauges(db *durable.DB) []prometheus.Collector {
	gauge := func(name, help string, value func(durable.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(db.Stats()) })
	}
	return []prometheus.Collector{
		gauge("runlease_journal_rows", "Rows in the journal that are not in their tables yet.", func(s durable.Stats) float64 { return float64(s.Waiting) }),
		gauge("runlease_journal_object_bytes", "Bytes of objects in the journal that are not in their files yet.", func(s durable.Stats) float64 { return float64(s.Unfiled) }),
		gauge("runlease_database_bytes", "Size of state.db.", func(s durable.Stats) float64 { return float64(s.Database) }),
		gauge("runlease_write_failed", "1 if the last write failed, for example because the disk is full.", func(s durable.Stats) float64 {
			if s.Broken {
				return 1
			}
			return 0
		}),
	}
}
