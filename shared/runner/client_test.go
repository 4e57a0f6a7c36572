package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"runlease/shared/runner/execute"
	"runlease/shared/testkit/until"
	"runlease/shared/trace"
	"runlease/shared/version"
)

// over makes a client of a real server.
func over(t *testing.T, h http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := NewClient(server.URL, token, name, server.Client().Transport)
	if err != nil {
		t.Fatal(err)
	}
	return c, server
}

func TestRedirects(t *testing.T) {
	var held claim
	held.ID = "a"
	t.Run("to storage, with where it is in the body", func(t *testing.T) {
		for _, status := range []int{302, 307} {
			c, _ := over(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/runner/jobs/a/code" {
					t.Errorf("went to %s", r.URL)
				}
				w.Header().Set("Location", "http://storage.test/x")
				w.WriteHeader(status)
				_ = json.NewEncoder(w).Encode(map[string]any{"data": download{URL: "http://storage.test/x", Size: 3, SHA256: shaOf(nil), ExpiresIn: 300}, "message": "ok", "status": "ok"})
			})
			got, err := c.download(t.Context(), held, "code")
			if err != nil || got.URL != "http://storage.test/x" || got.Size != 3 || got.SHA256 != shaOf(nil) {
				t.Errorf("%d: %+v, %v", status, got, err)
			}
		}
	})
	t.Run("on the same server, with method and body", func(t *testing.T) {
		c, _ := over(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/v2") {
				http.Redirect(w, r, "/v2"+r.URL.Path, http.StatusTemporaryRedirect)
				return
			}
			body, _ := io.ReadAll(r.Body)
			if r.Method != http.MethodPost || !bytes.Contains(body, []byte(`"reason":"drain"`)) || r.Header.Get("X-Runner-Token") != token || r.Header.Get("User-Agent") != "runlease-runner/"+version.Version {
				t.Errorf("%s %s %v", r.Method, body, r.Header)
			}
			send(w, 200, nil, "job released", "")
		})
		if err := c.release(t.Context(), held, "drain", ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("to another server, which must not see the token", func(t *testing.T) {
		_, thief := over(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent there: %v", r.Header) })
		c, _ := over(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path, http.StatusTemporaryRedirect)
		})
		if err := c.release(t.Context(), held, "drain", ""); react(err) != again || !strings.Contains(err.Error(), "another server, "+thief.URL) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("in a circle", func(t *testing.T) {
		count := 0
		c, _ := over(t, func(w http.ResponseWriter, r *http.Request) {
			count++
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		})
		if err := c.release(t.Context(), held, "drain", ""); react(err) != again || count != maxHops {
			t.Errorf("after %d requests: %v", count, err)
		}
	})
}

func TestSameOrigin(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		want     bool
	}{
		{"http://a", "http://a/x", true},
		{"http://a", "http://A:80/x", true},
		{"https://a:443", "https://a", true},
		{"http://a", "https://a", false},
		{"http://a:8080", "https://a:8080", false},
		{"https://a", "https://a:444", false},
		{"http://a", "http://b", false},
	} {
		from, err := url.Parse(tc.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(tc.to)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameOrigin(from, to); got != tc.want {
			t.Errorf("%s to %s: %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestFetchSendsNoHeadersAndShowsNoURL(t *testing.T) {
	c, server := over(t, func(w http.ResponseWriter, r *http.Request) {
		for header := range r.Header {
			if strings.HasPrefix(header, "X-") || header == "Authorization" || header == "Cookie" {
				t.Errorf("storage sees %s", header)
			}
		}
		_, _ = w.Write([]byte("abc"))
	})
	var out bytes.Buffer
	d := download{URL: server.URL + "/x?X-Amz-Signature=s3cret", Size: 3, SHA256: shaOf([]byte("abc"))}
	if err := c.fetch(t.Context(), d, &out); err != nil || out.String() != "abc" {
		t.Errorf("%q, %v", out.String(), err)
	}
	server.Close()
	if err := c.fetch(t.Context(), d, &out); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v shows the signature, or there is none", err)
	}
	d.URL = "http://s3cret%zz"
	if err := c.fetch(t.Context(), d, &out); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v shows the URL, or there is none", err)
	}
}

func TestReplyErrors(t *testing.T) {
	c, _ := over(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		send(w, 429, nil, "slow down", "throttled")
	})
	_, err := c.list(t.Context(), 4)
	reply, ok := errors.AsType[*replyError](err)
	if !ok || *reply != (replyError{Status: 429, Code: "throttled", Message: "slow down", RequestID: "req-1", RetryAfter: 7 * time.Second}) {
		t.Errorf("got %+v", reply)
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"": 0, "soon": 0, "-1": 0, "90": 90 * time.Second,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):  time.Minute,
			time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
		} {
			if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {value}}}); got != want {
				t.Errorf("%q: %v, want %v", value, got, want)
			}
		}
	})
}

