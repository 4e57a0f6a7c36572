// Package faultproxy stands between the SDK and an emulator of AWS and spoils
// the calls of one service: it delays replies, loses them after the call was
// made, makes a call twice, or cuts the connection before it is made. Which call
// meets which fault is decided by a seed. Faults are switched on and off while
// calls are under way.
package faultproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Service is an AWS service that calls can be spoiled of.
type Service string

// The services.
const (
	DynamoDB Service = "DynamoDB"
	SQS      Service = "SQS"
	S3       Service = "S3"
)

// Fault is what happens to a call.
type Fault string

// The faults.
const (
	Delayed Fault = "delayed" // made, and answered late
	Dropped Fault = "dropped" // made, and its reply lost
	Doubled Fault = "doubled" // made twice, and the second reply given
	Cut     Fault = "cut"     // not made
)

// Faults lists every fault.
func Faults() []Fault { return []Fault{Delayed, Dropped, Doubled, Cut} }

// Plan says how many of a service's calls are spoiled, and how.
type Plan struct {
	Service Service
	Seed    uint64
	Percent int           // of the calls that meet a fault, each fault as often as another
	Delay   time.Duration // of Delayed, at most
}

// Proxy is an http.Handler in front of an emulator.
type Proxy struct {
	upstream *url.URL
	client   *http.Client

	mu       sync.Mutex
	plan     Plan
	random   *rand.Rand
	calls    map[Service]int
	injected map[Fault]int // by the plan that is on
}

// New is a Proxy in front of upstream, without faults.
func New(upstream string) (*Proxy, error) {
	u, err := url.Parse(upstream)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of an emulator", upstream)
	}
	return &Proxy{
		upstream: u,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		calls: make(map[Service]int), injected: make(map[Fault]int),
	}, nil
}

// On begins to spoil calls, and counts anew.
func (p *Proxy) On(plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.random = plan, rand.New(rand.NewPCG(plan.Seed, 0))
	clear(p.calls)
	clear(p.injected)
}

// Off lets every call through from now on.
func (p *Proxy) Off() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan.Percent = 0
}

// Injected counts the faults since On.
func (p *Proxy) Injected() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counted := make(map[Fault]int, len(p.injected))
	for fault, n := range p.injected {
		counted[fault] = n
	}
	return counted
}

// Calls counts the calls of a service since On.
func (p *Proxy) Calls(s Service) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[s]
}

// Close gives back the connections to the emulator.
func (p *Proxy) Close() { p.client.CloseIdleConnections() }

// ServiceOf says of which service a call is. DynamoDB and SQS name their
// operation in a header; what has none is S3's.
func ServiceOf(r *http.Request) Service {
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(target, "DynamoDB_"):
		return DynamoDB
	case strings.HasPrefix(target, "AmazonSQS."):
		return SQS
	}
	return S3
}

// decide says what happens to the next call, and how late it is answered.
func (p *Proxy) decide(s Service) (Fault, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[s]++
	if p.plan.Percent == 0 || s != p.plan.Service || p.random.IntN(100) >= p.plan.Percent {
		return "", 0
	}
	fault := Faults()[p.random.IntN(len(Faults()))]
	p.injected[fault]++
	return fault, time.Duration(p.random.Int64N(int64(p.plan.Delay) + 1))
}

// ServeHTTP passes a call on, spoiled or not.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the caller has gone
	}
	fault, delay := p.decide(ServiceOf(r))
	if fault == Cut {
		panic(http.ErrAbortHandler)
	}
	// The call is made to its end even if its caller does not wait for it, as
	// one that has reached AWS is.
	ctx := context.WithoutCancel(r.Context())
	if fault == Doubled {
		if first, err := p.pass(ctx, r, body); err == nil {
			_, _ = io.Copy(io.Discard, first.Body)
			_ = first.Body.Close()
		}
	}
	reply, err := p.pass(ctx, r, body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer reply.Body.Close()
	switch fault {
	case Dropped:
		_, _ = io.Copy(io.Discard, reply.Body)
		panic(http.ErrAbortHandler)
	case Delayed:
		time.Sleep(delay)
	default: // passed, or dealt with above
	}
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(reply.StatusCode)
	_, _ = io.Copy(w, reply.Body)
}

// pass makes the call as it came, its Host included: signatures cover it.
func (p *Proxy) pass(ctx context.Context, r *http.Request, body []byte) (*http.Response, error) {
	out := r.Clone(ctx)
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = p.upstream.Scheme, p.upstream.Host
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.TransferEncoding = nil
	return p.client.Do(out)
}
