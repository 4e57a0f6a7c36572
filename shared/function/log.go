package function

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"runlease/shared/api"
)

// lambdaLog writes JSON lines as Lambda's JSON log format has them, at the level
// that AWS_LAMBDA_LOG_LEVEL asks for (default info).
func lambdaLog() slog.Handler { return api.Lines(traced{lambdaLines()}) }

// traced adds Lambda's own id of the invocation, by which Lambda's lines about it and
// its traces are found.
type traced struct{ slog.Handler }

// Handle is for slog.Handler.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if invocation, known := lambdacontext.FromContext(ctx); known {
		r.AddAttrs(slog.String("lambda_request_id", invocation.AwsRequestID))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is for slog.Handler.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup is for slog.Handler.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

// lambdaLines writes the lines.
func lambdaLines() slog.Handler {
	level := slog.LevelInfo
	// An unknown level leaves the default.
	_ = level.UnmarshalText([]byte(strings.Replace(os.Getenv("AWS_LAMBDA_LOG_LEVEL"), "TRACE", "DEBUG", 1)))
	return slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case len(groups) > 0:
			case a.Key == slog.TimeKey:
				a.Key = "timestamp"
			case a.Key == slog.MessageKey:
				a.Key = "message"
			}
			return a
		},
	})
}
