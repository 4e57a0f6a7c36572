package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/rs/cors"

	"runlease/shared/memory"
)

// edge stands in front of the API as API Gateway does on AWS: it knows by which
// address clients reach the server, and what a body may cost before anybody has
// looked at its token.
type edge struct {
	// origin is scheme, host and port (and a path, behind a proxy) of links;
	// empty: those of the request, since the server listens on every address.
	origin string
	scheme string // http:// or, if the server has a certificate, https://
	// fallback is the origin of links for a request whose Host cannot be one, and of
	// those that no request asks for.
	fallback string
	// pages are the origins whose scripts may call the API; none: no CORS.
	pages []string
}

// newEdge is the edge of a server that listens on an address. public is what
// -public-url says, pages what -cors-origin says; both may be empty.
func newEdge(listening net.Addr, https bool, public, pages string) (edge, error) {
	e := edge{scheme: "http://"}
	if https {
		e.scheme = "https://"
	}
	e.fallback = e.scheme + listening.String()
	at, isTCP := listening.(*net.TCPAddr)
	wildcard := isTCP && at.IP.IsUnspecified()
	if wildcard {
		e.fallback = fmt.Sprintf("%s127.0.0.1:%d", e.scheme, at.Port)
	}
	for page := range strings.SplitSeq(pages, ",") {
		if page = strings.TrimSpace(page); page != "" {
			e.pages = append(e.pages, page)
		}
	}
	switch {
	case public != "":
		u, err := url.Parse(public)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return edge{}, errors.New("-public-url: want http:// or https://, a host, and nothing behind it but a path")
		}
		e.origin = strings.TrimSuffix(public, "/")
		e.fallback = e.origin
	case !wildcard:
		e.origin = e.fallback
	}
	return e, nil
}

// asHost is a Host that may stand in a link: a name or an address, and a port.
var asHost = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// originFor is the origin of the links in the reply to r.
func (e edge) originFor(r *http.Request) string {
	switch {
	case e.origin != "":
		return e.origin
	case asHost.MatchString(r.Host):
		return e.scheme + r.Host
	}
	return e.fallback
}

const (
	// gatewayBody is the largest body that API Gateway takes, 10 MB
	// (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
	gatewayBody = 10 << 20
	// Once its sender is known, a body may take bodySlack, and a second more for
	// each bodyRate bytes that have come: as long as the line needs. Nothing at
	// all may come for bodySlack at most.
	bodySlack = 20 * time.Second
	bodyRate  = 32 << 10
	// refusedTimeout is how long the server takes in a body that no handler reads.
	refusedTimeout = 5 * time.Second
)

// wrap puts the edge in front of a handler that checks the sender before it reads a
// body: the API checks the token first, the blobs their signature.
func (e edge) wrap(next http.Handler) http.Handler {
	served := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection := http.NewResponseController(w)
		if origin := e.originFor(r); origin != e.fallback {
			r = r.WithContext(memory.WithOrigin(r.Context(), origin))
		}
		// The server's own ReadTimeout is that of a header. Setting another
		// deadline fails for a recorder of a test only, which has none.
		if r.Body == nil || r.Body == http.NoBody {
			_ = connection.SetReadDeadline(time.Time{})
			next.ServeHTTP(w, r)
			return
		}
		body := &admittedBody{ReadCloser: r.Body, connection: connection}
		r.Body = body
		next.ServeHTTP(refuser{w, body}, r)
		// A client that still sends a body would lose the reply to it: it sees
		// its connection end. API Gateway takes a request in whole, too, up to so much.
		// A client that waits for a 100 sends nothing more after the reply.
		if !body.ended && r.Header.Get("Expect") == "" {
			_ = connection.Flush()
			_ = connection.SetReadDeadline(time.Now().Add(refusedTimeout))
			_, _ = io.CopyN(io.Discard, body.ReadCloser, gatewayBody)
		}
	})
	if len(e.pages) == 0 {
		return served
	}
	return cors.New(cors.Options{
		AllowedOrigins: e.pages,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{
			"Authorization", "Content-Type", "X-Runner-Token", "X-Runner-Name", "X-Claim-Token",
			"X-Amz-Checksum-Sha256", "X-Amz-Tagging", "If-None-Match", // of uploads
		},
		ExposedHeaders: []string{"ETag", "Location", "Retry-After", "X-Request-Id"},
		MaxAge:         600,
	}).Handler(served)
}

// admittedBody gives a body time from its first read on, by what has come of it.
type admittedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	began      time.Time // zero: not read yet
	came       int64     // bytes
	ended      bool
}

// Read is for io.Reader.
func (b *admittedBody) Read(p []byte) (int, error) {
	now := time.Now()
	if b.began.IsZero() {
		b.began = now
	}
	earned := b.began.Add(time.Duration(float64(b.came) / bodyRate * float64(time.Second)))
	if earned.After(now) { // time in hand does not allow a silence
		earned = now
	}
	// Setting a deadline fails for a recorder of a test only.
	_ = b.connection.SetReadDeadline(earned.Add(bodySlack))
	if b.came > 0 { // the server's own is late enough for a body that comes at once
		_ = b.connection.SetWriteDeadline(now.Add(bodySlack + replyTimeout))
	}
	n, err := b.ReadCloser.Read(p)
	b.came += int64(n)
	if b.ended = err != nil; errors.Is(err, io.EOF) { // what follows is another request
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// refuser ends the connection after a reply to a request whose body no handler has
// begun to read: the rest of it would hold the connection.
type refuser struct {
	http.ResponseWriter
	body *admittedBody
}

// WriteHeader is for http.ResponseWriter.
func (w refuser) WriteHeader(status int) {
	if w.body.began.IsZero() {
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w refuser) Unwrap() http.ResponseWriter { return w.ResponseWriter }
