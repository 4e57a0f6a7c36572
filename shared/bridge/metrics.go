package bridge

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"runlease/shared/bridge/journal"
)

// counts are the bridge's metrics.
type counts struct {
	submits  *prometheus.CounterVec // by status
	verdicts *prometheus.CounterVec // by outcome
	problems *prometheus.CounterVec // by the outcome of a look
	served   http.Handler
}

func newCounts(b *Bridge) *counts {
	counter := func(name, label, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	c := &counts{
		submits:  counter("runlease_bridge_submits_total", "status", "Submissions that the back end has sent, by what was answered."),
		verdicts: counter("runlease_bridge_verdicts_total", "outcome", "Verdicts sent to the back end: accepted, late (it had no token for them any more), lost (it failed and has no token any more), dropped (the submission or its problem is gone)."),
		problems: counter("runlease_bridge_problems_total", "outcome", "Looks at a problem of the back end: unchanged, published, faulty, failed."),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c.submits, c.verdicts, c.problems, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
	}
	for _, state := range []journal.State{journal.Received, journal.Handed, journal.Judged} {
		gauge("runlease_bridge_waiting", "Submissions that are not done: received (to be handed in), handed (in runlease), judged (their verdict is to be sent).", prometheus.Labels{"state": string(state)}, func() float64 {
			n, _ := b.open.look()
			return float64(n[state])
		})
	}
	gauge("runlease_bridge_oldest_seconds", "How long the oldest of them has waited.", nil, func() float64 {
		_, oldest := b.open.look()
		return oldest.Seconds()
	})
	gauge("runlease_bridge_disk_full", "1 if the disk has less free than is to be left alone, or the last write failed.", nil, func() float64 { return number(b.full.is()) })
	for name, g := range map[string]*gate{"back end": b.backEndGate, "runlease": b.runleaseGate} {
		gauge("runlease_bridge_away", "1 if this side cannot be reached.", prometheus.Labels{"side": name}, func() float64 {
			_, _, away := g.last()
			return number(away)
		})
	}
	c.served = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return c
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// metrics is GET /metrics, for Prometheus, which shows the bridge's token: how much
// a judge has to do is not everybody's business.
func (b *Bridge) metrics(w http.ResponseWriter, r *http.Request) {
	token, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !is || !b.knows(token) {
		http.Error(w, "show the sandbox's token: authorization.credentials_file of the scrape configuration", http.StatusForbidden)
		return
	}
	b.counts.served.ServeHTTP(w, r)
}
