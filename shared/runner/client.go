package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/trace"
	"runlease/shared/version"
)

const (
	// A claim presigns two URLs and a complete stores a zip: seconds at worst.
	// API Gateway gives up after 30 s.
	callTimeout = 40 * time.Second
	maxReply    = 4 << 20 // bytes; a claim of 100 tasks is under 20 KB
	maxHops     = 4
)

// Client speaks to one server as one runner. Its methods send one request each
// (one more per redirect) and are safe for concurrent use. An error is a
// *replyError, or means that there was no reply.
type Client struct {
	base *url.URL
	name string
	http *http.Client
	// Checkers is set if the executor compares outputs as a problem's checker says.
	// Without it the server gives out no job that needs one.
	Checkers bool
	// Languages are the executor's. If it is nil, the server is told of none, and takes
	// that for C, C++ and Python 3.
	Languages *Languages
	// Reload reads the token again, where that can have changed; nil if it cannot.
	// It is called before a refusal is believed.
	Reload func() (string, error)

	refusals atomic.Int32  // replies in a row that said that the token is not good
	refused  chan struct{} // closed when there were refusalsToStop

	mu    sync.Mutex
	token string

	heard     atomic.Bool  // the API itself, at least once
	strangers atomic.Int32 // replies by others until then
}

// strangersToDoubt replies by others, and none by the API, mean that this is no
// API.
const strangersToDoubt = 3

// NewClient takes the server's URL, the runner's token and name. A nil transport
// is http.DefaultTransport.
func NewClient(base, token, name string, transport http.RoundTripper) (*Client, error) {
	u, err := ParseURL(base)
	if err != nil {
		return nil, err
	}
	if err := CheckToken(token); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errors.New("the runner's name must not be empty")
	}
	return &Client{
		base: u, token: token, name: name, refused: make(chan struct{}),
		http: &http.Client{
			Transport: transport,
			// By default redirects take the token along, to S3 as well.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// call sends one request to the API and reads data of the reply into into.
func (c *Client) call(ctx context.Context, method, path, claimToken string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	target, err := url.Parse(strings.TrimSuffix(c.base.String(), "/") + path)
	if err != nil {
		return fmt.Errorf("make URL: %w", err)
	}
	for range maxHops {
		var next *url.URL
		if next, err = c.hop(ctx, method, target, claimToken, payload, into); next == nil {
			break
		}
		target = next
	}
	c.count(err, target)
	return err
}

// hop sends a request to one address; next is where it was redirected to.
func (c *Client) hop(ctx context.Context, method string, target *url.URL, claimToken string, payload []byte, into any) (next *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	c.identify(req.Header)
	req.Header.Set("Accept", "application/json")
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if claimToken != "" {
		req.Header.Set("X-Claim-Token", claimToken)
	}
	if parent := trace.From(ctx).String(); parent != "" {
		req.Header.Set(trace.Header, parent)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no reply: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("reply broke off: %w", err)
	}
	return readReply(req, resp, text, into)
}

// identify sets the headers that name the runner.
func (c *Client) identify(header http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	header.Set("X-Runner-Token", c.token)
	header.Set("X-Runner-Name", c.name)
	header.Set("User-Agent", version.UserAgent("runlease-runner"))
}

// count sees whether the token is refused again and again, and whether it is the
// API that answers at target.
func (c *Client) count(err error, target *url.URL) {
	reply, isReply := errors.AsType[*replyError](err)
	switch {
	case isReply && reply.Stranger:
		if !c.heard.Load() && c.strangers.Add(1) >= strangersToDoubt {
			reply.Message = fmt.Sprintf("no runlease API was ever heard at %s: is the URL right? %s", target.Redacted(), reply.Message)
		}
		return
	case isReply || err == nil:
		c.heard.Store(true)
	}
	switch {
	case isReply && react(err) == refused:
		if n := c.refusals.Add(1); n >= refusalsToStop && !c.renewed() && n == refusalsToStop {
			close(c.refused)
		}
	case err == nil || isReply && reply.Status < 500: // a reply by someone who knows us
		if n := c.refusals.Load(); n < refusalsToStop {
			c.refusals.CompareAndSwap(n, 0)
		}
	}
}

// renewed reads the token again, and reports whether it is another one now.
func (c *Client) renewed() bool {
	if c.Reload == nil {
		return false
	}
	token, err := c.Reload()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || CheckToken(token) != nil || token == c.token {
		return false
	}
	c.token = token
	c.refusals.Store(0)
	return true
}
