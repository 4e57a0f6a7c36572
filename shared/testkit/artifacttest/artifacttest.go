// Package artifacttest is the conformance suite of dispatch.Artifacts: every
// promise of the port as a named case. Its URLs are used over real HTTP, by a
// client that knows nothing of AWS, and each thing that they must refuse is
// tried.
package artifacttest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// Harness is one place for artifacts and how to reach it.
type Harness struct {
	Artifacts dispatch.Artifacts
	// Client uses the URLs. It should follow no redirects.
	Client *http.Client
	// Aged is Artifacts, but the URLs that it makes were made so long ago.
	Aged func(age time.Duration) dispatch.Artifacts
	// LetsAnyoneIn means that a request without any signature is let in: an
	// emulator's fault that the suite must put up with.
	LetsAnyoneIn bool
}

// Run runs the suite, each case on a new Harness, except for the case that
// its kind of Harness rules out; make is called once more to learn which.
func Run(t *testing.T, make func(t *testing.T) Harness) {
	kind := make(t)
	for _, c := range cases {
		if c.signature && kind.LetsAnyoneIn {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, suite{make(t)})
		})
	}
}

var cases = []struct {
	name      string
	run       func(*testing.T, suite)
	signature bool // needs a place that refuses a URL without one
}{
	{name: "stat/what was never stored is not there", run: statMissing},
	{name: "put/stored and found with size and hash", run: put},
	{name: "put/repeated is no error and changes nothing", run: putTwice},
	{name: "put/other bytes under the same key do not replace the first", run: putOther},
	{name: "put/one byte", run: putOneByte},
	{name: "put/keys do not mix", run: putMany},
	{name: "put/bytes that are not what was announced are refused", run: putMismatch},

	{name: "put ahead/there once a later write is", run: putAhead},

	{name: "read/any part of an object", run: read},
	{name: "read/what is not there is an error", run: readMissing},

	{name: "download/gives the bytes, as a zip, under its name", run: get},
	{name: "download/again and again", run: getAgain},
	{name: "download/URL made before the object", run: getEarly},
	{name: "download/of what does not exist", run: getMissing},
	{name: "download/other methods are refused", run: getOtherMethods},
	{name: "download/another key is refused", run: getOtherKey},
	{name: "download/another parameter is refused", run: getTampered},
	{name: "download/without its signature is refused", run: getUnsigned, signature: true},
	{name: "download/good until it expires", run: getAged},

	{name: "upload/exactly the announced bytes", run: upload},
	{name: "upload/says how in method and headers", run: uploadSays},
	{name: "upload/to a key without a hash", run: uploadUnnamed},
	{name: "upload/a second one is refused", run: uploadTwice},
	{name: "upload/over an object that was put is refused", run: uploadOverPut},
	{name: "upload/of what is there already is refused", run: uploadLate},
	{name: "upload/by two at once stores one", run: uploadRace},
	{name: "upload/a megabyte", run: uploadBig},
	{name: "upload/other bytes of the same size are refused", run: uploadOtherBytes},
	{name: "upload/fewer bytes are refused", run: uploadFewer},
	{name: "upload/more bytes are refused", run: uploadMore},
	{name: "upload/no bytes are refused", run: uploadNone},
	{name: "upload/chunked, without a length, is refused", run: uploadChunked},
	{name: "upload/other bytes with their own checksum are refused", run: uploadOtherChecksum},
	{name: "upload/without one of its headers is refused", run: uploadHeaderMissing},
	{name: "upload/other methods are refused", run: uploadOtherMethods},
	{name: "upload/to another key is refused", run: uploadOtherKey},
	{name: "upload/another parameter is refused", run: uploadTampered},
	{name: "upload/to a download's URL is refused", run: uploadToDownload},
	{name: "upload/good until it expires", run: uploadAged},
	{name: "upload/of a draft says its headers too, and may be kept", run: uploadDraft},
}

type suite struct{ Harness }

// sample is some bytes, different every time, and what they are.
func sample(size int) ([]byte, job.Artifact) {
	body := make([]byte, size)
	rand.Read(body)
	return body, measure(body)
}

