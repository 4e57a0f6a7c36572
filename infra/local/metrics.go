package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"runlease/shared/api"
	"runlease/shared/auth"
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
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "runlease_messages_visible",
			Help: "Messages that a runner can receive now: about the jobs that wait.",
		}, func() float64 {
			visible, err := s.queue.Visible(context.Background())
			if err != nil {
				return -1
			}
			return float64(visible)
		}),
	)
	unjudged := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "runlease_jobs_judged_je_total",
		Help: "Jobs that could not be judged, by their problem's fault: the log says why.",
	})
	registry.MustRegister(unjudged)
	s.dispatch.Unjudged = unjudged.Inc
	for _, g := range s.gauges {
		registry.MustRegister(g)
	}
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return promhttp.InstrumentHandlerDuration(requests, routes), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := verifier.Producer(r.Context(), token, api.ScopeJobsRead); err != nil {
			http.Error(w, "show a producer's token with the scope "+api.ScopeJobsRead+": authorization.credentials_file of the scrape configuration", http.StatusForbidden)
			return
		}
		scrape.ServeHTTP(w, r)
	})
}
