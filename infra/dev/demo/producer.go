package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// endpoint is where the API is and what opens it.
type endpoint struct {
	URL           string `json:"url"`
	RunnerToken   string `json:"runnerToken"`
	ProducerToken string `json:"producerToken"`
}

// artifact announces bytes that will be uploaded.
type artifact struct {
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

func describe(content []byte) artifact {
	sum := sha256.Sum256(content)
	return artifact{len(content), hex.EncodeToString(sum[:])}
}

// upload is the API's data.upload: where announced bytes go.
type upload struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
}

// job is what the demo reads of GET /jobs/{id} and POST /jobs/query.
type job struct {
	ID          string    `json:"submissionId"`
	State       string    `json:"state"`
	Status      int       `json:"status"`
	Score       int       `json:"score"`
	RunTime     int       `json:"runTime"`     // ms, -1: unknown
	MemoryUsage int       `json:"memoryUsage"` // KB, -1: unknown
	Attempt     int       `json:"attempt"`
	Generation  int       `json:"generation"`
	Holder      *holder   `json:"holder"`
	Attempts    []attempt `json:"attempts"`
}

// holder is the runner that has a claim now.
type holder struct {
	Runner  string `json:"runner"`
	Expired bool   `json:"expired"`
}

// attempt is one claim of a job and how it ended.
type attempt struct {
	Attempt int    `json:"attempt"`
	Runner  string `json:"runner"`
	How     string `json:"how"`
	Reason  string `json:"reason"`
}

// final reports whether nothing will change any more.
func (j job) final() bool { return j.State == "finished" || j.State == "cancelled" }

// producer calls the producer routes.
type producer struct {
	base   string
	token  string
	client *http.Client
	wait   time.Duration // before the first repetition
}

func newProducer(e endpoint) *producer {
	return &producer{
		base:   strings.TrimRight(e.URL, "/"),
		token:  e.ProducerToken,
		client: &http.Client{Timeout: 30 * time.Second},
		wait:   200 * time.Millisecond,
	}
}

// maxCalls bounds the repetitions of one request: with the wait doubling from
// 200 ms, an API that is away for six seconds does not fail the demo.
const maxCalls = 6

// call sends in as JSON (nil: no body) and decodes the reply's data into out
// (nil: not looked at). A 429, a 5xx or no reply is repeated: every producer
// route is safe to repeat. Any other status that is not 2xx is an error.
func (p *producer) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	header := http.Header{"Authorization": {"Bearer " + p.token}}
	if in != nil {
		header.Set("Content-Type", "application/json")
	}
	status, reply, err := p.send(ctx, method, p.base+path, header, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	var envelope struct {
		Data    json.RawMessage `json:"data"`
		Message string          `json:"message"`
		Code    string          `json:"code"`
	}
	if err := json.Unmarshal(reply, &envelope); err != nil && status/100 == 2 {
		return fmt.Errorf("%s %s: read reply: %w", method, path, err)
	}
	if status/100 != 2 {
		return fmt.Errorf("%s %s: %d %s %s", method, path, status, envelope.Code, envelope.Message)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(envelope.Data, out); err != nil {
		return fmt.Errorf("%s %s: read data: %w", method, path, err)
	}
	return nil
}

// put sends announced bytes to where the API said. A 412 says that they are
// there already: the key is their hash.
func (p *producer) put(ctx context.Context, u upload, content []byte) error {
	header := http.Header{}
	for name, value := range u.Headers {
		header.Set(name, value)
	}
	status, reply, err := p.send(ctx, u.Method, u.URL, header, content)
	switch {
	case err != nil:
		return fmt.Errorf("upload: %w", err)
	case status/100 == 2, status == http.StatusPreconditionFailed:
		return nil
	}
	return fmt.Errorf("upload: %d %.200s", status, reply)
}

// send repeats a request until it has an answer that is worth keeping.
func (p *producer) send(ctx context.Context, method, url string, header http.Header, body []byte) (status int, reply []byte, err error) {
	wait := p.wait
	for n := 1; ; n++ {
		status, reply, err = p.sendOnce(ctx, method, url, header, body)
		again := err != nil || status == http.StatusTooManyRequests || status >= 500
		if !again || n == maxCalls || ctx.Err() != nil {
			return status, reply, err
		}
		select {
		case <-ctx.Done():
			return status, reply, context.Cause(ctx)
		case <-time.After(wait):
			wait *= 2
		}
	}
}

func (p *producer) sendOnce(ctx context.Context, method, url string, header http.Header, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header = header
	response, err := p.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return 0, nil, err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	return response.StatusCode, reply, err
}
