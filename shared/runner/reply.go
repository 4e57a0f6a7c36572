package runner

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"runlease/shared/runner/integers"
)

// replyError is a reply that is not a success.
type replyError struct {
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

func (e *replyError) Error() string {
	where := "server"
	if e.Storage {
		where = "storage"
	}
	switch {
	case e.Stranger:
		return e.Message
	case e.Status == 0: // one of several answers, or ours
		return strings.TrimSuffix(where+": "+cmp.Or(e.Message, e.Code)+" ("+e.Code+")", " ()")
	}
	return fmt.Sprintf("%s replied %d: %s (request %s)", where, e.Status, cmp.Or(e.Message, http.StatusText(e.Status)), cmp.Or(e.RequestID, "unknown"))
}

// readReply reads the reply of the API whose body is text, and its data into into.
// next is set if the request must go to another address of the same server.
func readReply(req *http.Request, resp *http.Response, text []byte, into any) (next *url.URL, err error) {
	var envelope struct {
		Data                  json.RawMessage
		Message, Status, Code string
	}
	ours := json.Unmarshal(text, &envelope) == nil && (envelope.Status == "ok" || envelope.Status == "err")
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
	case redirected && (req.Method == http.MethodGet || resp.StatusCode != http.StatusFound):
		elsewhere := stranger(resp, text, false)
		next, err := resp.Location()
		switch {
		case err != nil:
			return nil, elsewhere
		case !sameOrigin(req.URL, next): // which must not see the token
			elsewhere.Message += fmt.Sprintf(": redirected to another server, %s://%s: if that is the API, it is the URL to give", next.Scheme, next.Host)
			return nil, elsewhere
		}
		elsewhere.Message += ": too many redirects"
		return next, elsewhere
	case !ours || envelope.Status == "ok" || resp.StatusCode < 400:
		return nil, stranger(resp, text, false)
	}
	return nil, &replyError{
		Status: resp.StatusCode, Code: envelope.Code, Message: envelope.Message,
		RequestID: resp.Header.Get("X-Request-Id"), RetryAfter: retryAfter(resp),
	}
}

// stranger is the error of a reply that is not the API's, or not the storage's. It
// names the sender, as far as the reply tells.
func stranger(resp *http.Response, text []byte, storage bool) *replyError {
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
	return &replyError{
		Status: resp.StatusCode, Storage: storage, Stranger: true, RetryAfter: retryAfter(resp),
		Message: "this reply is not " + whose + ", something between answered: " + who,
	}
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
