package apigw

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// event holds what is used of either format.
type event struct {
	// Both formats.
	header          http.Header // of headers, or of multiValueHeaders where there are some
	pathParameters  map[string]string
	body            string
	isBase64Encoded bool
	requestID       string
	stage           string

	// Payload 2.0: an HTTP API.
	routeKey       string // "GET /jobs/{id}" or "$default"
	rawPath        string
	rawQueryString string
	method         string

	// Payload 1.0: a REST API.
	httpMethod string
	resource   string // "/jobs/{id}" or "/{proxy+}"
	path       string
	query      url.Values
}

// errFormat means that an event is of neither format. It comes from a caller that may
// invoke the function, so it names no value of the event.
var errFormat = errors.New("not an event of API Gateway (payload 1.0 or 2.0)")

// isREST tells the formats apart.
func (e *event) isREST() bool { return e.httpMethod != "" }

// request makes the http.Request that the event stands for.
func (e *event) request(ctx context.Context) (*http.Request, error) {
	method, pattern, raw, query := e.httpMethod, e.resource, e.path, e.query.Encode()
	if !e.isREST() {
		method, raw, query = e.method, e.rawPath, e.rawQueryString
		_, pattern, _ = strings.Cut(e.routeKey, " ")
		if method == "" || e.routeKey == "" {
			return nil, errFormat
		}
		if e.stage != "$default" {
			raw = cutStage(raw, e.stage)
		}
	}
	if pattern == "" || strings.Contains(pattern, "{proxy+}") {
		pattern = "" // no route of ours: the raw path is all there is
	}
	at := url.URL{Path: raw, RawQuery: query}
	if pattern != "" {
		at.Path, at.RawPath = fill(pattern, e.pathParameters)
	}
	body := e.body
	if e.isBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.body)
		if err != nil {
			return nil, fmt.Errorf("read event body: %w", errFormat)
		}
		body = string(decoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, "/", strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("read event method: %w", errFormat)
	}
	if !strings.HasPrefix(at.Path, "/") {
		at.Path, at.RawPath = "/"+at.Path, ""
	}
	r.URL = &at
	r.RequestURI = at.RequestURI()
	if len(body) == 0 {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Header = e.header
	r.Host = r.Header.Get("Host")
	return r, nil
}

// fill puts path parameters into a pattern; the escaped form keeps a slash in a
// parameter from becoming another path.
func fill(pattern string, parameters map[string]string) (path, escaped string) {
	path, escaped = pattern, pattern
	for name, value := range parameters {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
		escaped = strings.ReplaceAll(escaped, "{"+name+"}", url.PathEscape(value))
	}
	return path, escaped
}

func cutStage(path, stage string) string {
	rest, cut := strings.CutPrefix(path, "/"+stage)
	if cut && (rest == "" || rest[0] == '/') {
		return rest
	}
	return path
}
