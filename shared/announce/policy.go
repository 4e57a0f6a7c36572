package announce

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Policy says where announcements may go: by https to public addresses, and to
// what is named here.
type Policy struct {
	// Hosts may have private addresses and be called by plain http. Each is a name
	// or an address, with or without a port.
	Hosts []string
	// Loopback allows addresses of this machine, by plain http too.
	Loopback bool
}

// HostsIn reads Hosts as people write them, with commas between.
func HostsIn(text string) (hosts []string) {
	for host := range strings.SplitSeq(text, ",") {
		if host = strings.TrimSpace(host); host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// ErrNotAllowed is wrapped by every refusal of a Policy.
var ErrNotAllowed = errors.New("this webhook is not allowed")

func notAllowed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotAllowed, fmt.Sprintf(format, args...))
}

// Check returns why a URL is refused, or nil. The call itself still checks the address
// that the name has then.
func (p Policy) Check(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || len(raw) > 2000:
		return notAllowed("want a URL of at most 2,000 bytes, as https://judge.example.com/verdicts")
	case u.User != nil || u.Fragment != "":
		return notAllowed("a URL with a password or a fragment: messages are signed, nothing else is needed")
	case p.named(u):
		if u.Scheme != "http" && u.Scheme != "https" {
			return notAllowed("want http or https")
		}
		return nil
	case u.Scheme != "https":
		return notAllowed("want https; name the host in -webhook-hosts to call it by plain http")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return p.checkAddr(addr)
	}
	return nil
}

// named reports whether a URL's host is an exception.
func (p Policy) named(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	if p.Loopback && (u.Hostname() == "localhost" || err == nil && addr.Unmap().IsLoopback()) {
		return true
	}
	return slices.ContainsFunc(p.Hosts, func(host string) bool {
		return strings.EqualFold(host, u.Host) || strings.EqualFold(host, u.Hostname())
	})
}

// special are networks that are no public hosts although they look like it.
var special = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

// publicV6 is all that is given out of IPv6; translated IPv4 is not in it.
var publicV6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func (p Policy) checkAddr(addr netip.Addr) error {
	addr = addr.Unmap()
	if p.Loopback && addr.IsLoopback() {
		return nil
	}
	public := addr.IsGlobalUnicast() && !addr.IsPrivate() && (addr.Is4() || publicV6.Contains(addr)) &&
		!slices.ContainsFunc(special, func(net netip.Prefix) bool { return net.Contains(addr) })
	if !public {
		return notAllowed("%s is no public address; name the host in -webhook-hosts to call it all the same", addr)
	}
	return nil
}

// The bounds of one delivery.
const (
	deliveryTimeout = 3 * time.Second
	replyBytes      = 4 << 10 // of a reply are read and dropped, so that its connection can be used again
)

// client calls endpoints. Where a connection goes is checked when it is made, on
// the address: a name may have another one than when the endpoint was added. It
// follows no redirect and uses no proxy.
func (p Policy) client(check bool) *http.Client {
	dialer := &net.Dialer{Timeout: deliveryTimeout}
	if check {
		dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return notAllowed("%s is no address", address)
			}
			return p.checkAddr(to.Addr())
		}
	}
	return &http.Client{
		Timeout:       deliveryTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: deliveryTimeout,
			MaxIdleConnsPerHost: perEndpoint, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 16 << 10,
		},
	}
}
