package artifacttest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"runlease/shared/dispatch"
)

// stored is an object and a URL of it.
func (s suite) stored(t *testing.T) (k, url string, body []byte) {
	t.Helper()
	body, a := sample(1000)
	k = key("s-1", a)
	s.put(t, k, body)
	return k, s.getURL(t, s.Artifacts, k), body
}

func get(t *testing.T, s suite) {
	_, url, body := s.stored(t)
	r := s.get(t, url)
	if !r.ok() || !bytes.Equal(r.body, body) {
		t.Fatalf("status %d, %d bytes; want 200 and the %d stored", r.status, len(r.body), len(body))
	}
	for name, want := range map[string]string{
		"Content-Type":        "application/zip",
		"Content-Disposition": `attachment; filename="s-1.zip"`,
		"Content-Length":      "1000",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func getAgain(t *testing.T, s suite) {
	_, url, body := s.stored(t)
	for range 3 {
		if r := s.get(t, url); !r.ok() || !bytes.Equal(r.body, body) {
			t.Fatalf("status %d, %d bytes", r.status, len(r.body))
		}
	}
}

func getEarly(t *testing.T, s suite) {
	body, a := sample(1000)
	url := s.getURL(t, s.Artifacts, key("s-1", a))
	s.put(t, key("s-1", a), body)
	if r := s.get(t, url); !r.ok() || !bytes.Equal(r.body, body) {
		t.Fatalf("status %d, %d bytes", r.status, len(r.body))
	}
}

func getMissing(t *testing.T, s suite) {
	_, a := sample(1000)
	refused(t, "download of nothing", s.get(t, s.getURL(t, s.Artifacts, key("s-1", a))))
}

func getOtherMethods(t *testing.T, s suite) {
	k, url, body := s.stored(t)
	for _, method := range []string{http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete} {
		refused(t, method, s.send(t, method, url, nil, []byte("other")))
	}
	s.holds(t, k, body)
}

func getOtherKey(t *testing.T, s suite) {
	k, url, body := s.stored(t)
	s.put(t, strings.Replace(k, "/s-1/", "/s-2/", 1), body)
	refused(t, "another key", s.get(t, otherKey(t, url)))
}

func getTampered(t *testing.T, s suite) {
	_, url, _ := s.stored(t)
	for what, variant := range tampered(t, url) {
		refused(t, what, s.get(t, variant))
	}
	refused(t, "a parameter more", s.get(t, url+"&versionId=1"))
}

func getUnsigned(t *testing.T, s suite) {
	_, url, _ := s.stored(t)
	bare, _, _ := strings.Cut(url, "?")
	refused(t, "no signature", s.get(t, bare))
}

// margin is how far from its end a URL is tried.
const margin = 30 * time.Second

func getAged(t *testing.T, s suite) {
	k, _, body := s.stored(t)
	if r := s.get(t, s.getURL(t, s.Aged(dispatch.URLLife-margin), k)); !r.ok() || !bytes.Equal(r.body, body) {
		t.Errorf("before its end: status %d, %d bytes", r.status, len(r.body))
	}
	refused(t, "expired", s.get(t, s.getURL(t, s.Aged(dispatch.URLLife+time.Second), k)))
	refused(t, "long expired", s.get(t, s.getURL(t, s.Aged(24*time.Hour), k)))
}
