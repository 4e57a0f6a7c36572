package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkListClaimComplete runs the compat flow of many runners over loopback
// HTTP: every iteration is one job listed, claimed and completed. It reports
// requests per second and the 99th percentile of a request.
func BenchmarkListClaimComplete(b *testing.B) {
	for _, runners := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("runners=%d", runners), func(b *testing.B) { benchmark(b, runners) })
	}
}

func benchmark(b *testing.B, runners int) {
	s := startBench(b)
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * runners}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for i := range b.N {
		if status := s.call(client, "", "POST", "/jobs", aJob(fmt.Sprintf("j%d", i)), nil); status != http.StatusCreated {
			b.Fatalf("create: %d", status)
		}
	}
	var done atomic.Int64
	times := make([][]time.Duration, runners)
	var wait sync.WaitGroup
	b.ResetTimer()
	for r := range runners {
		wait.Go(func() {
			name := fmt.Sprintf("r%d", r)
			timed := func(method, path, body string, into any) int {
				began := time.Now()
				status := s.call(client, name, method, path, body, into)
				times[r] = append(times[r], time.Since(began))
				return status
			}
			for done.Load() < int64(b.N) {
				var list struct {
					Data struct {
						Jobs []struct{ SubmissionID string }
					}
				}
				timed("GET", "/runner/jobs", "", &list)
				for _, j := range list.Data.Jobs {
					var claim struct{ Data struct{ Token string } }
					if timed("POST", "/runner/jobs/"+j.SubmissionID+"/claim", "", &claim) != http.StatusOK {
						continue
					}
					body := `{"token":"` + claim.Data.Token + `","tasks":[[{"exitCode":0,"status":"AC","stdout":"","stderr":"","execTime":1,"memoryUsage":1}]]}`
					if timed("PUT", "/runner/jobs/"+j.SubmissionID+"/complete", body, nil) == http.StatusOK {
						done.Add(1)
					}
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

func startBench(b *testing.B) *started {
	b.Helper()
	s := start(b)
	b.Cleanup(func() { s.end(b) })
	client := &http.Client{}
	s.call(client, "", "PUT", "/problems/1", aProblem, nil)
	s.call(client, "", "POST", "/problems/1/publish", "", nil)
	return s
}

// call makes one request and decodes the reply into what is given; 0: it failed.
func (s *started) call(client *http.Client, runner, method, path, body string, into any) int {
	request, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	if runner != "" {
		request.Header.Set("X-Runner-Token", s.RunnerToken)
		request.Header.Set("X-Runner-Name", runner)
	} else {
		request.Header.Set("Authorization", "Bearer "+s.ProducerToken)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if into != nil {
		err = json.NewDecoder(response.Body).Decode(into)
	}
	io.Copy(io.Discard, response.Body)
	if err != nil {
		return 0
	}
	return response.StatusCode
}
