package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// parameter is the only path parameter there is.
const parameter = "{id}"

// match compares a path with a route's and returns the parameter, decoded but
// not checked. A path is compared as it was sent, so that an encoded slash
// stays inside its segment. One trailing slash is ignored.
func (route Route) match(path string) (id string, matches bool) {
	want, got, more := route.Path, strings.TrimSuffix(path, "/"), true
	for first := true; more; first = false {
		var segment, sent string
		var wantMore, gotMore bool
		segment, want, wantMore = strings.Cut(want, "/")
		sent, got, gotMore = strings.Cut(got, "/")
		switch {
		case wantMore != gotMore, segment != parameter && segment != sent, sent == "" && !first:
			return "", false
		case segment == parameter:
			decoded, err := url.PathUnescape(sent)
			if err != nil {
				decoded = sent // not an id either
			}
			id = decoded
		}
		more = wantMore
	}
	return id, true
}

// find is the route among routes that a request asks for.
func find(routes []Route, r *http.Request) (route Route, id string, found bool) {
	path := r.URL.EscapedPath()
	for _, route := range routes {
		if id, matches := route.match(path); matches && route.Method == r.Method {
			return route, id, true
		}
	}
	return Route{}, "", false
}

// unrouted is the reply to a request that no route takes.
func unrouted(r *http.Request) reply {
	path := r.URL.EscapedPath()
	var allowed []string
	if strings.TrimSuffix(path, "/") == HealthPath {
		if slices.Contains(healthMethods, r.Method) {
			return healthz()
		}
		allowed = healthMethods
	}
	if isConsole(path) {
		allowed = []string{http.MethodGet}
	}
	for _, route := range Routes() {
		if _, matches := route.match(path); matches {
			allowed = append(allowed, route.Method)
		}
	}
	if slices.Contains(allowed, r.Method) && strings.HasSuffix(path, "/") {
		return withoutSlash(path, r.URL.Query().Encode())
	}
	if len(allowed) == 0 || slices.Contains(allowed, r.Method) {
		return refuse(unknownRoute)
	}
	refused := refuse(methodNotAllowed)
	refused.header = http.Header{"Allow": {strings.Join(slices.Compact(slices.Sorted(slices.Values(allowed))), ", ")}}
	return refused
}

// withoutSlash sends a client from a route's path with a trailing slash, which
// API Gateway does not take for the route, to the path without. The location is
// relative: only the gateway knows its stage. 308 keeps method and body.
func withoutSlash(path, query string) reply {
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if query != "" {
		query = "?" + query
	}
	moved := granted("moved: leave out the trailing slash", nil)
	moved.status = http.StatusPermanentRedirect
	moved.header = http.Header{"Location": {"../" + segments[len(segments)-1] + query}}
	return moved
}
