package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"

	"runlease/shared/trace"
)

// headerRequestID is on every reply.
const headerRequestID = "X-Request-Id"

type requestIDKey struct{}

// WithRequestID gives a request the id that the gateway in front of the API
// knows it by. It must come from that gateway, never from a client's header.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the request that ctx belongs to, or "" outside of
// a request.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// identified is r with a request id, the gateway's or a new one, and with the trace
// that its sender says it belongs to. Of two traces neither is taken.
func identified(r *http.Request) *http.Request {
	ctx := r.Context()
	if RequestID(ctx) == "" {
		var id [12]byte
		rand.Read(id[:]) // never fails
		ctx = WithRequestID(ctx, hex.EncodeToString(id[:]))
	}
	if said := r.Header[trace.Header]; len(said) == 1 {
		if parent, ok := trace.Parse(said[0]); ok {
			ctx = trace.With(ctx, parent)
		}
	}
	if ctx == r.Context() {
		return r
	}
	return r.WithContext(ctx)
}

// Lines returns a handler that puts into each line to which request it belongs: its
// id, and the trace and the sender's part of it if the request said so.
func Lines(next slog.Handler) slog.Handler {
	if _, are := next.(lines); are {
		return next
	}
	return lines{next}
}

type lines struct{ slog.Handler }

// Handle is for slog.Handler.
func (h lines) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
		if parent := trace.From(ctx); parent.Trace != "" {
			r.AddAttrs(slog.String("trace_id", parent.Trace), slog.String("parent_id", parent.Span))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is for slog.Handler.
func (h lines) WithAttrs(attrs []slog.Attr) slog.Handler { return lines{h.Handler.WithAttrs(attrs)} }

// WithGroup is for slog.Handler.
func (h lines) WithGroup(name string) slog.Handler { return lines{h.Handler.WithGroup(name)} }
