package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
)

// wiretap stands between the SDK's clients and package canned. It records what
// the calls of one request were and how they were answered, and then gives the
// same answers at once, whatever is asked, so that only the CPU of the caller's
// side is spent.
type wiretap struct {
	backend http.RoundTripper

	mu        sync.Mutex
	mode      mode
	inputs    []any // of the SDK's calls
	exchanges map[string]*answers
}

type mode int

const (
	through mode = iota
	recording
	replaying
)

// answers of one operation, in the order in which a request gets them.
type answers struct {
	list []exchange
	next int
}

type exchange struct {
	status int
	header http.Header
	body   []byte
}

// attach makes every client that is made of cfg talk to the tap.
func (w *wiretap) attach(cfg *aws.Config) {
	cfg.HTTPClient = &http.Client{Transport: w}
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Wiretap", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			if w.mode == recording {
				w.note(in.Parameters)
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
	})
}

// note keeps the input of a call.
func (w *wiretap) note(input any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inputs = append(w.inputs, input)
}

// record keeps the calls of what do does.
func (w *wiretap) record(do func()) {
	w.mode, w.inputs, w.exchanges = recording, nil, map[string]*answers{}
	do()
	w.mode = replaying
}

// key is what a call asks for.
func key(r *http.Request) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target
	}
	return r.Method + " " + r.URL.Path
}

// RoundTrip is for http.RoundTripper.
func (w *wiretap) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.mode == replaying {
		if r.Body != nil {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, fmt.Errorf("read request: %w", err)
			}
			if err := r.Body.Close(); err != nil {
				return nil, fmt.Errorf("read request: %w", err)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		recorded := w.exchanges[key(r)]
		if recorded == nil {
			return nil, fmt.Errorf("%s was not recorded", key(r))
		}
		e := recorded.list[recorded.next]
		recorded.next = (recorded.next + 1) % len(recorded.list)
		return e.reply(r), nil
	}
	answer, err := w.backend.RoundTrip(r)
	if err != nil || w.mode == through {
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	e := exchange{answer.StatusCode, answer.Header, body}
	if err := e.asAWS(r); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.exchanges[key(r)] == nil {
		w.exchanges[key(r)] = &answers{}
	}
	w.exchanges[key(r)].list = append(w.exchanges[key(r)].list, e)
	return e.reply(r), nil
}

// asAWS makes an answer what AWS sends: without the capacity that was not asked
// for, and with DynamoDB's checksum, which the SDK checks.
func (e *exchange) asAWS(r *http.Request) error {
	if r.Header.Get("X-Amz-Target") == "" {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(e.body, &fields); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	delete(fields, "ConsumedCapacity")
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	e.body = body
	e.header = e.header.Clone()
	e.header.Set("X-Amzn-Requestid", "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG")
	e.header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	return nil
}

func (e exchange) reply(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: e.status, Header: e.header, Body: io.NopCloser(bytes.NewReader(e.body)),
		ContentLength: int64(len(e.body)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}
}
