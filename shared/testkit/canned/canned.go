// Package canned is as much of DynamoDB, SQS and S3 as the adapters of this
// project use, in memory behind an http.RoundTripper: the SDK's clients talk to
// it as they would to AWS, and it answers at once and always the same. It is for
// counting what requests cost, so it says what every call consumes, by package
// meter's rules; it enforces no permissions, and a queue is the product's own in memory.
// What it does not understand it refuses by name.
package canned

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"runlease/shared/memory"
)

// Backend is all three services. Its methods may be called at once.
type Backend struct {
	now func() time.Time

	mu      sync.Mutex
	tables  map[string]*table
	queues  map[string]*memory.Queue
	objects map[string]object
}

// New is a Backend without tables and queues that tells the time by now.
// Buckets need not be made.
func New(now func() time.Time) *Backend {
	return &Backend{now: now, tables: map[string]*table{}, queues: map[string]*memory.Queue{}, objects: map[string]object{}}
}

// fault is a refusal in the form of the JSON protocols.
type fault struct {
	code, message string
	more          map[string]any
}

// Error is for error.
func (f *fault) Error() string { return f.code + ": " + f.message }

func invalid(format string, args ...any) error {
	return &fault{code: "ValidationException", message: fmt.Sprintf(format, args...)}
}

// RoundTrip answers one request of an SDK client. It is for http.RoundTripper.
func (b *Backend) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var answer any
	var err error
	switch service {
	case "DynamoDB_20120810":
		answer, err = b.dynamodb(operation, body)
	case "AmazonSQS":
		answer, err = b.sqs(operation, body)
	case "":
		return b.s3(r, body), nil
	default:
		err = invalid("no service %q", service)
	}
	status := http.StatusOK
	if err != nil {
		refusal, ok := err.(*fault) //nolint:errorlint // made in this package and never wrapped
		if !ok {
			return nil, err
		}
		status = http.StatusBadRequest
		all := map[string]any{"__type": "canned#" + refusal.code, "message": refusal.message}
		for name, value := range refusal.more {
			all[name] = value
		}
		answer = all
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return reply(r, status, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, text), nil
}

func reply(r *http.Request, status int, header http.Header, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}
}