func measure(body []byte) job.Artifact {
	sum := sha256.Sum256(body)
	return job.Artifact{Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

// key is built as dispatch builds keys.
func key(id string, a job.Artifact) string { return "code/" + id + "/" + a.SHA256 + ".zip" }

func (s suite) put(t *testing.T, key string, body []byte) {
	t.Helper()
	if err := s.Artifacts.Put(t.Context(), key, body, measure(body)); err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
}

func (s suite) getURL(t *testing.T, a dispatch.Artifacts, key string) string {
	t.Helper()
	url, err := a.GetURL(t.Context(), key, "s-1.zip")
	if err != nil {
		t.Fatalf("GetURL(%q): %v", key, err)
	}
	return url
}

func (s suite) putURL(t *testing.T, a dispatch.Artifacts, key string, want job.Artifact) dispatch.Upload {
	t.Helper()
	up, err := a.PutURL(t.Context(), key, want)
	if err != nil {
		t.Fatalf("PutURL(%q): %v", key, err)
	}
	return up
}

// reply is what a request got.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) ok() bool { return r.status == http.StatusOK }

// send is what any program would do, with a body whose length is known.
func (s suite) send(t *testing.T, method, url string, headers map[string]string, body []byte) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return s.do(t, r)
}

func (s suite) do(t *testing.T, r *http.Request) reply {
	t.Helper()
	res, err := s.Client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read body: %v", r.Method, r.URL.Path, err)
	}
	return reply{res.StatusCode, res.Header, got}
}

func (s suite) get(t *testing.T, url string) reply {
	t.Helper()
	return s.send(t, http.MethodGet, url, nil, nil)
}

func (s suite) upload(t *testing.T, up dispatch.Upload, body []byte) reply {
	t.Helper()
	return s.send(t, up.Method, up.URL, up.Headers, body)
}

// holds insists on what is stored under a key: by Stat, and by a download.
func (s suite) holds(t *testing.T, key string, body []byte) {
	t.Helper()
	got, exists, err := s.Artifacts.Stat(t.Context(), key)
	if err != nil || !exists || got != measure(body) {
		t.Fatalf("Stat(%q) = %v, %v, %v; want %v", key, got, exists, err, measure(body))
	}
	if r := s.get(t, s.getURL(t, s.Artifacts, key)); !r.ok() || !bytes.Equal(r.body, body) {
		t.Fatalf("download of %q: status %d, %d bytes; want the %d stored", key, r.status, len(r.body), len(body))
	}
}

func (s suite) empty(t *testing.T, key string) {
	t.Helper()
	if got, exists, err := s.Artifacts.Stat(t.Context(), key); err != nil || exists {
		t.Fatalf("Stat(%q) = %v, %v, %v; want nothing stored", key, got, exists, err)
	}
}

// refused insists that a request failed by the caller's fault.
func refused(t *testing.T, what string, r reply) {
	t.Helper()
	if r.status < 400 || r.status > 499 {
		t.Errorf("%s: status %d, want a refusal", what, r.status)
	}
}

// tampered are the variants of a URL with one of its parameters changed.
func tampered(t *testing.T, url string) map[string]string {
	t.Helper()
	base, query, found := strings.Cut(url, "?")
	if !found {
		t.Fatalf("URL without parameters: %s", base)
	}
	variants := make(map[string]string)
	params := strings.Split(query, "&")
	for i, param := range params {
		name, value, _ := strings.Cut(param, "=")
		changed := append([]string(nil), params...)
		changed[i] = name + "=" + bump(value)
		variants[name+" changed"] = base + "?" + strings.Join(changed, "&")
		without := append(append([]string(nil), params[:i]...), params[i+1:]...)
		variants[name+" left out"] = base + "?" + strings.Join(without, "&")
	}
	return variants
}

// bump changes the last letter or digit of a value, and keeps it one.
func bump(value string) string {
	last := len(value) - 1
	if last < 0 {
		return "1"
	}
	next := value[last] + 1
	switch value[last] {
	case '9', 'z', 'Z', 'f', 'F':
		next = value[last] - 1
	}
	return value[:last] + string(next)
}

func without(headers map[string]string, name string) map[string]string {
	rest := maps.Clone(headers)
	delete(rest, name)
	return rest
}

// otherKey changes the id in the path of a URL to another one of the same length.
func otherKey(t *testing.T, url string) string {
	t.Helper()
	changed := strings.Replace(url, "/s-1/", "/s-2/", 1)
	if changed == url {
		t.Fatal("no key in the URL")
	}
	return changed
}