func TestNewClientChecks(t *testing.T) {
	for _, tc := range [][4]string{
		{"", "t", "n", "not http(s)"},
		{"localhost:80", "t", "n", "not http(s)"},
		{"ftp://x", "t", "n", "not http(s)"},
		{"http://:80", "t", "n", "not http(s)"},
		{"http://u:passw0rd%zz@x", "t", "n", "not http(s)"},
		{"http://u:passw0rd@x", "t", "n", "user name or a password"},
		{"http://x?stage=prod", "t", "n", "query"},
		{"http://x/?", "t", "n", "query"},
		{"http://x/#top", "t", "n", "fragment"},
		{"http://x//v1", "t", "n", "two slashes"},
		{"http://x", "", "n", "token"},
		{"http://x", "two words", "n", "token"},
		{"http://x", "t\n", "n", "token"},
		{"http://x", "t", "", "name"},
	} {
		if _, err := NewClient(tc[0], tc[1], tc[2], nil); err == nil || !strings.Contains(err.Error(), tc[3]) || strings.Contains(err.Error(), "passw0rd") {
			t.Errorf("%q: got %v, want an error with %q", tc[:3], err, tc[3])
		}
	}
	if _, err := NewClient("https://x:8443/prod/", "t", "n", nil); err != nil {
		t.Error(err)
	}
}

// TestRealPrograms runs the whole runner over HTTP, with native processes.
// TestRequestsNameTheTraceOfTheirJob: the trace that the job's backend names too.
func TestRequestsNameTheTraceOfTheirJob(t *testing.T) {
	var got []string
	c, _ := over(t, func(w http.ResponseWriter, r *http.Request) {
		parent, _ := trace.Parse(r.Header.Get(trace.Header))
		got = append(got, parent.Trace)
		_, _ = io.WriteString(w, `{"status":"ok","data":{}}`)
	})
	ctx, held := t.Context(), claim{ID: "a", Token: "t"}
	_, _ = c.claim(ctx, "a", time.Minute)
	_, _ = c.download(ctx, held, "code")
	_, _ = c.heartbeat(ctx, held)
	_, _ = c.outputs(ctx, "a", "t", uploaded{})
	_ = c.release(ctx, held, "drain", "")
	_ = c.complete(ctx, "a", nil)
	loop := &syncLoop{r: &Runner{Client: c}}
	for _, ids := range [][]string{{"a"}, {"a", "b"}, {}} {
		e := &exchange{timeout: time.Minute, named: map[string]bool{}}
		for _, id := range ids {
			e.named[id] = true
		}
		loop.exchange(ctx, e)
	}
	a := trace.OfJob("a").Trace
	if want := []string{a, a, a, a, a, a, a, "", ""}; !slices.Equal(got, want) {
		t.Errorf("traces %q, want %q", got, want)
	}
}

func TestRealPrograms(t *testing.T) {
	dir := t.TempDir()
	s := newFakeServer(t)
	s.poll = 0.05
	s.tasks = []execute.Task{{CaseCount: 2, MemoryLimit: 65536, TimeLimit: 2000}, {CaseCount: 1, MemoryLimit: 65536, TimeLimit: 2000}}
	s.testData = pack(t, map[string]string{"0000.in": "1", "0000.out": "1\n", "0001.in": "2", "0001.out": "2", "0100.in": "3", "0100.out": "4"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The fake's presigned URLs point to another host.
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, r)
		w.WriteHeader(recorder.Code)
		_, _ = io.WriteString(w, strings.ReplaceAll(recorder.Body.String(), storageHost, "http://"+r.Host))
	}))
	defer server.Close()
	r := newRunner(t, s, dir, nil)
	native, err := execute.NewNative(execute.NativeConfig{Dir: r.Dir})
	if err != nil {
		t.Fatal(err)
	}
	r.Executor = native
	if r.Client, err = NewClient(server.URL, token, name, server.Client().Transport); err != nil {
		t.Fatal(err)
	}
	s.add("a", "b")
	err = during(t, r, func() {
		until.True(t, 2*time.Minute, "both are judged", func() bool {
			_, a := s.result("a")
			_, b := s.result("b")
			return a && b
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		got, _ := s.result(id)
		var statuses []string
		for _, task := range got.Tasks {
			for _, c := range task {
				statuses = append(statuses, c.Status)
			}
		}
		if strings.Join(statuses, " ") != "AC AC WA" {
			t.Errorf("%s: %v", id, statuses)
		}
	}
}
