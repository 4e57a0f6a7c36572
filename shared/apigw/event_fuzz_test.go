package apigw_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/api"
	"runlease/shared/apigw"
)

// FuzzInvoke takes whatever may come as an event. It is answered in the format
// that it was asked in, or refused; a path parameter never becomes a path.
func FuzzInvoke(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("..", "..", "events", "*", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	added := 0
	for _, path := range seeds {
		event, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		// Larger ones are large in their body only.
		if !strings.HasSuffix(path, ".want.json") && len(event) < 8<<10 {
			f.Add(event)
			added++
		}
	}
	if added == 0 {
		f.Fatal("no event was found")
	}
	f.Add([]byte(`{"httpMethod":"PUT","resource":"/jobs/{id}","pathParameters":{"id":"../..//%2f"},"headers":{"\u0000":"\n"}}`))
	f.Add([]byte(`{"routeKey":"$default","rawPath":"jobs?#%","requestContext":{"http":{"method":"GET"},"stage":""}}`))
	patterns := map[string]bool{}
	for _, route := range api.Routes() {
		patterns[route.Path] = true
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		var asked *http.Request
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTeapot)
			w.Write([]byte(`{}`))
		})
		out, err := apigw.New(answer).Invoke(t.Context(), event)
		if err != nil {
			if asked != nil || len(out) > 0 {
				t.Fatalf("refused and answered: %v, %s", err, out)
			}
			if text := err.Error(); strings.Contains(text, "json") || len(text) > 100 {
				t.Errorf("the refusal says too much: %s", text)
			}
			return
		}
		var in struct {
			HTTPMethod string `json:"httpMethod"`
			Resource   string `json:"resource"`
			RouteKey   string `json:"routeKey"`
		}
		if err := json.Unmarshal(event, &in, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatal(err)
		}
		var reply struct {
			StatusCode        int                 `json:"statusCode"`
			Headers           map[string]string   `json:"headers"`
			MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
			Body              string              `json:"body"`
		}
		if err := json.Unmarshal(out, &reply); err != nil || reply.StatusCode != http.StatusTeapot || reply.Body != `{}` {
			t.Fatalf("reply %s, %v", out, err)
		}
		if rest := in.HTTPMethod != ""; rest == (len(reply.Headers) > 0) || rest != (len(reply.MultiValueHeaders) > 0) {
			t.Errorf("answered in the other format: %s", out)
		}
		if asked == nil || !strings.HasPrefix(asked.URL.Path, "/") || asked.Method == "" || asked.Body == nil {
			t.Fatalf("no request that a handler can work with: %+v", asked)
		}
		pattern := in.Resource
		if in.HTTPMethod == "" {
			_, pattern, _ = strings.Cut(in.RouteKey, " ")
		}
		if got := asked.URL.EscapedPath(); patterns[pattern] && strings.Count(got, "/") != strings.Count(pattern, "/") {
			t.Errorf("%s became %s", pattern, got)
		}
	})
}
