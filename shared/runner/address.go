package runner

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

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
