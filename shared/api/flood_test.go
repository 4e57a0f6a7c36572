package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// narrow is what is behind every API and shared by all of its callers: it does
// two things at a time, each in 4 ms, 500 a second.
type narrow chan struct{}

const (
	narrowWidth = 2
	narrowTime  = 4 * time.Millisecond
)

func (n narrow) pass() {
	n <- struct{}{}
	time.Sleep(narrowTime)
	<-n
}

type narrowStore struct {
	dispatch.Store
	gate narrow
}

func (s narrowStore) Get(ctx context.Context, id string) (job.Job, bool, error) {
	s.gate.pass()
	return s.Store.Get(ctx, id)
}

func (s narrowStore) Save(ctx context.Context, before, after job.Job) (job.Job, bool, error) {
	s.gate.pass()
	return s.Store.Save(ctx, before, after)
}

type narrowQueue struct {
	dispatch.Queue
	gate narrow
}

func (q narrowQueue) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.gate.pass()
	return q.Queue.Receive(ctx, limit, hide)
}

// body is a body without a known end that has to pass the narrow place too, 512 KB
// at a time; it notes what is read of it.
type body struct {
	gate narrow
	mu   *sync.Mutex
	read *int64
	left int64
	next int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.EOF
	}
	if b.next <= 0 {
		b.gate.pass()
		b.next = 512 << 10
	}
	n := copy(p[:min(int64(len(p)), b.left)], blank)
	b.left -= int64(n)
	b.next -= int64(n)
	b.mu.Lock()
	*b.read += int64(n)
	b.mu.Unlock()
	return n, nil
}

func (b *body) Close() error { return nil }

var blank = bytes.Repeat([]byte{' '}, 64<<10)

const (
	victims = 6
	callers = 48 // at once, of the flooding caller
	flooded = 4 * time.Second
	// Half as much again as the narrow place lets through.
	floodEvery = time.Second / 750
	tooLarge   = 3_000_001
)

// TestFlood has six runners that send a heartbeat every second each, while
// another one asks for whatever it can, all day. Their p99 must not rise to more
// than twice what it is without. Time is virtual: what is measured is the
// waiting for what all callers share, not how busy this machine is.
func TestFlood(t *testing.T) {
	rate := api.Rate{PerSecond: 20, Burst: 40}
	alone := p99(t, "", rate)
	for _, kind := range []string{"polls", "foreign claims", "large bodies"} {
		t.Run(kind, func(t *testing.T) {
			during := p99(t, kind, rate)
			t.Logf("p99 %v alone, %v during the flood", alone, during)
			if during > 2*alone {
				t.Errorf("p99 rises from %v to %v", alone, during)
			}
			// The same flood without a bound shows that it is one. (Of large bodies
			// that would be gigabytes.)
			if kind == "large bodies" {
				return
			}
			if unbound := p99(t, kind, api.Unlimited); unbound <= 2*alone {
				t.Errorf("p99 without a bound is %v: the flood is none", unbound)
			}
		})
	}
}

// p99 is the 99th percentile of the victims' heartbeats while one runner floods
// ("": none does).
func p99(t *testing.T, kind string, rate api.Rate) (at99 time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		gate := make(narrow, narrowWidth)
		store, queue := memory.NewStore(), memory.NewQueue(time.Now)
		blobs := memory.NewArtifacts("http://127.0.0.1", []byte("secret"), time.Now)
		d := dispatch.New(store, queue, blobs)
		d.Log = slog.New(slog.DiscardHandler)
		credentials := memory.NewCredentials()
		tokens := map[string]string{}
		issue := func(name string, g auth.Grant) {
			token, _, err := auth.Issue(t.Context(), credentials, g, time.Now(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			tokens[name] = token
		}
		issue("producer", grants["producer"])
		issue("flood", auth.Grant{Kind: auth.Runner, Name: "flood"})
		for i := range victims {
			name := fmt.Sprint("v", i)
			issue(name, auth.Grant{Kind: auth.Runner, Name: name})
		}
		handler := api.New(api.Config{Dispatch: d, Auth: auth.NewVerifier(credentials), Log: d.Log, RunnerRate: rate}).Handler()
		send := func(method, path, token string, from io.Reader) int {
			r := httptest.NewRequestWithContext(t.Context(), method, path, from)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Runner-Token", tokens[token])
			r.Header.Set("Authorization", "Bearer "+tokens[token])
			recorded := httptest.NewRecorder()
			handler.ServeHTTP(recorded, r)
			return recorded.Code
		}
		send("PUT", "/problems/7", "producer", strings.NewReader(`{"tasks":`+tasks8+`}`))
		send("POST", "/problems/7/publish", "producer", nil)
		for i := range victims {
			name := fmt.Sprint("v", i)
			send("POST", "/jobs", "producer", strings.NewReader(newJob(name, 7, 2)))
			if status := send("POST", "/runner/jobs/"+name+"/claim", name, nil); status != http.StatusOK {
				t.Fatalf("claim: %d", status)
			}
		}
		d.Store, d.Queue = narrowStore{store, gate}, narrowQueue{queue, gate}

		var mu sync.Mutex
		var read int64
		floods := map[string]func() int{
			"polls":          func() int { return send("GET", "/runner/jobs", "flood", nil) },
			"foreign claims": func() int { return send("POST", "/runner/jobs/v0/claim", "flood", nil) },
			"large bodies": func() int {
				return send("PUT", "/runner/jobs/v0/complete", "flood", &body{gate, &mu, &read, 2 * tooLarge, 0})
			},
		}
		begun := time.Now()
		var wait sync.WaitGroup
		statuses := map[int]int{}
		for i := range callers {
			if kind == "" {
				break
			}
			wait.Go(func() {
				// A few of the callers' times at once is what a flood looks like.
				for n := 0; time.Since(begun) < flooded; n++ {
					due := begun.Add(time.Duration(n*callers+i) * floodEvery)
					time.Sleep(time.Until(due))
					status := floods[kind]()
					mu.Lock()
					statuses[status]++
					mu.Unlock()
				}
			})
		}
		var took []time.Duration
		for i := range victims {
			wait.Go(func() {
				name := fmt.Sprint("v", i)
				// Not in step with each other, nor with the flood.
				time.Sleep(1500*time.Millisecond + time.Duration(i)*163*time.Millisecond)
				for time.Since(begun) < flooded {
					began := time.Now()
					status := send("POST", "/runner/heartbeat", name, strings.NewReader(`{"submissionId":"`+name+`"}`))
					mu.Lock()
					took = append(took, time.Since(began))
					mu.Unlock()
					if status != http.StatusOK {
						t.Errorf("a victim's heartbeat: %d", status)
					}
					time.Sleep(time.Second + 7*time.Millisecond)
				}
			})
		}
		wait.Wait()
		slices.Sort(took)
		at99 = took[len(took)*99/100]
		if kind == "" || rate == api.Unlimited {
			return
		}
		passed := 0
		for status, n := range statuses {
			if status != http.StatusTooManyRequests {
				passed += n
			}
		}
		if most := rate.Burst + int(rate.PerSecond*flooded.Seconds()) + 1; passed > most || statuses[http.StatusTooManyRequests] == 0 {
			t.Errorf("%d passed, want at most %d: %v", passed, most, statuses)
		}
		if most := int64(passed) * (tooLarge + 64<<10); read > most {
			t.Errorf("%d bytes of bodies were read, want at most %d", read, most)
		}
	})
	return at99
}
