package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
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
	if status, body := s.do(t, client, "", "GET", metricsPath, ""); status != 200 || !strings.Contains(body, "runlease_write_failed 0") || !strings.Contains(body, "runlease_jobs_judged_je_total 0") {
		t.Errorf("metrics: %d %.200s", status, body)
	}
	s.ProducerToken = first.RunnerToken
	if status, _ := s.do(t, client, "", "GET", metricsPath, ""); status != http.StatusForbidden {
		t.Errorf("metrics with a runner's token: %d", status)
	}
}
