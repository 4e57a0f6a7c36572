package runner

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const maxURL = 2000 // bytes

// ParseURL reads a server's URL: http(s)://host[:port][/path]. An error does not
// show the URL, which may hold a password.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("server URL is not http(s)://host[:port][/path]")
	case u.User != nil:
		return nil, errors.New("server URL holds a user name or a password: take it out, the token is the credential")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("server URL has a query, which no route takes: end it before the '?'")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, errors.New("server URL has a fragment, which no route takes: end it before the '#'")
	case strings.Contains(u.EscapedPath(), "//"):
		return nil, fmt.Errorf("server URL has two slashes in a row in its path, %q: write one", u.EscapedPath())
	}
	return u, nil
}

// doorbellURL reads the URL that a server's reply gives for its doorbell, on
// whatever host. The token that goes there was sent to the server by a connection
// at least as safe.
func doorbellURL(api *url.URL, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(text) > maxURL:
		return nil, errors.New("the server gives a URL for its doorbell that is not ws(s)://host[:port][/path]")
	case u.Scheme != "ws" && u.Scheme != "wss" && u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the server gives a URL for its doorbell with the scheme %.20q, want ws or wss", u.Scheme)
	case api.Scheme == "https" && u.Scheme != "wss" && u.Scheme != "https":
		return nil, errors.New("the server is reached by https and gives a URL for its doorbell without TLS, where the token could be read on the way: want wss")
	}
	return u, nil
}

// CheckToken refuses what cannot be a token, because no header could hold it.
func CheckToken(token string) error {
	if token == "" || len(token) > 1000 || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("the runner's token is empty, too long, or holds a blank or another character that no token has: was more than the token copied?")
	}
	return nil
}

// sameOrigin reports whether two URLs lead to the same scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}
