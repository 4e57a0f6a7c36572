package artifacttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"runlease/shared/dispatch"
)

// allowed is an upload, its key and the bytes that it is for.
func (s suite) allowed(t *testing.T, size int) (k string, up dispatch.Upload, body []byte) {
	t.Helper()
	body, a := sample(size)
	k = key("s-1", a)
	return k, s.putURL(t, s.Artifacts, k, a), body
}

// stores insists that an upload works: after a refusal, that it was refused for
// the reason that the case is about.
func (s suite) stores(t *testing.T, k string, up dispatch.Upload, body []byte) {
	t.Helper()
	s.empty(t, k)
	if r := s.upload(t, up, body); !r.ok() {
		t.Fatalf("upload as announced: status %d: %s", r.status, r.body)
	}
	s.holds(t, k, body)
}

func upload(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	s.stores(t, k, up, body)
}

// uploadUnnamed: the key of a runner's outputs does not say what they are.
func uploadUnnamed(t *testing.T, s suite) {
	for _, size := range []int{1000, 300 << 10} {
		body, a := sample(size)
		k := fmt.Sprintf("results/s-%d/0/1/upload-a.zip", size)
		s.stores(t, k, s.putURL(t, s.Artifacts, k, a), body)
	}
}

func uploadSays(t *testing.T, s suite) {
	_, up, _ := s.allowed(t, 1000)
	if up.Method != http.MethodPut {
		t.Errorf("method = %q, want PUT", up.Method)
	}
	if len(up.Headers) == 0 {
		t.Error("no headers: nothing ties the upload to its bytes")
	}
	for name, value := range up.Headers {
		if name == "" || value == "" || strings.EqualFold(name, "Host") || strings.EqualFold(name, "Authorization") {
			t.Errorf("header %q must not be asked for", name)
		}
	}
}

func uploadTwice(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	s.stores(t, k, up, body)
	if r := s.upload(t, up, body); r.status != http.StatusPreconditionFailed {
		t.Errorf("second upload: status %d, want 412", r.status)
	}
	s.holds(t, k, body)
}

func uploadOverPut(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	s.put(t, k, body)
	if r := s.upload(t, up, body); r.status != http.StatusPreconditionFailed {
		t.Errorf("upload: status %d, want 412", r.status)
	}
	s.holds(t, k, body)
}

// uploadLate: a URL that is made when the object exists does not replace it.
func uploadLate(t *testing.T, s suite) {
	first, a := sample(1000)
	second, b := sample(500)
	k := key("s-1", a)
	s.put(t, k, first)
	if r := s.upload(t, s.putURL(t, s.Artifacts, k, b), second); r.status != http.StatusPreconditionFailed {
		t.Errorf("upload: status %d, want 412", r.status)
	}
	s.holds(t, k, first)
}

func uploadRace(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	replies := make([]reply, 4)
	var wait sync.WaitGroup
	for i := range replies {
		wait.Go(func() { replies[i] = s.upload(t, up, body) })
	}
	wait.Wait()
	stored := 0
	for _, r := range replies {
		switch r.status {
		case http.StatusOK:
			stored++
		case http.StatusPreconditionFailed, http.StatusConflict: // S3: another upload is under way
		default:
			t.Errorf("status %d: %s", r.status, r.body)
		}
	}
	if stored != 1 {
		t.Errorf("%d uploads were accepted, want 1", stored)
	}
	s.holds(t, k, body)
}

func uploadBig(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1<<20)
	s.stores(t, k, up, body)
}

func uploadOtherBytes(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	other, _ := sample(1000)
	refused(t, "other bytes", s.upload(t, up, other))
	s.stores(t, k, up, body)
}

func uploadFewer(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	refused(t, "a byte less", s.upload(t, up, body[:999]))
	s.stores(t, k, up, body)
}

func uploadMore(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	refused(t, "a byte more", s.upload(t, up, append(bytes.Clone(body), 0)))
	s.stores(t, k, up, body)
}

func uploadNone(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	refused(t, "no bytes", s.upload(t, up, nil))
	s.stores(t, k, up, body)
}

