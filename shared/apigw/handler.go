package apigw

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"runlease/shared/api"
)

// Handler is an http.Handler as a Lambda handler: Invoke takes an event and
// returns the reply.
type Handler struct{ http http.Handler }

// New puts h behind API Gateway.
func New(h http.Handler) *Handler { return &Handler{h} }

// reply is the answer in both formats; a REST API reads MultiValueHeaders, an
// HTTP API Headers.
type reply struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers,omitempty"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// Invoke answers one event. The error says that payload is not an event; what
// the handler refuses is a reply.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := parse(payload)
	if err != nil {
		return nil, err
	}
	r, err := e.request(api.WithRequestID(ctx, e.RequestContext.RequestID))
	if err != nil {
		return nil, err
	}
	w := &recorder{header: http.Header{}}
	h.http.ServeHTTP(w, r)
	out := reply{StatusCode: w.status(), Body: w.body.String()}
	if e.isREST() {
		out.MultiValueHeaders = w.header
	} else {
		out.Headers = make(map[string]string, len(w.header))
		for name, values := range w.header {
			out.Headers[name] = strings.Join(values, ",")
		}
	}
	encoded, err := json.Marshal(out, lenient)
	if err != nil {
		return nil, fmt.Errorf("encode reply: %w", err)
	}
	return encoded, nil
}

// recorder keeps what a handler writes; all bodies of the API are text.
type recorder struct {
	header http.Header
	code   int
	body   strings.Builder
}

// Header is for http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader is for http.ResponseWriter.
func (w *recorder) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
}

// Write is for http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *recorder) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}
