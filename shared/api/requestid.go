package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
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

// identified is r with a request id: the gateway's, or a new one.
func identified(r *http.Request) *http.Request {
	if RequestID(r.Context()) != "" {
		return r
	}
	var id [12]byte
	rand.Read(id[:]) // never fails
	return r.WithContext(WithRequestID(r.Context(), hex.EncodeToString(id[:])))
}
