// Package apigw puts one http.Handler behind API Gateway: it reads the events
// of an HTTP API (payload 2.0) and of a REST API (payload 1.0), calls the
// handler, and answers in the format that it was asked in. Requests are routed
// by routeKey or resource, never by the raw path, which carries the stage.
//
// Formats: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
package apigw

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// event holds what is used of either format.
type event struct {
	// Both formats.
	Headers         map[string]string `json:"headers"`
	PathParameters  map[string]string `json:"pathParameters"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		RequestID string `json:"requestId"`
		Stage     string `json:"stage"`
		HTTP      struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`

	// Payload 2.0: an HTTP API.
	RouteKey       string `json:"routeKey"` // "GET /jobs/{id}" or "$default"
	RawPath        string `json:"rawPath"`
	RawQueryString string `json:"rawQueryString"`

	// Payload 1.0: a REST API.
	HTTPMethod                      string              `json:"httpMethod"`
	Resource                        string              `json:"resource"` // "/jobs/{id}" or "/{proxy+}"
	Path                            string              `json:"path"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
}

// errFormat says that an event is of neither format. It comes from whoever may
// invoke the function, so it names no value of the event.
var errFormat = errors.New("not an event of API Gateway (payload 1.0 or 2.0)")

// isREST tells the formats apart.
func (e *event) isREST() bool { return e.HTTPMethod != "" }

// request makes the http.Request that the event stands for.
func (e *event) request(ctx context.Context) (*http.Request, error) {
	method, pattern, raw := e.HTTPMethod, e.Resource, e.Path
	if !e.isREST() {
		method, raw = e.RequestContext.HTTP.Method, e.RawPath
		_, pattern, _ = strings.Cut(e.RouteKey, " ")
		if method == "" || e.RouteKey == "" {
			return nil, errFormat
		}
		if stage := e.RequestContext.Stage; stage != "$default" {
			raw = cutStage(raw, stage)
		}
	}
	if pattern == "" || strings.Contains(pattern, "{proxy+}") {
		pattern = "" // no route of ours: the raw path is all there is
	}
	at := url.URL{Path: raw, RawQuery: e.query()}
	if pattern != "" {
		at.Path, at.RawPath = fill(pattern, e.PathParameters)
	}
	body := e.Body
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
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
	r.Header = e.header()
	r.Host = r.Header.Get("Host")
	return r, nil
}

// fill puts path parameters into a pattern; the escaped form keeps a slash in a
// parameter from becoming a path of its own.
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

func (e *event) query() string {
	if !e.isREST() {
		return e.RawQueryString
	}
	return url.Values(e.MultiValueQueryStringParameters).Encode()
}

// header is the headers of either format, all their values in one array.
func (e *event) header() http.Header {
	h := make(http.Header, max(len(e.Headers), len(e.MultiValueHeaders)))
	values := make([]string, 0, len(e.Headers))
	for name, value := range e.Headers {
		values = append(values, value)
		h[http.CanonicalHeaderKey(name)] = values[len(values)-1 : len(values) : len(values)]
	}
	for name, values := range e.MultiValueHeaders {
		h.Del(name)
		for _, value := range values {
			h.Add(name, value)
		}
	}
	return h
}

// lenient lets texts through as they are: what is in them is their readers' business.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

func parse(payload []byte) (*event, error) {
	var e event
	if err := json.Unmarshal(payload, &e, lenient); err != nil {
		return nil, errFormat
	}
	if e.HTTPMethod == "" && e.RouteKey == "" {
		return nil, errFormat
	}
	return &e, nil
}
