package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runlease/shared/announce"
	"runlease/shared/durable/control"
	"runlease/shared/testkit/until"
)

// TestReadmesReceiver compiles and runs the receiver that README.md shows, as it is
// there, and has a verdict announced to it.
func TestReadmesReceiver(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(readme), "```go\npackage main")
	code, _, ended := strings.Cut(code, "```")
	if !found || !ended || !strings.Contains(code, "standardwebhooks") {
		t.Fatal("README.md shows no receiver")
	}
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte("package main"+code), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// A port is free only as long as nobody takes it: on this address nobody but the test does.
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()

	s := start(t, "-webhook", "http://"+address)
	defer s.end(t)
	receiver := exec.CommandContext(t.Context(), binary, address)
	receiver.Env = append(os.Environ(), "WEBHOOK_SECRET="+s.WebhookSecret)
	out, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = receiver.Process.Kill(); _ = receiver.Wait() }()
	until.NoError(t, until.Hang, func() error {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err
	})
	client := &http.Client{}
	defer client.CloseIdleConnections()
	s.do(t, client, "", "PUT", "/problems/1", aProblem)
	s.do(t, client, "", "POST", "/problems/1/publish", "")
	s.do(t, client, "", "POST", "/jobs", aJob("j1"))
	s.do(t, client, "", "POST", "/jobs/j1/cancel", "{}")
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, `j1-0 {"type":"job.final","timestamp":"`) {
		t.Fatalf("the receiver printed %q, %v", line, err)
	}
	_, shown := s.do(t, client, "", "GET", "/jobs/j1", "")
	_, data, _ := strings.Cut(line, `"data":`)
	if data = strings.TrimSuffix(data, "}\n"); !strings.HasPrefix(shown, `{"data":`+data+`,"message"`) {
		t.Errorf("announced %s, and GET /jobs/j1 says %s", data, shown)
	}
}

// TestWebhooksOutliveARestart: what was not delivered is delivered by the next server.
// Until then an endpoint that answers nothing delays no other.
func TestWebhooksOutliveARestart(t *testing.T) {
	const jobs = 6 // at once, while the first still waits for its answer
	dir := filepath.Join(t.TempDir(), "data")
	asked, got, well, good := make(chan string, jobs), make(chan string, jobs), make(chan struct{}), make(chan string, jobs)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { good <- r.Header.Get("webhook-id") }))
	defer other.Close()
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-well:
			got <- r.Header.Get("webhook-id")
			return
		default:
		}
		select {
		case asked <- r.Header.Get("webhook-id"):
		default: // once more, since the first server took a while to end
		}
		<-r.Context().Done()
	}))
	defer receiver.Close()
	first := start(t, "-data", dir)
	var folder control.Folder
	until.NoError(t, until.Hang, func() (err error) { // the socket is there soon
		folder, err = control.Open(t.Context(), dir)
		return err
	})
	var secrets []string
	for _, url := range []string{receiver.URL, other.URL} {
		e := announce.NewEndpoint(url, time.Now())
		secrets = append(secrets, e.Secret)
		if put, err := folder.PutEndpoint(t.Context(), e); err != nil || !put {
			t.Fatal(put, err)
		}
	}
	list, err := folder.Endpoints(t.Context())
	if err != nil || len(list) != 2 || !slices.Contains(secrets, list[0].Secret) || !slices.Contains(secrets, list[1].Secret) {
		t.Errorf("endpoints %v, %v", list, err)
	}
	client := &http.Client{}
	defer client.CloseIdleConnections()
	first.do(t, client, "", "PUT", "/problems/1", aProblem)
	first.do(t, client, "", "POST", "/problems/1/publish", "")
	for n := range jobs {
		id := fmt.Sprint("j", n+1)
		first.do(t, client, "", "POST", "/jobs", aJob(id))
		first.do(t, client, "", "POST", "/jobs/"+id+"/cancel", "{}")
		select {
		case told := <-good:
			if told != id+"-0" {
				t.Errorf("the other webhook is told of %s", told)
			}
		case <-time.After(2 * time.Second): // less than a try that is not answered takes
			t.Errorf("the other webhook waits for %s", id)
		}
	}
	<-asked
	_ = folder.Close()
	first.end(t)
	close(well)
	second := start(t, "-data", dir)
	defer second.end(t)
	delivered := map[string]bool{}
	for range jobs {
		select {
		case id := <-got:
			delivered[id] = true
		case <-time.After(until.Hang): // more than the minute's pause after a try that failed
		}
	}
	if len(delivered) != jobs || !delivered["j1-0"] {
		t.Errorf("delivered %v", delivered)
	}
}
