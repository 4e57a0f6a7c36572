package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/memory"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
	"runlease/shared/testkit/zips"
)

// started runs the server until the test ends it.
type started struct {
	hello
	stop  context.CancelFunc
	ended chan error
	logs  *lines
}

func start(t testing.TB, args ...string) *started {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	s := &started{stop: stop, ended: make(chan error, 1), logs: new(lines)}
	go func() {
		err := run(ctx, args, in, s.logs)
		_ = in.CloseWithError(err) // who waits for the first line hears why there is none
		s.ended <- err
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &s.hello); err != nil {
		t.Fatalf("the first line is %q: %v", line, err)
	}
	return s
}

func (s *started) end(t testing.TB) {
	t.Helper()
	s.stop()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(until.Hang):
		t.Error("the server does not end")
	}
}

// do makes a request as a runner of the name, or as the producer if runner is empty.
func (s *started) do(t *testing.T, client *http.Client, runner, method, path, body string) (int, string) {
	t.Helper()
	c := wire.Client{URL: s.URL, RunnerToken: s.RunnerToken, ProducerToken: s.ProducerToken, HTTP: client}
	reply, err := c.Do(t.Context(), method, path, runner, body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.Status, string(reply.Text)
}

const aProblem = `{"tasks":[{"taskScore":100,"caseCount":1,"memoryLimit":65536,"timeLimit":1000}]}`

func aJob(id string) string {
	text := ""
	if hasLongCode(id) {
		text = strings.Repeat("\n", 1000)
	}
	return `{"submissionId":"` + id + `","problemId":1,"language":2,"code":"` + zips.Inline(text) + `"}`
}

// hasLongCode: half of the jobs have code that is kept as a file.
func hasLongCode(id string) bool { return id[len(id)-1]%2 == 1 }

// longCodes counts them.
func longCodes[T any](jobs map[string]T) (n int) {
	for id := range jobs {
		if hasLongCode(id) {
			n++
		}
	}
	return n
}

// issued returns the first two tokens of a server.
func issued(t *testing.T, s *server) (runner, producer string) {
	t.Helper()
	err := s.issueTokens(t.Context(), nil, func(first, second string) error {
		runner, producer = first, second
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return runner, producer
}

func TestServerStartsAndStopsCleanly(t *testing.T) {
	defer until.NoGoroutine(t)
	s := start(t)
	client := &http.Client{}
	defer client.CloseIdleConnections()
	if status, body := s.do(t, client, "r", "GET", "/runner/jobs", ""); status != 200 {
		t.Errorf("list: %d %s", status, body)
	}
	s.end(t)
	if logs := s.logs.String(); logs != "" {
		t.Errorf("it logged %s", logs)
	}
}

func TestRequestsInFlightAreAnswered(t *testing.T) {
	s := start(t, "-v")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: until.Hang}}
	defer client.CloseIdleConnections()
	s.do(t, client, "", "PUT", "/problems/1", aProblem)
	s.do(t, client, "", "POST", "/problems/1/publish", "")

	// A body that is still on its way when the server is told to end. It is sent once the
	// server has begun to read it.
	body, rest := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/jobs", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.ProducerToken)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Expect", "100-continue")
	answered := make(chan int, 1)
	go func() {
		response, err := client.Do(request)
		if err != nil {
			answered <- 0
			return
		}
		response.Body.Close()
		answered <- response.StatusCode
	}()
	text := aJob("j")
	io.WriteString(rest, text[:20])
	s.stop()
	s.logs.await(t, 1, "shutting down", until.Hang)
	io.WriteString(rest, text[20:])
	rest.Close()
	if status := <-answered; status != http.StatusCreated {
		t.Errorf("status %d", status)
	}
	s.end(t)
}

func TestShortLeaseComesBackByItself(t *testing.T) {
	s := start(t, "-lease", "1s")
	defer s.end(t)
	client := &http.Client{}
	defer client.CloseIdleConnections()
	s.do(t, client, "", "PUT", "/problems/1", aProblem)
	s.do(t, client, "", "POST", "/problems/1/publish", "")
	if status, body := s.do(t, client, "", "POST", "/jobs", aJob("j")); status != 201 {
		t.Fatalf("create: %d %s", status, body)
	}
	if status, body := s.do(t, client, "r", "POST", "/runner/jobs/j/claim", `{"leaseSeconds":1}`); status != 200 {
		t.Fatalf("claim: %d %s", status, body)
	}
	until.True(t, until.Hang, "the job is listed again", func() bool {
		_, body := s.do(t, client, "r", "GET", "/runner/jobs", "")
		return strings.Contains(body, `"submissionId":"j"`)
	})
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"-lease", "0s"}, {"-lease", "16m"}, {"-lease", "x"}, {"extra"}, {"-addr", "nowhere:x"}, {"-rate", "-2"}, {"-tls-cert", "x"}, {"-tls-cert", "x", "-tls-key", "y"}, {"-rate", "NaN"}, {"-rate", "0.01"}, {"-public-url", "judge.lan"}, {"-public-url", "http://u:p@judge.lan"}, {"-public-url", "http://judge.lan/?x"}} {
		var out, logs bytes.Buffer
		if err := run(t.Context(), args, &out, &logs); err == nil {
			t.Errorf("%v: started", args)
		}
		if out.Len() > 0 {
			t.Errorf("%v: printed %s", args, &out)
		}
	}
}

