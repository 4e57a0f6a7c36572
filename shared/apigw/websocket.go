package apigw

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/api"
)

// socketEvent is what is used of an event of a WebSocket API.
type socketEvent struct {
	Headers        map[string]string `json:"headers"`
	RequestContext struct {
		ConnectionID string `json:"connectionId"`
		RequestID    string `json:"requestId"`
		EventType    string `json:"eventType"`
	} `json:"requestContext"`
}

func readSocketEvent(payload []byte, kind string) (e socketEvent, err error) {
	err = json.Unmarshal(payload, &e, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil || e.RequestContext.ConnectionID == "" || e.RequestContext.EventType != kind {
		return e, errFormat
	}
	return e, nil
}

type connectionKey struct{}

// ConnectionID returns the connection that a handshake is for; "" if r is none of a
// WebSocket API.
func ConnectionID(r *http.Request) string {
	id, _ := r.Context().Value(connectionKey{}).(string)
	return id
}

// Connect is the Lambda handler of $connect: the http.Handler answers a GET of a
// path with the headers of the handshake. A status below 300 opens the
// connection.
type Connect struct {
	HTTP http.Handler
	Path string
}

// Invoke answers one event.
func (c Connect) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := readSocketEvent(payload, "CONNECT")
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, connectionKey{}, e.RequestContext.ConnectionID)
	if e.RequestContext.RequestID != "" {
		ctx = api.WithRequestID(ctx, e.RequestContext.RequestID)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Path, http.NoBody)
	if err != nil {
		return nil, errFormat
	}
	for name, value := range e.Headers { // in whatever case they came
		r.Header.Set(name, value)
	}
	w := &recorder{header: http.Header{}}
	c.HTTP.ServeHTTP(w, r)
	return w.reply(false), nil
}

// Disconnect is the Lambda handler of $disconnect. Its error goes to the log; API
// Gateway does not repeat the event.
type Disconnect func(ctx context.Context, connection string) error

// Invoke answers one event.
func (d Disconnect) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := readSocketEvent(payload, "DISCONNECT")
	if err != nil {
		return nil, err
	}
	if err := d(ctx, e.RequestContext.ConnectionID); err != nil {
		return nil, err
	}
	return (&recorder{}).reply(false), nil
}
