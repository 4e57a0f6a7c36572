package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestMetricsOfPools: each pool has its own values.
func TestMetricsOfPools(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	s := start(t, "-pools", "default,exam")
	defer s.end(t)
	ask := func(runner, method, path, body string) string {
		t.Helper()
		status, reply := s.do(t, client, runner, method, path, body)
		if status/100 != 2 {
			t.Fatalf("%s %s: %d %s", method, path, status, reply)
		}
		return reply
	}
	ask("", "PUT", "/problems/1", `{"tasks":[{"taskScore":100,"caseCount":1,"memoryLimit":65536,"timeLimit":1000}]}`)
	ask("", "POST", "/problems/1/publish", "")
	for _, job := range []string{"a", "b"} {
		ask("", "POST", "/jobs", strings.Replace(aJob(job), "{", `{"pool":"exam",`, 1))
	}
	ask("r", "POST", "/runner/jobs/a/claim", "")
	got := ask("", "GET", metricsPath, "")
	for _, want := range []string{
		`runlease_messages_visible{pool="exam"} 2`, // a claim by name takes no message
		`runlease_messages_visible{pool="default"} 0`,
		`runlease_queue_wait_seconds_count{pool="exam"} 1`,
		`runlease_queue_wait_seconds_count{pool="default"} 0`,
		`runlease_wanted_slots{pool="exam"} 0`,
		"runlease_lost_leases_total 0",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("without %s", want)
		}
	}
}
