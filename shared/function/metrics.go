package function

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v11"

	"runlease/shared/deployment"
)

// meter puts what an invocation measures into its line of the log, in CloudWatch's
// embedded metric format. A line without measurements stays as it is.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type meter struct {
	Measured
	directives sync.Map // by written: a json.RawMessage
}

// Measured is whether and under which stage functions write metrics.
type Measured struct {
	// Quiet reports whether the deployment writes no custom metrics, each of which costs
	// 0.30 dollars a month.
	Quiet bool   `env:"RUNLEASE_NO_METRICS"`
	Stage string `env:"RUNLEASE_STAGE"`
}

// Measures reports whether they do.
func (m Measured) Measures() bool { return !m.Quiet && m.Stage != "" }

// written is which metrics a line has, as a set of bits, and whether they are a pool's.
type written struct {
	set    uint64
	pooled bool
}

// newMeter reads the environment. All functions have what it needs, so their
// configurations need not.
func newMeter() *meter {
	m := &meter{}
	if err := env.Parse(m); err != nil {
		slog.Error("metrics are off", "error", err)
		m.Quiet = true
	}
	return m
}

// metered is a function whose invocations are measured.
type metered struct {
	next  lambda.Handler
	meter *meter
}

// Invoke is for lambda.Handler.
func (f metered) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if !f.meter.Measures() {
		return f.next.Invoke(ctx, payload)
	}
	return f.next.Invoke(context.WithValue(ctx, measuredKey{}, &measured{}), payload)
}

type measuredKey struct{}

// measured is what an invocation has measured.
type measured struct {
	mu     sync.Mutex
	values []measurement
}

type measurement struct {
	of    deployment.Metric
	pool  string
	value float64
}

// measure is a dispatch.Meter.
func (m *meter) measure(ctx context.Context, of deployment.Metric, pool string, value float64) {
	if in, on := ctx.Value(measuredKey{}).(*measured); on {
		if !of.Pooled() {
			pool = "" // which is that of all, where there is one pool
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.values = append(in.values, measurement{of, pool, value})
	}
}

// line is what the line of the invocation says beside its own attributes.
func (m *meter) line(ctx context.Context) []slog.Attr {
	in, on := ctx.Value(measuredKey{}).(*measured)
	if !on {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.values) == 0 {
		return nil
	}
	slices.SortStableFunc(in.values, func(a, b measurement) int { return cmp.Or(cmp.Compare(a.pool, b.pool), int(a.of-b.of)) })
	// CloudWatch takes one pool a line. What is of no pool goes with the first; a request
	// about jobs of several pools, which is rare, has a line more for each.
	values := in.values
	for len(values) > 0 && values[len(values)-1].pool != "" {
		pool := values[len(values)-1].pool
		from := slices.IndexFunc(values, func(v measurement) bool { return v.pool == pool })
		if from == 0 || values[from-1].pool == "" {
			return m.attrs(pool, values)
		}
		slog.LogAttrs(ctx, slog.LevelInfo, "of another pool", m.attrs(pool, values[from:])...)
		values = values[:from]
	}
	return m.attrs("", values)
}

// attrs makes the attributes of a line of values, of one pool or none.
func (m *meter) attrs(pool string, values []measurement) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(values)+3)
	on := written{pooled: pool != ""}
	for rest := values; len(rest) > 0; {
		of, n := rest[0].of, 1
		for n < len(rest) && rest[n].of == of {
			n++
		}
		on.set |= 1 << of
		attrs = append(attrs, valueOf(of, rest[:n]))
		rest = rest[n:]
	}
	if on.pooled {
		attrs = append(attrs, slog.String(deployment.MetricPool, pool))
	}
	return append(attrs,
		slog.String(deployment.MetricStage, m.Stage),
		slog.Attr{Key: "_aws", Value: slog.GroupValue(
			slog.Int64("Timestamp", time.Now().UnixMilli()),
			slog.Any("CloudWatchMetrics", m.directive(on)))})
}

// maxValues is how many values CloudWatch takes of one metric in a line. A request
// has fewer: a sync has at most ten results and ten claims. A sweep may end more jobs.
const maxValues = 100

// valueOf is a metric of a line: events are added up, and of samples each is there.
func valueOf(of deployment.Metric, values []measurement) slog.Attr {
	if len(values) == 1 {
		return slog.Float64(of.Name(), values[0].value)
	}
	all := make([]float64, len(values))
	sum := 0.0
	for i, v := range values {
		all[i] = v.value
		sum += v.value
	}
	switch of.Kind() {
	case deployment.Counter:
		return slog.Float64(of.Name(), sum)
	case deployment.Gauge:
		return slog.Float64(of.Name(), all[len(all)-1])
	case deployment.Sample:
	}
	return slog.Any(of.Name(), all[:min(len(all), maxValues)])
}

// directive tells CloudWatch which of a line's attributes are metrics. There are few
// different ones, so each is encoded once.
func (m *meter) directive(on written) json.RawMessage {
	if known, found := m.directives.Load(on); found {
		return known.(json.RawMessage)
	}
	type named struct{ Name, Unit string }
	names := map[bool][]named{} // by whether the pool has a value too
	for _, of := range deployment.Metrics() {
		if on.set&(1<<of) != 0 {
			pooled := on.pooled && of.Pooled()
			names[pooled] = append(names[pooled], named{of.Name(), of.Unit()})
		}
	}
	var directives []map[string]any
	for pooled, dimensions := range map[bool][][]string{
		false: {{deployment.MetricStage}},
		true:  {{deployment.MetricStage}, {deployment.MetricStage, deployment.MetricPool}},
	} {
		if len(names[pooled]) > 0 {
			directives = append(directives, map[string]any{"Namespace": deployment.MetricNamespace, "Dimensions": dimensions, "Metrics": names[pooled]})
		}
	}
	made, err := json.Marshal(directives)
	if err != nil {
		panic(fmt.Sprintf("encode metrics: %v", err)) // texts only
	}
	m.directives.Store(on, json.RawMessage(made))
	return made
}
