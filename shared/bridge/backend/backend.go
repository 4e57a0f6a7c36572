// Package backend is the sandbox's side of what Normal-OJ's back end speaks: it
// asks for problems and reports verdicts. It repeats nothing.
package backend

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

	"runlease/shared/producer"
)

// Client calls the back end at URL, which ends without a slash, with the token
// that its configuration has for this sandbox. The back end takes it in queries
// and bodies only, so neither is ever logged.
type Client struct {
	URL, Token string
	HTTP       *http.Client
	// Silence is how long a reply may pause, or take to begin. Test data comes
	// slowly, a line at a time, so there is no limit for the whole.
	Silence time.Duration
}

// Task is what the back end says about one of a problem's tasks.
type Task struct {
	Score       int `json:"taskScore"`
	Cases       int `json:"caseCount"`
	MemoryLimit int `json:"memoryLimit"` // KB
	TimeLimit   int `json:"timeLimit"`   // ms
}

// Refusal is an answer of the back end that is not 200. Any other error means
// that it was not reached, or that something else answered in its place.
type Refusal struct {
	Status  int
	Message string
}

// Error is for the error interface.
func (r *Refusal) Error() string {
	return fmt.Sprintf("the back end answers %d: %s", r.Status, r.Message)
}

// Status is the status of a *Refusal; 0 if err is none.
func Status(err error) int {
	if refusal, is := errors.AsType[*Refusal](err); is {
		return refusal.Status
	}
	return 0
}

// Checksum asks for the checksum of a problem. The back end reads all test data
// for it.
func (c *Client) Checksum(ctx context.Context, problem int) (sum string, err error) {
	_, err = c.ask(ctx, problem, "checksum", &sum)
	if err == nil && sum == "" {
		err = errors.New("the back end's checksum is empty")
	}
	return sum, err
}

// Meta asks for the tasks of a problem. raw is what they were read from.
func (c *Client) Meta(ctx context.Context, problem int) (tasks []Task, raw []byte, err error) {
	var meta struct {
		Tasks []Task `json:"tasks"`
	}
	raw, err = c.ask(ctx, problem, "meta", &meta)
	return meta.Tasks, raw, err
}

// maxReply bounds a reply that is no test data, in bytes.
const maxReply = 1 << 20

// ErrTooLarge means that test data have more bytes than are allowed.
var ErrTooLarge = errors.New("the test data are too large")

// TestData writes the test data of a problem, at most most bytes.
func (c *Client) TestData(ctx context.Context, problem int, to io.Writer, most int64) error {
	ctx, alive, stop := c.watch(ctx)
	defer stop()
	response, err := c.get(ctx, problem, "testdata")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	alive()
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
		return errors.Join(err, refused(response.StatusCode, text))
	}
	n, err := io.Copy(to, io.LimitReader(reader{response.Body, alive}, most+1))
	switch {
	case ctx.Err() != nil && err != nil:
		return fmt.Errorf("read the test data of problem %d: %w", problem, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("read the test data of problem %d: %w", problem, err)
	case n > most:
		return ErrTooLarge
	}
	return nil
}

// errSilent is why a call was given up.
var errSilent = errors.New("the back end has been silent for too long")

// watch ends a context when alive has not been called for as long as may be silent.
func (c *Client) watch(ctx context.Context) (watched context.Context, alive, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.Silence, func() { cancel(errSilent) })
	return watched, func() { timer.Reset(c.Silence) }, func() { timer.Stop(); cancel(nil) }
}

type reader struct {
	io.Reader
	alive func()
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.alive()
	return n, err
}

func (c *Client) get(ctx context.Context, problem int, what string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/problem/"+strconv.Itoa(problem)+"/"+what+"?token="+url.QueryEscape(c.Token), nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", producer.WithoutURL(err))
	}
	return c.do(r)
}

func (c *Client) do(r *http.Request) (*http.Response, error) {
	response, err := c.HTTP.Do(r)
	if err != nil {
		if cause := context.Cause(r.Context()); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("ask the back end: %w", producer.WithoutURL(err))
	}
	return response, nil
}

// ask reads data of a reply about a problem.
func (c *Client) ask(ctx context.Context, problem int, what string, data any) (raw []byte, err error) {
	ctx, _, stop := c.watch(ctx)
	defer stop()
	response, err := c.get(ctx, problem, what)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	reply, err := read(response)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(reply.Data, data); err != nil {
		return nil, fmt.Errorf("read the %s of problem %d: %w", what, problem, err)
	}
	return reply.Data, nil
}

// Complete reports a verdict: a body with tasks and token. Repeated, it must not
// overlap with itself: the back end would count both.
func (c *Client) Complete(ctx context.Context, submission string, body []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*c.Silence, errSilent)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, c.URL+"/submission/"+submission+"/complete", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := c.do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = read(response)
	return err
}

// envelope is every JSON reply of the back end.
type envelope struct {
	Status  string          `json:"status"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// read takes in a reply.
func read(response *http.Response) (envelope, error) {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return envelope{}, fmt.Errorf("read the back end's reply: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return envelope{}, refused(response.StatusCode, text)
	}
	var reply envelope
	if json.Unmarshal(text, &reply) != nil || reply.Status != "ok" {
		return envelope{}, fmt.Errorf("%s answered 200 with something that is no reply of the back end; is its URL right?", response.Request.URL.Host)
	}
	return reply, nil
}

// refused is the back end's word, if it is that: its envelope or, with a 500, the
// text of its framework. What a proxy or a firewall says is not.
func refused(status int, text []byte) error {
	var reply envelope
	if json.Unmarshal(text, &reply) == nil && reply.Status == "err" {
		return &Refusal{status, short(reply.Message)}
	}
	if status == http.StatusInternalServerError {
		return &Refusal{status, short(string(text))}
	}
	return fmt.Errorf("%d was answered in the back end's place: %q", status, short(string(text)))
}

// short is the beginning of a text, for a log.
func short(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), 300)], "\uFFFD")
}
