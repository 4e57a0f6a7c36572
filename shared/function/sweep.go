package function

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"runlease/shared/dispatch"
)

// Sweep returns the handler of the schedule: one run of the sweep for each
// event, whatever its content.
func Sweep(d *dispatch.Dispatcher) lambda.Handler {
	m := newMeter()
	d.Meter = m.measure
	return metered{sweep{d, m}, m}
}

type sweep struct {
	dispatch *dispatch.Dispatcher
	meter    *meter
}

// Invoke is for lambda.Handler.
func (s sweep) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	swept, err := s.dispatch.Sweep(ctx)
	if err != nil {
		// The caller is a rule, and the log is where an operator looks.
		slog.LogAttrs(ctx, slog.LevelError, "sweep failed", append(s.meter.line(ctx), slog.Any("error", err))...)
		return nil, fmt.Errorf("sweep: %w", err)
	}
	slog.LogAttrs(ctx, slog.LevelInfo, "swept", append(s.meter.line(ctx),
		slog.Int("looked", swept.Looked), slog.Int("ended", swept.Ended), slog.Int("rang", swept.Rang), slog.Int("rejudged", swept.Rejudged), slog.Int("failed", swept.Failed))...)
	return []byte("null"), nil
}
