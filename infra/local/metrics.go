package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/ident"
)

// metricsPath is for Prometheus, which shows a producer's token with the scope
// jobs:read: how much a judge has to do is not everybody's business.
const metricsPath = "/metrics"

// metrics counts what the routes answer, and serves it.
func (s *server) metrics(routes http.Handler, verifier *auth.Verifier) (counted, served http.Handler) {
	registry := prometheus.NewRegistry()
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "runlease_request_seconds",
		Help:    "How long requests took, by method and status.",
		Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10},
	}, []string{"method", "code"})
	registry.MustRegister(
		requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	pools := []string{""} // as metrics name them
	if len(s.pools) > 0 {
		pools = []string{ident.DefaultPool}
		for pool := range s.pools {
			pools = append(pools, pool.Name())
		}
	}
	for _, pool := range pools {
		registry.MustRegister(visible(s.queueOf(pool), pool))
	}
	observe := meter(registry, pools)
	var waits dispatch.WaitsHeard
	s.dispatch.Meter = func(ctx context.Context, m deployment.Metric, pool string, value float64) {
		observe(ctx, m, pool, value)
		waits.Hear(m, pool, value, s.now())
	}
	s.dispatch.LastHour = func(context.Context, []string) (map[string]dispatch.Waits, error) { return waits.Waits(s.now()), nil }
	for _, g := range s.gauges {
		registry.MustRegister(g)
	}
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return timed(requests, routes), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := verifier.Producer(r.Context(), auth.Bearer(r.Header.Get("Authorization")), api.ScopeJobsRead); err != nil {
			http.Error(w, "show a producer's token with the scope "+api.ScopeJobsRead+": authorization.credentials_file of the scrape configuration", http.StatusForbidden)
			return
		}
		scrape.ServeHTTP(w, r)
	})
}

// timed observes requests by method and status. promhttp.InstrumentHandlerDuration makes
// a map of labels for each, which is a fiftieth of the server's time.
func timed(requests *prometheus.HistogramVec, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, sent := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sent, r)
		requests.WithLabelValues(strings.ToLower(api.KnownMethod(r.Method)), strconv.Itoa(sent.status)).Observe(time.Since(began).Seconds())
	})
}

// statusWriter notes the status of a reply.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader is for http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// buckets of durations, in seconds: from a program's run time to a queue that stands.
var buckets = []float64{.01, .03, .1, .3, 1, 3, 10, 30, 100, 300, 1000, 3600}

// visible is a gauge of what waits in the queue of a pool.
func visible(q dispatch.Queue, pool string) prometheus.Collector {
	opts := prometheus.GaugeOpts{
		Name: "runlease_messages_visible",
		Help: "Messages that a runner can receive now: about the jobs that wait.",

		ConstLabels: labelled(pool),
	}
	return prometheus.NewGaugeFunc(opts, func() float64 {
		depth, err := q.Depth(context.Background())
		if err != nil {
			return -1
		}
		return float64(depth.Visible)
	})
}

// labelled tells the values of several pools apart; where there is one, they have no label.
func labelled(pool string) prometheus.Labels {
	if pool == "" {
		return nil
	}
	return prometheus.Labels{"pool": pool}
}

// meter registers what a deployment on AWS has in CloudWatch, for each of some pools
// what Metric.Pooled reports.
func meter(registry *prometheus.Registry, pools []string) dispatch.Meter {
	type series struct {
		of   deployment.Metric
		pool string
	}
	observe := map[series]func(float64){}
	for _, m := range deployment.Metrics() {
		of := []string{""}
		if m.Pooled() {
			of = pools
		}
		for _, pool := range of {
			observe[series{m, pool}] = register(registry, m, labelled(pool))
		}
	}
	return func(_ context.Context, m deployment.Metric, pool string, value float64) {
		if !m.Pooled() {
			pool = ""
		}
		observe[series{m, pool}](value)
	}
}

// register registers one series of a metric, and returns what notes a value.
func register(registry *prometheus.Registry, m deployment.Metric, labels prometheus.Labels) func(float64) {
	switch m.Kind() {
	case deployment.Sample:
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: m.Prometheus(), Help: m.Help(), Buckets: buckets, ConstLabels: labels})
		registry.MustRegister(h)
		return h.Observe
	case deployment.Counter:
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: m.Prometheus(), Help: m.Help(), ConstLabels: labels})
		registry.MustRegister(c)
		return c.Add
	case deployment.Gauge:
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: m.Prometheus(), Help: m.Help(), ConstLabels: labels})
	registry.MustRegister(g)
	return g.Set
}
