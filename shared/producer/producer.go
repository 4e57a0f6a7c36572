// Package producer is the producer's side of the wire: it calls the API with a
// producer's token and uploads what the API asks for. It repeats nothing.
package producer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"runlease/shared/casefile"
	"runlease/shared/trace"
)

// Client calls the API at URL, which ends without a slash.
type Client struct {
	URL, Token string
	HTTP       *http.Client // follows no redirect: see NoRedirect
}

// NoRedirect is the CheckRedirect of a client whose token shall go nowhere else.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Announced is what bytes will be.
type Announced struct {
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower-case hex
}

// Upload is a request that the API asks for.
type Upload struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"` // to be sent as they are
}

// Refusal is what the API answered in place of what was asked for. Its text is
// the API's message and, on further lines, what was found in test data.
type Refusal struct {
	Status   int    // of HTTP
	Code     string // the API's stable word
	Message  string
	Findings []casefile.Finding
	After    time.Duration // when to ask again; 0 if the API does not say
}

// Error is for the error interface.
func (r *Refusal) Error() string {
	lines := []string{r.Message}
	for _, one := range r.Findings {
		lines = append(lines, strings.TrimPrefix(one.File+": "+one.Message, ": "))
	}
	return strings.Join(lines, "\n")
}

// maxReply bounds a reply, in bytes. The largest is that of a query: 4 MB.
const maxReply = 8 << 20

// Call makes a request and reads data of its reply; body and data may be nil. A
// refusal is a *Refusal. After any other error the request may have had an
// effect or not.
func (c *Client) Call(ctx context.Context, method, path string, body, data any) error {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		text = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, text)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	r.Header.Set("Content-Type", "application/json")
	if parent := trace.From(ctx).String(); parent != "" {
		r.Header.Set(trace.Header, parent)
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var reply struct {
		Data    json.RawMessage `json:"data"`
		Message string          `json:"message"`
		Status  string          `json:"status"`
		Code    string          `json:"code"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, maxReply)).Decode(&reply)
	if err != nil || reply.Status != "ok" && reply.Status != "err" {
		return fmt.Errorf("%s answered %s, which is no reply of this API; is -url right?", c.URL, response.Status)
	}
	if reply.Status != "ok" {
		refusal := &Refusal{Status: response.StatusCode, Code: reply.Code, Message: reply.Message}
		var found casefile.Findings
		_ = json.Unmarshal(reply.Data, &found) // other refusals have none
		refusal.Findings = found.List
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			refusal.After = time.Duration(seconds) * time.Second
		}
		return refusal
	}
	if data == nil {
		return nil
	}
	if err := json.Unmarshal(reply.Data, data); err != nil {
		return fmt.Errorf("read the reply: %w", err)
	}
	return nil
}

// Send uploads a body of size bytes to the address of a reply. It is no error if the
// object is there already.
func (c *Client) Send(ctx context.Context, to Upload, body io.Reader, size int64) error {
	r, err := http.NewRequestWithContext(ctx, to.Method, to.URL, io.NopCloser(body))
	if err != nil {
		return fmt.Errorf("make request: %w", WithoutURL(err))
	}
	r.ContentLength = size
	for name, value := range to.Headers {
		r.Header.Set(name, value)
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		return WithoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPreconditionFailed {
		return errors.New(response.Status)
	}
	return nil
}

// WithoutURL is an error without the URL in it, which is signed or has a token.
func WithoutURL(err error) error {
	if in, is := errors.AsType[*url.Error](err); is {
		return in.Err
	}
	return err
}