// TestReplyToABodyThatIsRefused: a client that sends all of a body before it
// reads gets its reply, whatever is wrong with the request.
func TestReplyToABodyThatIsRefused(t *testing.T) {
	s := start(t)
	defer s.end(t)
	for _, c := range []struct {
		name, to, token string
		size            int
		want            string
	}{
		{"too large", "POST /runner/sync", s.RunnerToken, 6 << 20, "HTTP/1.1 413 "},
		{"no such token", "POST /runner/sync", "none", 2 << 20, "HTTP/1.1 403 "},
		{"an upload that is not signed", "PUT " + memory.BlobPath + "code", "", 2 << 20, "HTTP/1.1 403 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 5 { // how far the client gets before it is cut off is luck
				conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				head := fmt.Sprintf("%s HTTP/1.1\r\nHost: x\r\nX-Runner-Token: %s\r\nX-Runner-Name: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", c.to, c.token, c.size)
				if _, err = io.WriteString(conn, head+strings.Repeat(" ", c.size)); err != nil {
					t.Fatalf("the body: %v", err)
				}
				reply, err := io.ReadAll(conn)
				_ = conn.Close()
				if err != nil || !strings.HasPrefix(string(reply), c.want) {
					t.Fatalf("got %.60q, %v, want %s", reply, err, c.want)
				}
			}
		})
	}
}

// raw sends a request as it is written and returns the reply, up to the end of
// the connection.
func (s *started) raw(t *testing.T, request string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(until.Hang))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%v after %q", err, reply)
	}
	return string(reply)
}

// TestLinks: they lead where the client came from only if nothing better is known.
func TestLinks(t *testing.T) {
	for _, c := range []struct {
		name, host, want string
		args             []string
	}{
		{"a wildcard, by the request", "judge.lan:8080", "http://judge.lan:8080/", []string{"-addr", "0.0.0.0:0"}},
		{"a wildcard of IPv6", "[fd00::1]:8080", "http://[fd00::1]:8080/", []string{"-addr", "[::]:0"}},
		{"what is no host", "judge.lan:8080@evil", "http://127.0.0.1:", []string{"-addr", "0.0.0.0:0"}},
		{"one address", "judge.lan:8080", "http://127.0.0.1:", []string{"-addr", "127.0.0.1:0"}},
		{"as it was told", "judge.lan:8080", "https://judge.example/api/", []string{"-addr", "0.0.0.0:0", "-public-url", "https://judge.example/api/"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			listening, err := net.ResolveTCPAddr("tcp", c.args[1]) // a machine may have no IPv6
			if err != nil {
				t.Fatal(err)
			}
			var public string
			if len(c.args) > 2 {
				public = c.args[3]
			}
			front, err := newEdge(listening, false, public, "")
			if err != nil {
				t.Fatal(err)
			}
			where, err := inMemory(nil, front.fallback)
			if err != nil {
				t.Fatal(err)
			}
			s := newServer(front, where, 60, slog.New(slog.DiscardHandler))
			_, producer := issued(t, s)
			r := httptest.NewRequestWithContext(t.Context(), "PUT", "/problems/1", strings.NewReader(strings.TrimSuffix(aProblem, "}")+`,"testdata":{"size":1,"sha256":"`+strings.Repeat("0", 64)+`"}}`))
			r.Host = c.host
			r.Header.Set("Authorization", "Bearer "+producer)
			recorded := httptest.NewRecorder()
			s.handler().ServeHTTP(recorded, r)
			if want := `"url":"` + c.want; !strings.Contains(recorded.Body.String(), want) {
				t.Errorf("%d %s, want %s", recorded.Code, recorded.Body, want)
			}
		})
	}
}

