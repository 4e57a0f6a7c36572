package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"runlease/shared/api"
	"runlease/shared/testkit/contract"
)

// target is a world for a fuzzer, in which the job j1 is claimed by runner-a.
type target struct {
	*world
	claimToken string
	asked      int
}

func newTarget(t *testing.T) *target {
	w := newWorld(t)
	w.problems()
	return &target{world: w, claimToken: w.claimed("j1")}
}

// serve answers a request with the right credentials.
func (s *target) serve(method, target, body string) (*http.Request, *http.Response, []byte) {
	path, query, _ := strings.Cut(target, "?")
	at := &url.URL{Path: path, RawQuery: query}
	if plain, err := url.PathUnescape(path); err == nil {
		at.Path, at.RawPath = plain, path
	}
	sent := []byte(body)
	r := &http.Request{
		Method: method, URL: at, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "127.0.0.1",
		Header: http.Header{
			"Content-Type":   {"application/json"},
			"X-Runner-Token": {s.tokens["runner-a"]},
			"Authorization":  {"Bearer " + s.tokens["producer"]},
		},
		Body: io.NopCloser(bytes.NewReader(sent)), ContentLength: int64(len(sent)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(sent)), nil },
	}
	recorded := httptest.NewRecorder()
	s.api.Handler().ServeHTTP(recorded, r)
	resp := recorded.Result()
	got, _ := io.ReadAll(resp.Body) // of a buffer
	return r, resp, got
}

// fuzzed is one target for many inputs; a new one now and then keeps what was
// made by them small.
var fuzzed struct {
	sync.Mutex
	*target
}

// FuzzRequest sends any path, query and body to any route with good
// credentials: nothing breaks, and openapi.yaml knows every reply.
// TOKEN in a body stands for the claim token of j1.
func FuzzRequest(f *testing.F) {
	routes := api.Routes()
	index := map[string]uint8{}
	requests := legal("TOKEN")
	for i, route := range routes {
		index[route.Name] = uint8(i)
		a := requests[route.Name]
		f.Add(uint8(i), "j1", "", a.body)
		f.Add(uint8(i), "7", "limit=3", a.body+" ")
		f.Add(uint8(i), "%2e%2e%2f", "limit=%zz", "null")
		f.Add(uint8(i), strings.Repeat("9", 70), "limit=1&limit=2", "["+a.body+"]")
	}
	f.Add(index["complete-job"], "j1", "", `{"token":"TOKEN","tasks":[[`+oneCase("AC", "")+`]]}`)
	added := 0
	for name, i := range index {
		saved, err := filepath.Glob(filepath.Join("..", "..", "events", name, "ok*.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range saved {
			raw, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			var event struct {
				Body           string
				PathParameters map[string]string
			}
			if !strings.HasSuffix(path, ".want.json") && !strings.HasSuffix(path, "-rest.json") && json.Unmarshal(raw, &event) == nil && len(event.Body) < 4<<10 {
				f.Add(i, event.PathParameters["id"], "", event.Body)
				added++
			}
		}
	}
	if added == 0 {
		f.Fatal("no event was found")
	}
	f.Fuzz(func(t *testing.T, which uint8, id, query, body string) {
		route := routes[int(which)%len(routes)]
		path := strings.Replace(route.Path, "{id}", id, 1)
		fuzzed.Lock()
		defer fuzzed.Unlock()
		if fuzzed.target == nil || fuzzed.asked > 2000 {
			fuzzed.target = newTarget(t)
		}
		fuzzed.asked++
		r, resp, got := fuzzed.serve(route.Method, path+"?"+query, strings.ReplaceAll(body, "TOKEN", fuzzed.claimToken))
		if resp.StatusCode >= 500 {
			t.Fatalf("%s %q %q %q: %d", route.Method, path, query, body, resp.StatusCode)
		}
		contract.Check(t, r, resp, got)
	})
}
