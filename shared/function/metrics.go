package function

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"runlease/shared/deployment"
)

// metric is a value of one of deployment.Metrics.
type metric struct {
	name, unit string
	value      float64
}

// writeMetrics writes metrics as one line of the log, in CloudWatch's embedded
// metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func writeMetrics(w io.Writer, stage string, now time.Time, metrics ...metric) error {
	if stage == "" { // nobody watches
		return nil
	}
	line := map[string]any{deployment.MetricStage: stage}
	var named []any
	for _, m := range metrics {
		line[m.name] = m.value
		named = append(named, map[string]string{"Name": m.name, "Unit": m.unit})
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace":  deployment.MetricNamespace,
			"Dimensions": [][]string{{deployment.MetricStage}},
			"Metrics":    named,
		}},
	}
	if err := json.NewEncoder(w).Encode(line); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// Quiet is set where a deployment has no metrics of its own, each of which costs 0.30
// dollars a month.
type Quiet struct {
	NoMetrics bool `env:"RUNLEASE_NO_METRICS"`
}

// CountUnjudged is for dispatch.Dispatcher: it counts a job that was judged JE.
func (s Stage) CountUnjudged() {
	if err := writeMetrics(os.Stdout, s.StageName, time.Now(), unjudged()); err != nil {
		slog.Error("a job judged JE was not counted", "error", err)
	}
}

func unjudged() metric { return metric{deployment.MetricUnjudged, "Count", 1} }
