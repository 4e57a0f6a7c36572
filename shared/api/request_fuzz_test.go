package api_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/memory"
	"runlease/shared/testkit/contract"
)

// target is an API for a fuzzer: real credentials, a published problem, and the
// job j1 claimed by runner-a.
type target struct {
	handler http.Handler
	tokens  map[api.Caller]string
	claim   string
	asked   int
}

func newTarget(t *testing.T) *target {
	t.Helper()
	credentials := memory.NewCredentials()
	s := &target{tokens: map[api.Caller]string{}}
	for caller, name := range map[api.Caller]string{api.Runner: "runner-a", api.Producer: "producer"} {
		token, _, err := auth.Issue(t.Context(), credentials, grants[name], time.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s.tokens[caller] = token
	}
	d := dispatch.New(memory.NewStore(), memory.NewQueue(time.Now), memory.NewArtifacts("http://127.0.0.1", []byte("secret"), time.Now))
	d.Log = slog.New(slog.DiscardHandler)
	s.handler = api.New(api.Config{
		Dispatch: d, Auth: auth.NewVerifier(credentials), Log: d.Log,
		RunnerRate: api.Unlimited, ProducerRate: api.Unlimited,
	}).Handler()
	s.serve(http.MethodPut, "/problems/7", `{"tasks":`+tasks8+`}`)
	s.serve(http.MethodPost, "/problems/7/publish", "")
	s.serve(http.MethodPost, "/jobs", newJob("j1", 7, 2))
	_, _, body := s.serve(http.MethodPost, "/runner/jobs/j1/claim", "")
	var claimed struct{ Data struct{ Token string } }
	if err := json.Unmarshal(body, &claimed); err != nil || claimed.Data.Token == "" {
		t.Fatalf("claim: %s", body)
	}
	s.claim = claimed.Data.Token
	return s
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
			"X-Runner-Token": {s.tokens[api.Runner]},
			"Authorization":  {"Bearer " + s.tokens[api.Producer]},
		},
		Body: io.NopCloser(bytes.NewReader(sent)), ContentLength: int64(len(sent)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(sent)), nil },
	}
	recorded := httptest.NewRecorder()
	s.handler.ServeHTTP(recorded, r)
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
// credentials: nothing breaks, and every reply is one that openapi.yaml knows.
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
		r, resp, got := fuzzed.serve(route.Method, path+"?"+query, strings.ReplaceAll(body, "TOKEN", fuzzed.claim))
		if resp.StatusCode >= 500 {
			t.Fatalf("%s %q %q %q: %d", route.Method, path, query, body, resp.StatusCode)
		}
		contract.Check(t, r, resp, got)
	})
}
