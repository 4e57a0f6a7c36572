package runner

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"runlease/shared/judging"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/integers"
	"runlease/shared/version"
)

const (
	// A claim presigns two URLs and a complete stores a zip: seconds at worst.
	// API Gateway gives up after 30 s.
	callTimeout     = 40 * time.Second
	transferTimeout = 10 * time.Minute // 1 GB of test data at 2 MB/s
	maxReply        = 4 << 20          // bytes; a claim of 100 tasks is under 20 KB
	maxHops         = 4
)

// Client speaks to one server as one runner. Its methods send one request each
// (one more per redirect) and are safe for concurrent use. An error is a
// *ReplyError, or means that there was no reply.
type Client struct {
	base *url.URL
	name string
	http *http.Client
	// Checkers is set if the executor compares outputs as a problem's checker says.
	// Without it the server gives out no job that needs one.
	Checkers bool
	// Reload reads the token again, where that can have changed; nil: it cannot.
	// It is called before a refusal is believed.
	Reload func() (string, error)

	refusals atomic.Int32 // replies in a row that said that the token is not good
	refused  chan struct{}

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

// ReplyError is a reply that is not a success.
type ReplyError struct {
	Status     int    // 0: an item's, in a reply that is a success
	Code       string // a word for programs; empty: not from our server
	Message    string
	RequestID  string
	RetryAfter time.Duration
	Storage    bool // the reply came from where bytes are kept, not from the API
	// Stranger: it is not in our envelope, so it was not the API that gave it: a
	// firewall, a gateway, a sign-on page. It decides nothing.
	Stranger bool
}

func (e *ReplyError) Error() string {
	where := "server"
	if e.Storage {
		where = "storage"
	}
	if e.Stranger {
		return e.Message
	}
	if e.Status == 0 { // it was one of several answers, or is one of ours
		return strings.TrimSuffix(where+": "+cmp.Or(e.Message, e.Code)+" ("+e.Code+")", " ()")
	}
	return fmt.Sprintf("%s replied %d: %s (request %s)", where, e.Status, cmp.Or(e.Message, http.StatusText(e.Status)), cmp.Or(e.RequestID, "unknown"))
}

// Listed is a job that can be claimed.
type Listed struct {
	ID string `json:"submissionId"`
}

// Listing is what a list returned.
type Listing struct {
	Jobs        []Listed `json:"jobs"`
	PollSeconds *float64 `json:"pollSeconds"` // when to ask again; nil: the server did not say
}

// Download is where to get a file, and what it must be.
type Download struct {
	URL       string `json:"url"`
	Size      int64  `json:"size"` // bytes
	SHA256    string `json:"sha256"`
	ExpiresIn int    `json:"expiresIn"` // seconds

	received time.Time
}

// Claim is a job that this runner holds.
type Claim struct {
	ID       string `json:"submissionId"`
	Problem  int    `json:"problemId"`
	Language int    `json:"language"`
	Token    string `json:"token"`
	Meta     struct {
		Tasks []execute.Task `json:"tasks"`
		judging.Rules
	} `json:"meta"`
	Attempt          int       `json:"attempt"`
	LeaseSeconds     int       `json:"leaseSeconds"`
	HeartbeatSeconds int       `json:"heartbeatSeconds"`
	Code             *Download `json:"code"`
	TestData         *Download `json:"testdata"`
}

// Outputs names what was uploaded.
type Outputs struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
}

// Upload is a signed request.
type Upload struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
}

// complete is the body that reports a result.
type complete struct {
	Token   string           `json:"token"`
	Tasks   [][]execute.Case `json:"tasks"`
	Outputs *Outputs         `json:"outputs,omitempty"`
}

// Sync is one call with everything that a runner reports and asks for.
type Sync struct {
	Slots        int               `json:"slots"` // jobs wanted, 0 to 10
	LeaseSeconds int               `json:"leaseSeconds"`
	Checkers     bool              `json:"checkers"` // set by the client
	Done         []json.RawMessage `json:"done"`     // each a done
	Active       []Active          `json:"active"`
}

// done is a result in a Sync.
type done struct {
	ID string `json:"submissionId"`
	complete
}

// Active is a heartbeat in a Sync.
type Active struct {
	ID    string `json:"submissionId"`
	Token string `json:"token"`
}

