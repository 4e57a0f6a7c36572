package apigw

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/api"
)

// Handler is an http.Handler as a Lambda handler: Invoke takes an event and
// returns the reply.
type Handler struct{ http http.Handler }

// New puts h behind API Gateway.
func New(h http.Handler) *Handler { return &Handler{h} }

// Invoke answers one event. The error means that payload is not an event; what
// the handler refuses is a reply.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := parse(payload)
	if err != nil {
		return nil, err
	}
	r, err := e.request(api.WithRequestID(ctx, e.requestID))
	if err != nil {
		return nil, err
	}
	w := &recorder{header: http.Header{}}
	h.http.ServeHTTP(w, r)
	return w.reply(e.isREST()), nil
}

// reply is the answer in the format of an HTTP API, whose headers have one
// value, or of a REST API, whose headers have lists of them.
func (w *recorder) reply(rest bool) []byte {
	out := make([]byte, 0, len(w.body)+len(w.body)/4+512)
	out = append(out, `{"statusCode":`...)
	out = strconv.AppendInt(out, int64(w.status()), 10)
	if len(w.header) > 0 {
		if rest {
			out = append(out, `,"multiValueHeaders":{`...)
		} else {
			out = append(out, `,"headers":{`...)
		}
		for name, values := range w.header {
			out = appendText(out, name)
			out = append(out, ':')
			if rest {
				out = appendTexts(out, values)
			} else {
				out = appendText(out, strings.Join(values, ","))
			}
			out = append(out, ',')
		}
		out[len(out)-1] = '}'
	}
	out = append(out, `,"body":`...)
	if w.isText() {
		out = appendText(out, w.body)
		return append(out, `,"isBase64Encoded":false}`...)
	}
	out = append(out, '"')
	out = base64.StdEncoding.AppendEncode(out, w.body)
	return append(out, `","isBase64Encoded":true}`...)
}

// appendText appends a JSON string. What is no UTF-8 is replaced.
func appendText[T string | []byte](out []byte, text T) []byte {
	out, _ = jsontext.AppendQuote(out, text)
	return out
}

func appendTexts(out []byte, texts []string) []byte {
	out = append(out, '[')
	for i, text := range texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, text)
	}
	return append(out, ']')
}

// recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	code   int
	body   []byte
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
	w.body = append(w.body, b...)
	return len(b), nil
}

// isText reports whether the body goes into an event as it is. All bodies of the API
// do but files, which are zips.
func (w *recorder) isText() bool { return w.header.Get("Content-Type") != "application/zip" }

func (w *recorder) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}
