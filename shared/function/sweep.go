package function

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"runlease/shared/deployment"
	"runlease/shared/dispatch"
)

// Stage names the stage of a deployment; metrics carry it.
type Stage struct {
	StageName string `env:"RUNLEASE_STAGE,required,notEmpty"`
}

// Sweep returns the handler of the schedule: one run of the sweep for each
// event, whatever its content.
func Sweep(d *dispatch.Dispatcher, stage string) lambda.Handler {
	return sweep{d, stage, os.Stdout}
}

type sweep struct {
	dispatch *dispatch.Dispatcher
	stage    string
	metrics  io.Writer
}

// Invoke is for lambda.Handler.
func (s sweep) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	swept, err := s.dispatch.Sweep(ctx)
	if err != nil {
		// The caller is a rule, and the log is where an operator looks.
		slog.ErrorContext(ctx, "sweep failed", "error", err)
		return nil, fmt.Errorf("sweep: %w", err)
	}
	slog.InfoContext(ctx, "swept", "looked", swept.Looked, "ended", swept.Ended, "rang", swept.Rang, "failed", swept.Failed)
	return []byte("null"), s.report(swept, time.Now())
}

// report writes the metrics of one run as one line, in CloudWatch's embedded
// metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (s sweep) report(swept dispatch.Swept, now time.Time) error {
	type metric struct {
		Name string
		Unit string
	}
	line := map[string]any{
		"_aws": map[string]any{
			"Timestamp": now.UnixMilli(),
			"CloudWatchMetrics": []any{map[string]any{
				"Namespace":  deployment.MetricNamespace,
				"Dimensions": [][]string{{deployment.MetricStage}},
				"Metrics":    []metric{{deployment.MetricOldest, "Seconds"}, {deployment.MetricEnded, "Count"}, {deployment.MetricRang, "Count"}},
			}},
		},
		deployment.MetricStage:  s.stage,
		deployment.MetricOldest: swept.OldestAge.Seconds(),
		deployment.MetricEnded:  swept.Ended,
		deployment.MetricRang:   swept.Rang,
	}
	if err := json.NewEncoder(s.metrics).Encode(line); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