// Synced is the reply to a Sync.
type Synced struct {
	Done []struct {
		ID      string `json:"submissionId"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"done"`
	Active []struct {
		ID     string `json:"submissionId"`
		Action string `json:"action"` // continue, cancel or lost
	} `json:"active"`
	Jobs             []Claim  `json:"jobs"`
	PollSeconds      *float64 `json:"pollSeconds"` // when to ask for jobs again; nil: the server did not say
	HeartbeatSeconds int      `json:"heartbeatSeconds"`
}

// Sync reports results, keeps leases and takes up to Slots jobs. Each item has
// its own answer, which react understands as a *ReplyError without a status.
func (c *Client) Sync(ctx context.Context, s Sync) (Synced, error) {
	s.Checkers = c.Checkers
	var got Synced
	err := c.call(ctx, http.MethodPost, "/runner/sync", "", s, &got)
	now := time.Now()
	for i := range got.Jobs {
		got.Jobs[i].received(now)
	}
	return got, err
}

// List asks for up to limit (1 to 10) jobs that can be claimed.
func (c *Client) List(ctx context.Context, limit int) (Listing, error) {
	var l Listing
	err := c.call(ctx, http.MethodGet, "/runner/jobs?limit="+strconv.Itoa(limit), "", nil, &l)
	return l, err
}

// Claim takes a job. A lost race is a *ReplyError with status 409.
func (c *Client) Claim(ctx context.Context, id string, lease time.Duration) (Claim, error) {
	var got Claim
	body := struct {
		LeaseSeconds int  `json:"leaseSeconds"`
		Checkers     bool `json:"checkers"`
	}{int(lease.Seconds()), c.Checkers}
	err := c.call(ctx, http.MethodPost, jobPath(id, "claim"), "", body, &got)
	got.received(time.Now())
	return got, err
}

// received starts the clocks of the URLs.
func (c *Claim) received(now time.Time) {
	for _, d := range []*Download{c.Code, c.TestData} {
		if d != nil {
			d.received = now
		}
	}
}

// Code asks where the code of a claimed job is.
func (c *Client) Code(ctx context.Context, claim Claim) (Download, error) {
	return c.download(ctx, claim, "code")
}

// TestData asks where the test data of a claimed job is.
func (c *Client) TestData(ctx context.Context, claim Claim) (Download, error) {
	return c.download(ctx, claim, "testdata")
}

func (c *Client) download(ctx context.Context, claim Claim, what string) (Download, error) {
	d := Download{received: time.Now()}
	err := c.call(ctx, http.MethodGet, jobPath(claim.ID, what), claim.Token, nil, &d)
	if err == nil {
		if fault := d.check(); fault != nil {
			err = fmt.Errorf("the reply does not say where the %s is: %w", what, fault)
		}
	}
	return d, err
}

// Heartbeat extends a lease and reports whether the job was cancelled.
func (c *Client) Heartbeat(ctx context.Context, claim Claim) (cancelled bool, err error) {
	var got struct {
		Action string `json:"action"`
	}
	err = c.call(ctx, http.MethodPost, "/runner/heartbeat", claim.Token, map[string]string{"submissionId": claim.ID}, &got)
	return got.Action == "cancel", err
}

// Complete reports a result; body is a complete as JSON.
func (c *Client) Complete(ctx context.Context, id string, body json.RawMessage) error {
	return c.call(ctx, http.MethodPut, jobPath(id, "complete"), "", body, nil)
}

// Outputs asks how to upload outputs. A nil Upload without an error: the server
// does not want them.
func (c *Client) Outputs(ctx context.Context, id, token string, o Outputs) (*Upload, error) {
	var got struct {
		Upload *Upload `json:"upload"`
	}
	err := c.call(ctx, http.MethodPost, jobPath(id, "outputs"), "", struct {
		Token string `json:"token"`
		Outputs
	}{token, o}, &got)
	return got.Upload, err
}

// maxDetail is how many characters a release may say beside its reason.
const maxDetail = 300

// Release gives a job back; reason is drain, preempted, infra_error or cancelled,
// and detail, cut where it is too long, says more.
func (c *Client) Release(ctx context.Context, claim Claim, reason, detail string) error {
	body := map[string]string{"token": claim.Token, "reason": reason}
	if detail != "" {
		text := []rune(strings.ToValidUTF8(detail, "\uFFFD"))
		body["detail"] = string(text[:min(len(text), maxDetail)])
	}
	return c.call(ctx, http.MethodPost, jobPath(claim.ID, "release"), "", body, nil)
}

func jobPath(id, what string) string { return "/runner/jobs/" + url.PathEscape(id) + "/" + what }

// Fetch copies a file from storage to w. It sends nothing that identifies the runner:
// the URL is the permission. Other bytes than promised are an error; w has them.
func (c *Client) Fetch(ctx context.Context, d Download, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL, nil)
	if err != nil {
		return errors.New("fetch from storage: not a URL") // which is a secret
	}
	// Else a zip that is stored with a content encoding would be unpacked on the way.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("fetch from storage: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if isPage(resp) {
		return stranger(resp, nil, true)
	}
	if resp.StatusCode != http.StatusOK {
		return &ReplyError{Status: resp.StatusCode, Storage: true, RequestID: resp.Header.Get("X-Amz-Request-Id"), RetryAfter: retryAfter(resp)}
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(resp.Body, d.Size+1))
	if err != nil {
		return fmt.Errorf("fetch from storage: %w", err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); n != d.Size || got != d.SHA256 {
		return &wrongBytes{fmt.Sprintf("storage gave %d bytes with SHA-256 %s, want %d with %s", n, got, d.Size, d.SHA256)}
	}
	return nil
}

