package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// reporter is the part of testing.TB that is needed.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Check reports to t what openapi.yaml does not allow about an exchange. body
// is the reply's. The request's path must be the API's own, with no prefix. The
// body of a granted request is looked at if the request has GetBody.
func Check(t reporter, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	var sent []byte
	if req.GetBody != nil {
		if again, err := req.GetBody(); err == nil {
			sent, _ = io.ReadAll(again)
		}
	}
	if err := verify(req, req.URL.EscapedPath(), sent, resp.StatusCode, resp.Header, body); err != nil {
		t.Errorf("%s %s, %d: not what openapi.yaml says: %v\n%s", req.Method, req.URL.Path, resp.StatusCode, err, short(body))
	}
}

func short(body []byte) []byte { return body[:min(len(body), 2000)] }

// verify returns the first thing that openapi.yaml does not allow.
func verify(req *http.Request, path string, sent []byte, status int, header http.Header, body []byte) error {
	doc, err := Document()
	if err != nil {
		return err
	}
	route, params := find(doc, req.Method, path)
	sent = bytes.TrimSpace(bytes.TrimPrefix(sent, []byte("\ufeff"))) // a blank body is none
	if body := route.Operation.RequestBody; string(sent) == "null" && body != nil && !body.Value.Required {
		sent = nil // and so is null where none is required
	}
	asked := req.Clone(context.WithoutCancel(req.Context()))
	asked.Body = io.NopCloser(bytes.NewReader(sent))
	asked.ContentLength = int64(len(sent))
	asked.GetBody = nil // it would be read in place of Body
	if len(sent) > 0 && asked.Header.Get("Content-Type") == "" {
		asked.Header.Set("Content-Type", "application/json") // clients may leave it out
	}
	in := &openapi3filter.RequestValidationInput{
		Request:    asked,
		PathParams: params,
		Route:      route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
		},
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in,
		Status:                 status,
		Header:                 header,
		Options:                in.Options,
	}
	if req.Method == http.MethodHead { // its reply has no body
		if route.Operation.Responses.Status(status) == nil {
			return errors.New("status is not supported")
		}
		note(route.Operation.OperationID, status, body)
		return nil
	}
	if status == http.StatusTooManyRequests && header.Get("X-Request-Id") == "" {
		// A gateway's own: no envelope, and nothing of ours was reached.
		if route.Operation.Responses.Status(status) == nil {
			return errors.New("status is not supported")
		}
		return nil
	}
	if status == http.StatusNotModified {
		if route.Operation.Responses.Status(status) == nil {
			return errors.New("status is not supported")
		}
		if len(body) > 0 || header.Get("ETag") == "" {
			return errors.New("304 with a body, or without an entity tag")
		}
	} else if err := openapi3filter.ValidateResponse(req.Context(), out.SetBodyBytes(body)); err != nil {
		return err
	}
	if status < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(asked.Context(), in); err != nil {
			return fmt.Errorf("the request was granted: %w", err)
		}
	}
	note(route.Operation.OperationID, status, body)
	return nil
}

func note(operation string, status int, body []byte) {
	var reply struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(body, &reply) // 304 has none
	seenMu.Lock()
	defer seenMu.Unlock()
	seen[Case{operation, status, reply.Code}] = true
}
