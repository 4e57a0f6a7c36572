package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
)

// Transport checks the exchanges of a client with a server of the API and lets
// all others pass (a redirect to a bucket, say).
type Transport struct {
	T      reporter
	Server string            // base URL of the API, with the stage's path if it has one
	Except []string          // paths of the same server that are not the API's, by their prefix
	Base   http.RoundTripper // nil: http.DefaultTransport
}

// RoundTrip sends req and checks the reply.
func (c *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	base := c.Base
	if base == nil {
		base = http.DefaultTransport
	}
	path, ours := c.path(req.URL)
	if !ours {
		return base.RoundTrip(req)
	}
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		req.Body.Close()
		// Body only: a ContentLength of -1 stays what it is.
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	c.T.Helper()
	if err := verify(req, path, sent, resp.StatusCode, resp.Header, body); err != nil {
		c.T.Errorf("%s %s, %d: not what openapi.yaml says: %v\n%s", req.Method, path, resp.StatusCode, err, short(body))
	}
	return resp, nil
}

// path is the path of a URL as the API knows it; false: not the API's.
func (c *Transport) path(u *url.URL) (string, bool) {
	server, err := url.Parse(strings.TrimSuffix(c.Server, "/"))
	if err != nil || server.Host != u.Host {
		return "", false
	}
	path, inside := strings.CutPrefix(u.EscapedPath(), server.EscapedPath())
	if !inside || slices.ContainsFunc(c.Except, func(p string) bool { return strings.HasPrefix(path, p) }) {
		return "", false
	}
	return path, true
}

// Handler checks the exchanges of a server of the API.
func Handler(t reporter, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent bytes.Buffer
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &sent), r.Body}
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		reply := recorded.Result()
		body, _ := io.ReadAll(reply.Body) // of a buffer
		t.Helper()
		if err := verify(r, r.URL.EscapedPath(), sent.Bytes(), reply.StatusCode, reply.Header, body); err != nil {
			t.Errorf("%s %s, %d: not what openapi.yaml says: %v\n%s", r.Method, r.URL.Path, reply.StatusCode, err, short(body))
		}
		for name, values := range reply.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(reply.StatusCode)
		w.Write(body) //nolint:errcheck // the client has gone away
	})
}
