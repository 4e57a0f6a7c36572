package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Behind an API Gateway a path with a trailing slash reaches not-found.
func TestNotFoundSendsAwayFromTrailingSlashes(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
		location     string
	}{
		{"GET", "/runner/jobs/", http.StatusPermanentRedirect, "../jobs"},
		{"GET", "/runner/jobs/?limit=10", http.StatusPermanentRedirect, "../jobs?limit=10"},
		{"PUT", "/runner/jobs/a%2Fb/complete/", http.StatusPermanentRedirect, "../complete"},
		{"GET", "/jobs/x/", http.StatusPermanentRedirect, "../x"},
		{"GET", "/jobs/a%2Fb/", http.StatusPermanentRedirect, "../a%2Fb"},
		{"DELETE", "/runner/jobs/", http.StatusMethodNotAllowed, ""},
		{"GET", "/nowhere/", http.StatusNotFound, ""},
		{"GET", "/", http.StatusNotFound, ""},
		{"GET", "//evil.example/", http.StatusNotFound, ""},
	} {
		w := httptest.NewRecorder()
		New(Config{}).NotFound().ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if got := w.Header().Get("Location"); w.Code != c.status || got != c.location {
			t.Errorf("%s %s: %d to %q, want %d to %q", c.method, c.path, w.Code, got, c.status, c.location)
		}
	}
}