// TestGoodTokenUnderAFlood: while well-formed unknown tokens come over pipelined
// connections, 2,000 a second if the machine can, good tokens that the server has not seen
// yet have to wait for few of them.
func TestGoodTokenUnderAFlood(t *testing.T) {
	const connections, batch, beat = 8, 25, 100 * time.Millisecond
	s := start(t)
	t.Cleanup(func() { s.end(t) })
	var sent, refused atomic.Int64
	var answered atomic.Bool
	var flood sync.WaitGroup
	for range connections {
		connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		flood.Go(func() {
			send := func(requests int, more string) {
				var text strings.Builder
				for range requests {
					token, _ := auth.New(auth.Runner, rand.Reader)
					fmt.Fprintf(&text, "GET /runner/jobs HTTP/1.1\r\nHost: x\r\nX-Runner-Token: %s\r\nX-Runner-Name: a\r\n%s\r\n", token, more)
				}
				sent.Add(int64(requests))
				io.WriteString(connection, text.String())
			}
			for ; !answered.Load(); time.Sleep(beat) {
				send(batch, "")
			}
			send(1, "Connection: close\r\n")
		})
		flood.Go(func() {
			defer connection.Close()
			for lines := bufio.NewScanner(connection); lines.Scan(); {
				if strings.HasPrefix(lines.Text(), "HTTP/1.1 403 ") {
					refused.Add(1)
				}
			}
		})
	}
	until.True(t, until.Hang, "a flood", func() bool { return refused.Load() > 2000 })
	began, before := time.Now(), refused.Load()
	for path, header := range map[string]string{"/runner/jobs": "X-Runner-Token: " + s.RunnerToken + "\r\nX-Runner-Name: b", "/problems": "Authorization: Bearer " + s.ProducerToken} {
		if reply := s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+header+"\r\n\r\n"); !strings.HasPrefix(reply, "HTTP/1.1 200 ") {
			t.Errorf("%s: %.60q", path, reply)
		}
	}
	// A slow machine needs longer, but not for more.
	if n := refused.Load() - before; n > 4000 {
		t.Errorf("good tokens were answered after %s and %d unknown ones", time.Since(began), n)
	}
	answered.Store(true)
	flood.Wait()
	if n := refused.Load(); n != sent.Load() {
		t.Errorf("%d unknown tokens were refused, want %d", n, sent.Load())
	}
}

// TestSlowBodyHoldsNoConnection announces a body, sends none of it and shows no
// good token: the reply comes at once and the connection ends soon after. With
// a good token the body may take as long as a slow line needs.
func TestSlowBodyHoldsNoConnection(t *testing.T) {
	s := start(t)
	t.Cleanup(func() { s.end(t) })
	t.Run("no good token", func(t *testing.T) {
		t.Parallel()
		var took []time.Duration
		for range 3 { // a busy machine may be late, but not always
			began := time.Now()
			reply := s.raw(t, "POST /runner/sync HTTP/1.1\r\nHost: x\r\nX-Runner-Token: none\r\nX-Runner-Name: a\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n")
			if !strings.HasPrefix(reply, "HTTP/1.1 403 ") {
				t.Errorf("reply %.60q", reply)
			}
			if took = append(took, time.Since(began)); took[len(took)-1] < 2*refusedTimeout {
				return
			}
		}
		t.Errorf("it held its connection for %s", took)
	})
	// A body that comes too slowly ends the connection, with a good token too.
	for name, drip := range map[string]string{"a good token, and nothing more": "", "a good token, and a byte now and then": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			_ = connection.SetDeadline(time.Now().Add(until.Hang))
			began := time.Now()
			fmt.Fprintf(connection, "POST /runner/sync HTTP/1.1\r\nHost: x\r\nX-Runner-Token: %s\r\nX-Runner-Name: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n", s.RunnerToken)
			go func() {
				for _, err := io.WriteString(connection, drip); err == nil; _, err = io.WriteString(connection, drip) {
					time.Sleep(time.Second)
				}
			}()
			reply, err := io.ReadAll(connection)
			if took := time.Since(began); took < bodySlack || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("it held its connection for %s, and got %.60q, %v", took, reply, err)
			}
		})
	}
	t.Run("a good token", func(t *testing.T) {
		t.Parallel()
		body, rest := io.Pipe()
		go func() {
			time.Sleep(headerTimeout + time.Second)
			io.WriteString(rest, `{"slots":0,"done":[],"active":[]}`)
			rest.Close()
		}()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/runner/sync", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Runner-Token", s.RunnerToken)
		request.Header.Set("X-Runner-Name", "a")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s", response.Status)
		}
	})
}

// TestPagesOfOtherOrigins: their scripts may call the API only where a flag says so.
func TestPagesOfOtherOrigins(t *testing.T) {
	for _, c := range []struct {
		args    []string
		origin  string
		allowed string
	}{
		{nil, "https://judge.example.com", ""},
		{[]string{"-cors-origin", "https://judge.example.com"}, "https://judge.example.com", "https://judge.example.com"},
		{[]string{"-cors-origin", "https://judge.example.com"}, "https://evil.example.com", ""},
	} {
		s := start(t, c.args...)
		for _, request := range []string{"OPTIONS /jobs", "GET /healthz"} {
			reply := s.raw(t, request+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: "+c.origin+"\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type\r\n\r\n")
			if want := "Access-Control-Allow-Origin: " + c.allowed + "\r\n"; strings.Contains(reply, "Access-Control-Allow-Origin") != (c.allowed != "") || c.allowed != "" && !strings.Contains(reply, want) {
				t.Errorf("%v, %s from %s: %q", c.args, request, c.origin, reply)
			}
		}
		s.end(t)
	}
}
