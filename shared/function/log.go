package function

import (
	"log/slog"
	"os"
	"strings"
)

// lambdaLog writes JSON lines as Lambda's JSON log format has them, at the level
// that AWS_LAMBDA_LOG_LEVEL asks for (default info).
func lambdaLog() slog.Handler {
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
