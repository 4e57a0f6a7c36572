package function

import (
	"context"
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

// report writes the metrics of one run.
func (s sweep) report(swept dispatch.Swept, now time.Time) error {
	return writeMetrics(s.metrics, s.stage, now,
		metric{deployment.MetricOldest, "Seconds", swept.OldestAge.Seconds()},
		metric{deployment.MetricEnded, "Count", float64(swept.Ended)},
		metric{deployment.MetricRang, "Count", float64(swept.Rang)})
}
