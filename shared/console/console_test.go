package console_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"runlease/shared/api"
	"runlease/shared/console"
	"runlease/shared/judge"
	"runlease/shared/language"
	"runlease/shared/roster"
)

func get(method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	console.Handler(api.New(api.Config{}).NotFound()).ServeHTTP(w, r)
	return w
}

// TestPage follows what the page names: each file is there, of a type that a browser
// takes, under the policy.
func TestPage(t *testing.T) {
	page := get("GET", "/console")
	paths := []string{"/console"}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1) {
		paths = append(paths, "/"+m[1])
	}
	entries, err := os.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "index.html" && !slices.Contains(paths, "/console/"+name) {
			t.Errorf("the page does not name %s: it would be loaded late, or never", name)
		}
	}
	kinds := map[string]string{"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml", "/console": "text/html; charset=utf-8"}
	total := 0
	for _, path := range paths {
		plain, zipped := get("GET", path), get("GET", path, "Accept-Encoding", "br, gzip")
		if plain.Code != 200 || zipped.Code != 200 || zipped.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d and %d, encoded %q", path, plain.Code, zipped.Code, zipped.Header().Get("Content-Encoding"))
			continue
		}
		unzip, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(unzip); err != nil || string(text) != plain.Body.String() || len(text) == 0 {
			t.Errorf("%s: unzipped it is something else: %v", path, err)
		}
		total += len(plain.Body.Bytes())
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		behind := httptest.NewRecorder()
		console.Plain(http.NotFoundHandler()).ServeHTTP(behind, r)
		if behind.Header().Get("Content-Encoding") != "" || behind.Body.String() != plain.Body.String() {
			t.Errorf("%s behind API Gateway is encoded %q", path, behind.Header().Get("Content-Encoding"))
		}
		header := plain.Header()
		if want := kinds[path[strings.LastIndexAny(path, "./")+1:]]; want != "" && header.Get("Content-Type") != want {
			t.Errorf("%s is %s", path, header.Get("Content-Type"))
		}
		if header.Get("Content-Security-Policy") != console.Policy || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: header %v", path, header)
		}
		if again := get("GET", path, "If-None-Match", header.Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: %d, %d bytes", path, again.Code, again.Body.Len())
		}
	}
	if total >= 100_000 {
		t.Errorf("the page and its files are %d bytes, not zipped: want fewer than 100,000", total)
	}
	for _, c := range []struct {
		method, path, location string
		status                 int
	}{
		{"GET", "/console/nothing.js", "", 404},
		{"GET", "/console/../console", "", 404},
		{"GET", "/console/static/app.js", "", 404},
		{"GET", "/console/", "../console", 308},
		{"POST", "/console", "", 405},
		{"PUT", "/console/app.js", "", 405},
	} {
		if w := get(c.method, c.path); w.Code != c.status || w.Header().Get("Location") != c.location {
			t.Errorf("%s %s: %d to %q", c.method, c.path, w.Code, w.Header().Get("Location"))
		}
	}
}

// TestPolicy: nothing in the page needs more than its policy grants.
func TestPolicy(t *testing.T) {
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"} {
		if !strings.Contains(console.Policy, want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
	if strings.Contains(console.Policy, "unsafe") || strings.Contains(console.Policy, "http") {
		t.Errorf("the policy is %s", console.Policy)
	}
	page := get("GET", "/console").Body.String()
	if found := regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\son[a-z]+=|style=|https?://`).FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
}

// TestActsOfARunner: the page offers the acts that change a runner's state, or ask
// again; all others are refused or do nothing.
func TestActsOfARunner(t *testing.T) {
	m := regexp.MustCompile(`const from = (\{[^}]*\});`).FindStringSubmatch(get("GET", "/console/acts.js").Body.String())
	var got map[roster.State][]roster.Act
	if m == nil || json.Unmarshal([]byte(m[1]), &got) != nil {
		t.Fatalf("the page's table is %v", m)
	}
	for _, state := range []roster.State{roster.Serving, roster.Paused, roster.Draining, roster.Retired, roster.Quarantined} {
		for _, act := range roster.RunnerActs() {
			after, allowed := roster.Runner{Name: "r", State: state, By: "ops"}.Steer(roster.Order{Act: act, By: "ops", Why: "test", At: 1})
			want := allowed && (after.State != state || act == roster.ActRetire)
			if slices.Contains(got[state], act) != want {
				t.Errorf("%s of a runner that is %s: offered %v, want %v", act, state, !want, want)
			}
		}
	}
}

// TestNames: the page calls languages and statuses as the server does.
func TestNames(t *testing.T) {
	var languages, statuses []string
	for id := 0; language.Name(id) != ""; id++ {
		languages = append(languages, language.Name(id))
	}
	for _, s := range slices.Sorted(slices.Values(judge.Statuses())) {
		statuses = append(statuses, s.String())
	}
	script := get("GET", "/console/parts.js").Body.String()
	for name, want := range map[string][]string{"languages": languages, "statuses": statuses} {
		m := regexp.MustCompile(`export const ` + name + ` = (\[.*\]);`).FindStringSubmatch(script)
		var got []string
		if m == nil || json.Unmarshal([]byte(m[1]), &got) != nil || !slices.Equal(got, want) {
			t.Errorf("%s are %v, want %q", name, m, want)
		}
	}
}
