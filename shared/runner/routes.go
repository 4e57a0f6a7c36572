package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"runlease/shared/judging"
	"runlease/shared/runner/execute"
	"runlease/shared/trace"
)

// listing is what a list returned.
type listing struct {
	Jobs        []listed `json:"jobs"`
	PollSeconds *float64 `json:"pollSeconds"` // when to ask again; nil: the server did not say
}

// listed is a job that can be claimed.
type listed struct {
	ID string `json:"submissionId"`
}

// claim is a job that this runner holds.
type claim struct {
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
	Code             *download `json:"code"`
	TestData         *download `json:"testdata"`
}

// download is where to get a file, or the file itself, and what it must be.
type download struct {
	URL       string `json:"url"`
	Inline    []byte `json:"inline"` // short code, in place of a URL
	Size      int64  `json:"size"`   // bytes
	SHA256    string `json:"sha256"`
	ExpiresIn int    `json:"expiresIn"` // seconds

	received time.Time
}

// uploaded names outputs that were uploaded.
type uploaded struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
}

// upload is a signed request.
type upload struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
}

// complete is the body that reports a result.
type complete struct {
	Token   string           `json:"token"`
	Tasks   [][]execute.Case `json:"tasks"`
	Outputs *uploaded        `json:"outputs,omitempty"`
}

// syncRequest is one call with everything that a runner reports and asks for.
type syncRequest struct {
	Slots        int               `json:"slots"` // jobs wanted, 0 to 10
	LeaseSeconds int               `json:"leaseSeconds"`
	Checkers     bool              `json:"checkers"`            // set by the client
	Languages    []int             `json:"languages,omitempty"` // set by the client
	Inline       bool              `json:"inline"`              // set by the client
	Done         []json.RawMessage `json:"done"`                // each a done
	Active       []active          `json:"active"`
	Seat         int64             `json:"seat,omitempty"` // where the runner waits for a ring; 0: nowhere
	Rung         bool              `json:"rung,omitempty"` // the call is because of a ring
}

// done is a result in a sync.
type done struct {
	ID string `json:"submissionId"`
	complete
}

// active is a heartbeat in a sync.
type active struct {
	ID    string `json:"submissionId"`
	Token string `json:"token"`
}

// syncReply is the reply to a sync.
type syncReply struct {
	Done []struct {
		ID      string `json:"submissionId"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"done"`
	Active []struct {
		ID     string `json:"submissionId"`
		Action string `json:"action"` // continue, cancel or lost
	} `json:"active"`
	Jobs             []claim  `json:"jobs"`
	PollSeconds      *float64 `json:"pollSeconds"` // when to ask for jobs again; nil: the server did not say
	HeartbeatSeconds int      `json:"heartbeatSeconds"`
	Doorbell         string   `json:"doorbell"` // URL of its WebSocket; empty if there is none
	Seat             int64    `json:"seat"`     // where the runner waits for a ring now; 0: nowhere
	Barred           string   `json:"barred"`   // why the runner gets no jobs; empty: it may have some
}

// sync reports results, keeps leases and takes up to Slots jobs. Each item has
// its own answer, which react understands as a *replyError without a status.
func (c *Client) sync(ctx context.Context, s syncRequest) (syncReply, error) {
	s.Checkers, s.Languages, s.Inline = c.Checkers, c.Languages.List(), true
	var got syncReply
	err := c.call(ctx, http.MethodPost, "/runner/sync", "", s, &got)
	now := time.Now()
	for i := range got.Jobs {
		got.Jobs[i].received(now)
	}
	return got, err
}

// list asks for up to limit (1 to 10) jobs that can be claimed.
func (c *Client) list(ctx context.Context, limit int) (got listing, err error) {
	path := "/runner/jobs?limit=" + strconv.Itoa(limit)
	if c.Checkers {
		path += "&checkers=true"
	}
	if c.Languages != nil {
		path += "&languages=" + c.Languages.String()
	}
	err = c.call(ctx, http.MethodGet, path, "", nil, &got)
	return got, err
}

// claim takes a job. A lost race is a *replyError with status 409.
func (c *Client) claim(ctx context.Context, id string, lease time.Duration) (got claim, err error) {
	body := struct {
		LeaseSeconds int   `json:"leaseSeconds"`
		Checkers     bool  `json:"checkers"`
		Languages    []int `json:"languages,omitempty"`
		Inline       bool  `json:"inline"`
	}{int(lease.Seconds()), c.Checkers, c.Languages.List(), true}
	err = c.call(of(ctx, id), http.MethodPost, jobPath(id, "claim"), "", body, &got)
	got.received(time.Now())
	return got, err
}

// received starts the clocks of the URLs.
func (c *claim) received(now time.Time) {
	for _, d := range []*download{c.Code, c.TestData} {
		if d != nil {
			d.received = now
		}
	}
}

// download asks where the code or testdata of a claimed job is.
func (c *Client) download(ctx context.Context, held claim, what string) (download, error) {
	d := download{received: time.Now()}
	err := c.call(of(ctx, held.ID), http.MethodGet, jobPath(held.ID, what), held.Token, nil, &d)
	if err == nil {
		if fault := d.check(); fault != nil {
			err = fmt.Errorf("the reply does not say where the %s is: %w", what, fault)
		}
	}
	return d, err
}

// heartbeat extends a lease and reports whether the job was cancelled.
func (c *Client) heartbeat(ctx context.Context, held claim) (cancelled bool, err error) {
	var got struct {
		Action string `json:"action"`
	}
	err = c.call(of(ctx, held.ID), http.MethodPost, "/runner/heartbeat", held.Token, map[string]string{"submissionId": held.ID}, &got)
	return got.Action == "cancel", err
}

// complete reports a result; body is a complete as JSON.
func (c *Client) complete(ctx context.Context, id string, body json.RawMessage) error {
	return c.call(of(ctx, id), http.MethodPut, jobPath(id, "complete"), "", body, nil)
}

// outputs asks how to upload outputs. A nil upload without an error: the server
// does not want them.
func (c *Client) outputs(ctx context.Context, id, token string, o uploaded) (*upload, error) {
	var got struct {
		Upload *upload `json:"upload"`
	}
	err := c.call(of(ctx, id), http.MethodPost, jobPath(id, "outputs"), "", struct {
		Token string `json:"token"`
		uploaded
	}{token, o}, &got)
	return got.Upload, err
}

// maxDetail is how many characters a release may say beside its reason.
const maxDetail = 300

// release gives a job back; reason is drain, preempted, infra_error or cancelled,
// and detail, cut where it is too long, says more.
func (c *Client) release(ctx context.Context, held claim, reason, detail string) error {
	body := map[string]string{"token": held.Token, "reason": reason}
	if detail != "" {
		text := []rune(strings.ToValidUTF8(detail, "\uFFFD"))
		body["detail"] = string(text[:min(len(text), maxDetail)])
	}
	return c.call(of(ctx, held.ID), http.MethodPost, jobPath(held.ID, "release"), "", body, nil)
}

// retire says that a runner of this name will ask for no more jobs, ever. It returns
// false while the runner still holds some.
func (c *Client) retire(ctx context.Context) (retired bool, err error) {
	var got struct {
		Retired bool `json:"retired"`
	}
	err = c.call(ctx, http.MethodPost, "/runner/retire", "", struct{}{}, &got)
	return got.Retired, err
}

// of has a request belong to the trace of the job that it is about.
func of(ctx context.Context, id string) context.Context { return trace.With(ctx, trace.OfJob(id)) }

func jobPath(id, what string) string { return "/runner/jobs/" + url.PathEscape(id) + "/" + what }
