package api

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// reply is what a request is answered with.
type reply struct {
	status  int
	message string
	data    any         // an object, or nil for null
	outcome job.Outcome // of a refusal; empty: success
	header  http.Header
	file    []byte // the body, in place of an envelope; its type is in header
}

// envelope is every JSON body that this API sends.
type envelope struct {
	Data    any         `json:"data"`
	Message string      `json:"message"`
	Status  string      `json:"status"`
	Code    job.Outcome `json:"code,omitempty"`
}

// granted is a 200.
func granted(message string, data any) reply {
	return reply{status: http.StatusOK, message: message, data: data}
}

// refuse is the reply for a code, with what is wrong in this very request.
func refuse(code job.Outcome, detail ...string) reply {
	r, known := refusals[code]
	if !known {
		panic(fmt.Sprintf("code %q has no status", code))
	}
	refused := reply{status: r.status, message: r.message, outcome: code}
	for _, d := range detail {
		if d != "" {
			refused.message += ": " + d
		}
	}
	return refused
}

// refusedOr is what remains of a use case that was not granted: its refusal, or
// the error behind it.
func refusedOr(a dispatch.Answer, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	refused := refuse(a.Outcome, a.Detail)
	if a.Findings != nil {
		refused.data = a.Findings
	}
	return refused, nil
}

// The values of headers that most replies have. Replies carry tokens and signed URLs.
var noStore, jsonType = []string{"no-store"}, []string{"application/json"}

// write sends r and returns its status; an error means that it could not be
// encoded, and a 500 was sent in its place.
func (r reply) write(w http.ResponseWriter, req *http.Request) (int, error) {
	body, err := r.file, error(nil)
	if body == nil {
		text := texts.Get().(*bytes.Buffer)
		defer texts.Put(text)
		if err = r.encode(text); err != nil {
			r = refuse(internalError)
			_ = r.encode(text)
		}
		body = text.Bytes()
	}
	header := w.Header()
	for name, values := range r.header {
		header[name] = values
	}
	header.Set(headerRequestID, RequestID(req.Context()))
	header["Cache-Control"] = noStore
	if r.status == http.StatusNotModified {
		w.WriteHeader(r.status)
		return r.status, err
	}
	if r.file == nil {
		header["Content-Type"] = jsonType
	}
	w.WriteHeader(r.status)
	w.Write(body) //nolint:errcheck // the client has gone away
	return r.status, err
}

// written is how every reply is encoded: the same reply in the same bytes.
var written = json.JoinOptions(lenient, json.Deterministic(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true))

// texts are buffers of replies that were sent. Large ones are not kept for long: the
// collector empties the pool.
var texts = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode writes the envelope of r to text, and nothing else.
func (r reply) encode(text *bytes.Buffer) error {
	text.Reset()
	out := envelope{Data: r.data, Message: r.message, Status: "ok", Code: r.outcome}
	if r.outcome != "" {
		out.Status = "err"
	}
	if err := json.MarshalWrite(text, out, written); err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	return text.WriteByte('\n')
}
