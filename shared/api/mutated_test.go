package api_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"runlease/shared/api"
	"runlease/shared/testkit/contract"
)

// TestMutatedRequests damages legal requests at random. Whatever comes of it,
// nothing breaks, and what is granted is legal by openapi.yaml too.
func TestMutatedRequests(t *testing.T) {
	w := newWorld(t)
	w.problems()
	requests := legal(w.claimed("j1"))
	w.queued("j2")
	pieces := []string{"", "null", "0", "-1", "1.5", "1e3", `""`, `"j1"`, "[]", "{}", "true", ",", ":", "{", "}", "[", "]", `"`, `\u0000`, "\xff", "9223372036854775808", " "}
	transport := w.client.Transport.(*contract.Transport)
	rapid.Check(t, func(rt *rapid.T) {
		transport.T = rt
		route := rapid.SampledFrom(api.Routes()).Draw(rt, "route")
		a := requests[route.Name]
		for range rapid.IntRange(0, 3).Draw(rt, "faults") {
			from := rapid.IntRange(0, len(a.body)).Draw(rt, "from")
			to := min(len(a.body), from+rapid.IntRange(0, 12).Draw(rt, "length"))
			a.body = a.body[:from] + rapid.SampledFrom(pieces).Draw(rt, "piece") + a.body[to:]
		}
		if rapid.Bool().Draw(rt, "another id") {
			id := rapid.SampledFrom([]string{"j1", "j2", "none", "0", "%00", "%2e%2e", "%C3%A9", "-", strings.Repeat("9", 70)}).Draw(rt, "id")
			a.path = strings.Replace(route.Path, "{id}", id, 1)
		}
		got := w.do(a)
		if got.status >= 500 {
			rt.Fatalf("%s %s %q: %d %s", a.method, a.path, a.body, got.status, got.raw)
		}
	})
}
