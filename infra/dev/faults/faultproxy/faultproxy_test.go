package faultproxy

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// between makes an emulator that numbers its calls, and a proxy in front of it.
func between(t *testing.T) (p *Proxy, url string, made *atomic.Int64) {
	t.Helper()
	made = new(atomic.Int64)
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Method+" "+r.Host+" "+r.URL.RequestURI()+" "+string(body))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, made.Add(1))
	}))
	t.Cleanup(emulator.Close)
	p, err := New(emulator.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	return p, front.URL, made
}

// call makes one call of a service, on a new connection: the standard
// client repeats some calls whose connection was lost while it was idle.
func call(t *testing.T, url string, s Service) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "PUT", url+"/bucket/a%20key?x=1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	switch s {
	case DynamoDB:
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.UpdateItem")
	case SQS:
		r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	case S3:
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return reply, string(text), err
}

func TestPassesOnUnspoiled(t *testing.T) {
	_, url, _ := between(t)
	reply, text, err := call(t, url, S3)
	if err != nil || reply.StatusCode != http.StatusTeapot || text != "1" {
		t.Fatalf("got %v %q, %v", reply, text, err)
	}
	want := "PUT " + strings.TrimPrefix(url, "http://") + " /bucket/a%20key?x=1 body"
	if got := reply.Header.Get("X-Seen"); got != want {
		t.Errorf("the emulator saw %q, want %q", got, want)
	}
}

// TestEachFault: with every call spoiled, what the caller sees and how often the
// call was made fit the fault that was counted.
func TestEachFault(t *testing.T) {
	p, url, made := between(t)
	p.On(Plan{Service: SQS, Seed: 7, Percent: 100, Delay: time.Millisecond})
	before := p.Injected()
	for range 40 {
		made.Store(0)
		_, text, err := call(t, url, SQS)
		after := p.Injected()
		var fault Fault
		for f := range after {
			if after[f] > before[f] {
				fault = f
			}
		}
		before = after
		want := map[Fault]struct {
			made int64
			text string
			lost bool
		}{Delayed: {1, "1", false}, Dropped: {1, "", true}, Doubled: {2, "2", false}, Cut: {0, "", true}}[fault]
		if made.Load() != want.made || text != want.text || (err != nil) != want.lost {
			t.Errorf("%s: made %d times, answered %q, %v", fault, made.Load(), text, err)
		}
	}
	for _, f := range Faults() {
		if before[f] == 0 {
			t.Errorf("nothing was %s", f)
		}
	}
}

func TestOneServiceInTurn(t *testing.T) {
	p, url, _ := between(t)
	for _, spoiled := range []Service{DynamoDB, SQS, S3} {
		p.On(Plan{Service: spoiled, Seed: 1, Percent: 100, Delay: time.Millisecond})
		for _, s := range []Service{DynamoDB, SQS, S3} {
			if s == spoiled {
				continue
			}
			if _, _, err := call(t, url, s); err != nil {
				t.Errorf("%s is spoiled with %s: %v", s, spoiled, err)
			}
		}
		if n := len(p.Injected()); n != 0 {
			t.Errorf("%d faults for others than %s", n, spoiled)
		}
		_, _, _ = call(t, url, spoiled)
		if len(p.Injected()) != 1 || p.Calls(spoiled) != 1 {
			t.Errorf("%s: %v of %d calls", spoiled, p.Injected(), p.Calls(spoiled))
		}
		p.Off()
		if _, _, err := call(t, url, spoiled); err != nil {
			t.Errorf("spoiled after the end: %v", err)
		}
	}
}

func TestSeedDecides(t *testing.T) {
	run := func(seed uint64) map[Fault]int {
		p, url, _ := between(t)
		p.On(Plan{Service: S3, Seed: seed, Percent: 50, Delay: time.Millisecond})
		for range 30 {
			_, _, _ = call(t, url, S3)
		}
		return p.Injected()
	}
	one := run(3)
	if again := run(3); !maps.Equal(one, again) {
		t.Errorf("the same seed gave %v, then %v", one, again)
	}
	if n := one[Delayed] + one[Dropped] + one[Doubled] + one[Cut]; n == 0 || n == 30 {
		t.Errorf("%d of 30 calls were spoiled, want about half", n)
	}
}