type wrongBytes struct{ why string }

func (w *wrongBytes) Error() string { return w.why }

// Send makes a signed upload. Bytes that are there already are no error.
func (c *Client) Send(ctx context.Context, u Upload, body *io.SectionReader) error {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, u.Method, u.URL, body)
	if err != nil {
		return errors.New("send to storage: not a URL")
	}
	req.ContentLength = body.Size()
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(body, 0, body.Size())), nil }
	for name, value := range u.Headers { // signed: exactly these
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("send to storage: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if isPage(resp) {
		return stranger(resp, nil, true)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply)) // so that the connection is used again
	if resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusPreconditionFailed {
		return nil
	}
	return &ReplyError{Status: resp.StatusCode, Storage: true, RequestID: resp.Header.Get("X-Amz-Request-Id"), RetryAfter: retryAfter(resp)}
}

// Refused is closed when the server has refused the token twice in a row.
func (c *Client) Refused() <-chan struct{} { return c.refused }

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
	var reader io.Reader
	if payload != nil {
		reader = bytes.NewReader(payload)
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	c.mu.Lock()
	req.Header.Set("X-Runner-Token", c.token)
	c.mu.Unlock()
	req.Header.Set("X-Runner-Name", c.name)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", version.UserAgent("runlease-runner"))
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if claimToken != "" {
		req.Header.Set("X-Claim-Token", claimToken)
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
	var envelope struct {
		Data                  json.RawMessage `json:"data"`
		Message, Status, Code string
	}
	jsonErr := json.Unmarshal(text, &envelope)

	ours := jsonErr == nil && (envelope.Status == "ok" || envelope.Status == "err")
	redirected := resp.StatusCode == http.StatusFound || resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect
	switch {
	// A redirect to storage says in its body what a 200 would say.
	case ours && envelope.Status == "ok" && (resp.StatusCode == http.StatusOK || redirected):
		if into == nil || len(envelope.Data) == 0 {
			return nil, nil
		}
		if err := integers.Unmarshal(envelope.Data, into); err != nil {
			return nil, fmt.Errorf("decode reply: %w", err)
		}
		return nil, nil
	case redirected && (method == http.MethodGet || resp.StatusCode != http.StatusFound):
		elsewhere := stranger(resp, text, false)
		next, err := resp.Location()
		switch {
		case err != nil:
			return nil, elsewhere
		case !sameOrigin(target, next): // which must not see the token
			elsewhere.Message += fmt.Sprintf(": redirected to another server, %s://%s: if that is the API, it is the URL to give", next.Scheme, next.Host)
			return nil, elsewhere
		}
		elsewhere.Message += ": too many redirects"
		return next, elsewhere
	case !ours || envelope.Status == "ok" || resp.StatusCode < 400:
		return nil, stranger(resp, text, false)
	}
	return nil, &ReplyError{
		Status: resp.StatusCode, Code: envelope.Code, Message: envelope.Message,
		RequestID: resp.Header.Get("X-Request-Id"), RetryAfter: retryAfter(resp),
	}
}

// stranger is the error of a reply that is not the API's, or not the storage's. It
// names who answered as far as they tell.
func stranger(resp *http.Response, text []byte, storage bool) *ReplyError {
	whose := "the API's"
	if storage {
		whose = "the storage's"
	}
	who := fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	for _, header := range []string{"Server", "Via", "Content-Type"} {
		if value := resp.Header.Get(header); value != "" {
			who += fmt.Sprintf(", %s %.60q", header, value)
		}
	}
	if len(text) > 0 {
		who += fmt.Sprintf(", %.60q", text)
	}
	return &ReplyError{
		Status: resp.StatusCode, Storage: storage, Stranger: true, RetryAfter: retryAfter(resp),
		Message: "this reply is not " + whose + ", something between answered: " + who,
	}
}

// isPage reports whether a reply in the storage's place is somebody else's: a page
// for people, or a gateway's refusal. Storage refuses in XML; what it keeps may
// have been stored as JSON.
func isPage(resp *http.Response) bool {
	kind := strings.ToLower(resp.Header.Get("Content-Type"))
	return strings.HasPrefix(kind, "text/html") || resp.StatusCode >= 400 && strings.HasPrefix(kind, "application/json")
}

// count sees whether the token is refused again and again, and whether it is the
// API that answers at target.
func (c *Client) count(err error, target *url.URL) {
	reply, isReply := errors.AsType[*ReplyError](err)
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

// withoutURL takes the URL out of an error: a presigned one is a secret.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// retryAfter reads the header as seconds or as a date; 0: neither.
func retryAfter(resp *http.Response) time.Duration {
	value := resp.Header.Get("Retry-After")
	if n, err := strconv.Atoi(value); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
