package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runlease/shared/deployment"
)

// TestFolderOutlivesTheServer: the tokens are printed once and good after a restart,
// what was handed in is there, and a scrape needs a token.
func TestFolderOutlivesTheServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	client := &http.Client{}
	defer client.CloseIdleConnections()
	s := start(t, "-data", dir)
	s.do(t, client, "", "PUT", "/problems/1", aProblem)
	s.do(t, client, "", "POST", "/problems/1/publish", "")
	if status, body := s.do(t, client, "", "POST", "/jobs", aJob("kept")); status != http.StatusCreated {
		t.Fatalf("create: %d %s", status, body)
	}
	first := s.hello
	s.end(t)
	s = start(t, "-data", dir)
	defer s.end(t)
	if s.RunnerToken != "" || s.ProducerToken != "" {
		t.Error("tokens were printed at the second start")
	}
	s.RunnerToken, s.ProducerToken = first.RunnerToken, first.ProducerToken
	if status, body := s.do(t, client, "r", "GET", "/runner/jobs", ""); status != 200 || !strings.Contains(body, `"kept"`) {
		t.Errorf("list: %d %s", status, body)
	}
	if status, body := s.do(t, client, "r", "POST", "/runner/jobs/kept/claim", ""); status != 200 {
		t.Fatalf("claim: %d %s", status, body)
	}
	if status, body := s.do(t, client, "", "GET", "/ops/pools", ""); status != 200 || strings.Contains(body, `"meanWaitSeconds":null`) || strings.Contains(body, `"p99WaitSeconds":null`) {
		t.Errorf("pools after a claim: %d %s", status, body)
	}
	shown := []string{"runlease_write_failed 0", "runlease_jobs_judged_je_total 0", "runlease_queue_wait_seconds_count 1", "runlease_claim_to_result_seconds_count 0"}
	for _, m := range deployment.Metrics() { // as on AWS
		shown = append(shown, "# HELP "+m.Prometheus()+" "+m.Help())
	}
	status, body := s.do(t, client, "", "GET", metricsPath, "")
	for _, want := range shown {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("metrics: %d, without %s", status, want)
		}
	}
	s.ProducerToken = first.RunnerToken
	if status, _ := s.do(t, client, "", "GET", metricsPath, ""); status != http.StatusForbidden {
		t.Errorf("metrics with a runner's token: %d", status)
	}
}

// TestAFirstStartThatIsKilled: no token is good that was not printed, and the next start
// prints two that are.
func TestAFirstStartThatIsKilled(t *testing.T) {
	dir, left := t.TempDir(), t.TempDir()
	errKilled := errors.New("killed while it prints")
	err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-data", dir}, writer(func([]byte) (int, error) {
		for _, name := range []string{"state.db", "journal.0", "journal.1"} { // as a kill leaves them
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err := errors.Join(err, os.WriteFile(filepath.Join(left, name), text, 0o600)); err != nil {
				t.Error(err)
			}
		}
		return 0, errKilled
	}), io.Discard)
	if !errors.Is(err, errKilled) {
		t.Fatalf("the first start: %v", err)
	}
	client := &http.Client{}
	defer client.CloseIdleConnections()
	s := start(t, "-data", left)
	defer s.end(t)
	if status, body := s.do(t, client, "r", "GET", "/runner/jobs", ""); status != 200 {
		t.Errorf("the runner's token after a kill: %d %s", status, body)
	}
	if status, body := s.do(t, client, "", "GET", "/ops/pools", ""); status != 200 {
		t.Errorf("the producer's token after a kill: %d %s", status, body)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(text []byte) (int, error) { return w(text) }

// TestAPoolWithMessagesStays: a start without it is refused until its runner has finished.
func TestAPoolWithMessagesStays(t *testing.T) {
	dir, client := t.TempDir(), &http.Client{}
	s := start(t, "-data", dir, "-pools", "default,exam")
	s.do(t, client, "", "PUT", "/problems/1", aProblem)
	s.do(t, client, "", "POST", "/problems/1/publish", "")
	if status, body := s.do(t, client, "", "POST", "/jobs", strings.Replace(aJob("a"), "{", `{"pool": "exam", `, 1)); status != http.StatusCreated {
		t.Fatalf("create: %d %s", status, body)
	}
	_, body := s.do(t, client, "", "GET", metricsPath, "")
	for _, want := range []string{`runlease_messages_visible{pool="exam"} 1`, `runlease_queue_wait_seconds_count{pool="exam"} 0`} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics of two pools without %s", want)
		}
	}
	tokens := s.hello
	s.end(t)
	var said bytes.Buffer
	if err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-data", dir}, io.Discard, &said); err == nil || !strings.Contains(err.Error(), "the pool exam has 1 messages, so it stays") {
		t.Errorf("without its pool: %v", err)
	}

	s = start(t, "-data", dir, "-pools", "exam,default")
	s.RunnerToken, s.ProducerToken = tokens.RunnerToken, tokens.ProducerToken
	s.do(t, client, "", "POST", "/jobs/a/cancel", "")
	s.do(t, client, "r", "GET", "/runner/jobs", "") // takes the message away
	s.end(t)
	start(t, "-data", dir).end(t)
}