func uploadChunked(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	r, err := http.NewRequestWithContext(t.Context(), up.Method, up.URL, io.MultiReader(bytes.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range up.Headers {
		r.Header.Set(name, value)
	}
	refused(t, "chunked", s.do(t, r))
	s.stores(t, k, up, body)
}

// uploadOtherChecksum: the headers are signed, so that a checksum that fits
// other bytes does not help.
func uploadOtherChecksum(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	other, _ := sample(1000)
	from, to := sha256.Sum256(body), sha256.Sum256(other)
	headers, changed := maps.Clone(up.Headers), false
	for name, value := range headers {
		if value == base64.StdEncoding.EncodeToString(from[:]) {
			headers[name], changed = base64.StdEncoding.EncodeToString(to[:]), true
		}
	}
	if !changed {
		t.Fatal("no header has the SHA-256 in base64")
	}
	refused(t, "other bytes, other checksum", s.send(t, up.Method, up.URL, headers, other))
	refused(t, "right bytes, other checksum", s.send(t, up.Method, up.URL, headers, body))
	s.stores(t, k, up, body)
}

func uploadHeaderMissing(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	for name := range up.Headers {
		refused(t, "without "+name, s.send(t, up.Method, up.URL, without(up.Headers, name), body))
	}
	refused(t, "without any", s.send(t, up.Method, up.URL, nil, body))
	s.stores(t, k, up, body)
}

func uploadOtherMethods(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		refused(t, method, s.send(t, method, up.URL, up.Headers, body))
	}
	s.stores(t, k, up, body)
	refused(t, "DELETE of what is there", s.send(t, http.MethodDelete, up.URL, up.Headers, nil))
	refused(t, "GET of what is there", s.send(t, http.MethodGet, up.URL, up.Headers, nil))
	s.holds(t, k, body)
}

func uploadOtherKey(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	other := up
	other.URL = otherKey(t, up.URL)
	refused(t, "another key", s.upload(t, other, body))
	s.empty(t, strings.Replace(k, "/s-1/", "/s-2/", 1))
	s.stores(t, k, up, body)
}

func uploadTampered(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	for what, variant := range tampered(t, up.URL) {
		refused(t, what, s.send(t, up.Method, variant, up.Headers, body))
	}
	s.stores(t, k, up, body)
}

func uploadToDownload(t *testing.T, s suite) {
	k, up, body := s.allowed(t, 1000)
	refused(t, "PUT", s.send(t, http.MethodPut, s.getURL(t, s.Artifacts, k), up.Headers, body))
	s.stores(t, k, up, body)
}

func uploadAged(t *testing.T, s suite) {
	body, a := sample(1000)
	k := key("s-1", a)
	refused(t, "expired", s.upload(t, s.putURL(t, s.Aged(dispatch.UploadLife+time.Second), k, a), body))
	refused(t, "long expired", s.upload(t, s.putURL(t, s.Aged(24*time.Hour), k, a), body))
	s.stores(t, k, s.putURL(t, s.Aged(dispatch.UploadLife-margin), k, a), body)
}

// uploadDraft: what the headers say besides cannot be left out, or the bytes would
// stay for ever.
func uploadDraft(t *testing.T, s suite) {
	body, a := sample(1000)
	k := key("s-1", a)
	up, err := s.Artifacts.DraftURL(t.Context(), k, a)
	if err != nil {
		t.Fatal(err)
	}
	if len(up.Headers) != len(s.putURL(t, s.Artifacts, k, a).Headers)+1 {
		t.Errorf("headers %v", up.Headers)
	}
	for name := range up.Headers {
		refused(t, "without "+name, s.send(t, up.Method, up.URL, without(up.Headers, name), body))
	}
	s.keeps(t, k, false)
	s.stores(t, k, up, body)
	for range 2 {
		s.keeps(t, k, true)
	}
	s.holds(t, k, body)
}

func (s suite) keeps(t *testing.T, k string, want bool) {
	t.Helper()
	if got, err := s.Artifacts.Keep(t.Context(), k); err != nil || got != want {
		t.Errorf("Keep(%q): %v, %v; want %v", k, got, err, want)
	}
}
