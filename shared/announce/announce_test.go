package announce_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/sync/errgroup"

	"runlease/shared/announce"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/testkit/until"
)

// endpoint is a receiver on this machine that verifies what it gets.
type endpoint struct {
	announce.Endpoint
	mu     sync.Mutex
	got    []string // ids of messages that were verified
	body   []byte
	signed []string // the signatures of the last one
}

func (e *endpoint) ids() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.got, " ")
}

// world is an Announcer whose clock a test moves, and one final job.
type world struct {
	*announce.Announcer
	t     *testing.T
	hooks *memory.Webhooks
	store *memory.Store
	clock atomic.Int64
	job   job.Job
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: memory.NewStore()}
	w.clock.Store(time.Now().UnixMilli())
	now := func() time.Time { return time.UnixMilli(w.clock.Load()) }
	w.hooks = memory.NewWebhooks(now, nil)
	w.Announcer = announce.New(announce.Policy{Loopback: true})
	w.Endpoints, w.Outbox, w.Jobs, w.Now, w.Log = w.hooks, w.hooks, w.store, now, slog.New(slog.DiscardHandler)
	w.Show = func(j job.Job) ([]byte, error) { return []byte(`{"submissionId":"` + j.ID + `"}`), nil }
	w.job = w.final("j1")
	return w
}

func (w *world) final(id string) job.Job {
	w.t.Helper()
	now := job.Time(w.clock.Load())
	j, _ := job.CancelOp{Now: now}.Apply(job.CreateOp{Now: now, ID: id}.New())
	j.Revision = 1
	if _, created, err := w.store.Create(w.t.Context(), j); err != nil || !created {
		w.t.Fatal(created, err)
	}
	return j
}

func (w *world) pass(d time.Duration) { w.clock.Add(d.Milliseconds()) }

// receives adds an endpoint that answers as answer does, nil: 204.
func (w *world) receives(answer http.HandlerFunc) *endpoint {
	w.t.Helper()
	e := &endpoint{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		verifier, err := standardwebhooks.NewWebhook(e.Secret)
		if err == nil {
			err = verifier.VerifyIgnoringTimestamp(body, r.Header)
		}
		if err != nil {
			w.t.Errorf("a message that is not signed as the specification says: %v", err)
		}
		e.mu.Lock()
		e.got, e.body = append(e.got, r.Header.Get("webhook-id")), body
		e.signed = strings.Fields(r.Header.Get("webhook-signature"))
		e.mu.Unlock()
		if answer == nil {
			rw.WriteHeader(http.StatusNoContent)
			return
		}
		answer(rw, r)
	}))
	w.t.Cleanup(server.Close)
	e.Endpoint = announce.NewEndpoint(server.URL, w.Now())
	w.put(e.Endpoint)
	return e
}

func (w *world) put(e announce.Endpoint) {
	w.t.Helper()
	if put, err := w.hooks.PutEndpoint(w.t.Context(), e); err != nil || !put {
		w.t.Fatal(put, err)
	}
}

func (w *world) drain() announce.Drained {
	w.t.Helper()
	drained, err := w.Drain(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return drained
}

func (w *world) announce(jobs ...job.Job) {
	w.t.Helper()
	if err := w.Announce(w.t.Context(), jobs); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheStepIsAnnouncedAndNothingElse(t *testing.T) {
	created := job.CreateOp{Now: 1, ID: "a"}.New()
	queued, _ := job.SubmitOp{Now: 2}.Apply(created)
	claimed, _ := job.ClaimOp{Now: 3, Runner: "r", TokenHash: "h", LeaseSeconds: 60, ProblemVersion: 1}.Apply(queued)
	finished, _ := job.CompleteOp{Now: 4, Runner: "r", TokenHash: "h"}.Apply(claimed)
	disputed := finished
	disputed.Disputed = true
	rejudged, _ := job.RejudgeOp{Now: 5}.Apply(finished)
	cancelled, _ := job.CancelOp{Now: 6}.Apply(rejudged)
	for _, tc := range []struct {
		name          string
		before, after job.Job
		want          bool
	}{
		{"submit", created, queued, false},
		{"claim", queued, claimed, false},
		{"complete", claimed, finished, true},
		{"evidence", finished, disputed, false},
		{"rejudge", finished, rejudged, false},
		{"cancel", rejudged, cancelled, true},
		{"deleted", cancelled, job.Job{}, false},
	} {
		if got := announce.Step(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestEveryEndpointGetsTheJob(t *testing.T) {
	w := newWorld(t)
	one, other := w.receives(nil), w.receives(nil)
	w.announce(w.job)
	for _, e := range []*endpoint{one, other} {
		var body struct {
			Type      string
			Timestamp time.Time
			Data      struct{ SubmissionID string }
		}
		if err := json.Unmarshal(e.body, &body); err != nil || e.ids() != "j1-0" || body.Type != "job.final" ||
			body.Data.SubmissionID != "j1" || !body.Timestamp.Equal(w.job.EndedAt.Std()) {
			t.Errorf("got %s: %s, %v", e.ids(), e.body, err)
		}
	}
	// A stream's record that comes twice is a delivery with the same id.
	w.announce(w.job)
	if one.ids() != "j1-0 j1-0" || w.drain() != (announce.Drained{}) {
		t.Errorf("got %s", one.ids())
	}
}

// TestASlowEndpointDelaysNobody: what fails goes to the outbox, and while it is
// parked what is new does so too, untried.
func TestASlowEndpointDelaysNobody(t *testing.T) {
	w := newWorld(t)
	ctx, recover := context.WithCancel(t.Context())
	slow := w.receives(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		case <-time.After(30 * time.Second):
		}
	})
	good := w.receives(nil)
	began := time.Now()
	w.announce(w.job)
	if took := time.Since(began); took < 2*time.Second || took > 25*time.Second {
		t.Errorf("gave up after %v, want 3s", took)
	}
	w.announce(w.final("j2"), w.final("j3"))
	if slow.ids() != "j1-0" || len(good.got) != 3 {
		t.Errorf("parked; slow got %s, good %s", slow.ids(), good.ids())
	}
	w.pass(time.Minute)
	began = time.Now()
	if got, took := w.drain(), time.Since(began); got.Failed != 3 || took > 5*time.Second {
		t.Errorf("tried again: %+v in %v", got, took)
	}
	recover()
	w.pass(5 * time.Minute)
	if got := w.drain(); got.Delivered != 3 || len(slow.got) != 7 || len(good.got) != 3 {
		t.Errorf("%+v; slow got %s, good %s", got, slow.ids(), good.ids())
	}
}

// TestAnEndpointThatIsJustFastEnough takes each of a hundred jobs, and holds up neither
// another endpoint nor what comes after them.
func TestAnEndpointThatIsJustFastEnough(t *testing.T) {
	w := newWorld(t)
	// Less than leastTime, so that no delivery that begins is cut off.
	const answersAfter = 700 * time.Millisecond
	var now, most, answered atomic.Int32 // deliveries at once, and all
	slow := w.receives(func(rw http.ResponseWriter, _ *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(answersAfter)
		now.Add(-1)
		answered.Add(1)
		rw.WriteHeader(http.StatusNoContent)
	})
	good := w.receives(nil)
	jobs := make([]job.Job, 100)
	for i := range jobs {
		jobs[i] = w.final(fmt.Sprintf("n%d", i))
	}
	fast := make(chan int32, 1) // how many the slow one had answered when the good one had all
	go func() {
		for end := time.Now().Add(until.Hang); strings.Count(good.ids(), " ")+1 < len(jobs) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		fast <- answered.Load()
	}()
	began := time.Now()
	w.announce(jobs...)
	if took := time.Since(began); took > 4500*time.Millisecond { // one after the other, 16 at a time: 4.9 s
		t.Errorf("a batch took %v", took)
	}
	if n := <-fast; n > 32 {
		t.Errorf("the good endpoint waited for %d answers of the slow one", n)
	}
	// It has not failed: the next job goes to it at once.
	if w.announce(w.job); !strings.HasSuffix(slow.ids(), " j1-0") || most.Load() > 20 {
		t.Errorf("%d deliveries at once, then j1: %v", most.Load(), strings.Contains(slow.ids(), "j1-0"))
	}
	// What waits in the outbox is tried beside what comes meanwhile.
	var side errgroup.Group
	if err := w.Deliver(t.Context(), &side, func(announce.Drained, error) {}); err != nil || int(answered.Load()) > len(jobs) {
		t.Errorf("delivering waited for its end: %d answers, %v", answered.Load(), err)
	}
	if _ = side.Wait(); int(answered.Load()) != len(jobs)+1 {
		t.Errorf("%d answers in the end", answered.Load())
	}
}

func TestThreeDaysThenDead(t *testing.T) {
	w := newWorld(t)
	var well atomic.Bool
	e := w.receives(func(rw http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	began := w.Now()
	w.announce(w.job)
	var gaps []time.Duration
	last := w.Now()
	for w.Now().Sub(began) < 100*time.Hour {
		w.pass(time.Minute)
		if tried := w.drain(); tried.Failed+tried.Buried > 0 {
			gaps, last = append(gaps, w.Now().Sub(last)), w.Now()
		}
	}
	for i := 1; i < len(gaps); i++ {
		if gaps[i] < gaps[i-1] || gaps[i] > 12*time.Hour {
			t.Errorf("pauses %v, want ever longer ones", gaps)
		}
	}
	if after := last.Sub(began); after < 60*time.Hour || after > 72*time.Hour || len(gaps) > 20 {
		t.Errorf("the last of %d tries after %v, want three days", len(gaps), after)
	}
	dead, err := w.hooks.Dead(t.Context())
	if err != nil || len(dead) != 1 || dead[0].Job != "j1" || !strings.Contains(dead[0].Failure, "503") {
		t.Fatalf("dead letters %v, %v", dead, err)
	}
	well.Store(true)
	if n, err := w.hooks.SendBack(t.Context(), "wh_other"); n != 0 || err != nil {
		t.Errorf("%d of another endpoint, %v", n, err)
	}
	if n, err := w.hooks.SendBack(t.Context(), e.ID); n != 1 || err != nil {
		t.Errorf("%d sent back, %v", n, err)
	}
	if got := w.drain(); got.Delivered != 1 {
		t.Errorf("sent back: %+v", got)
	}
}

// TestWhatIsNoLongerSoIsNotAnnounced: a retry looks at the job again.
func TestWhatIsNoLongerSoIsNotAnnounced(t *testing.T) {
	w := newWorld(t)
	e := w.receives(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) })
	gone := w.final("gone")
	w.announce(w.job, gone)
	tried := len(e.got)
	rejudged, _ := job.RejudgeOp{Now: job.Time(w.clock.Load())}.Apply(w.job)
	rejudged.Revision++
	if _, saved, err := w.store.Save(t.Context(), w.job, rejudged); err != nil || !saved {
		t.Fatal(saved, err)
	}
	if _, deleted, err := w.store.DeleteJob(t.Context(), gone); err != nil || !deleted {
		t.Fatal(deleted, err)
	}
	w.pass(time.Minute)
	if got := w.drain(); got.Dropped != 2 || len(e.got) != tried {
		t.Errorf("%+v; got %s", got, e.ids())
	}
	// An endpoint that was removed keeps none either, in the end.
	w.announce(w.final("j4"))
	if _, err := w.hooks.RemoveEndpoint(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	w.receives(nil)
	w.drain()
	w.pass(time.Hour)
	if got := w.drain(); got.Dropped != 1 {
		t.Errorf("%+v", got)
	}
}

// TestAConnectionThatDied while nobody used it is no failure of its endpoint.
func TestAConnectionThatDied(t *testing.T) {
	w := newWorld(t)
	var used sync.Map
	var connections atomic.Int64
	e := w.receives(func(_ http.ResponseWriter, r *http.Request) {
		if _, again := used.LoadOrStore(r.RemoteAddr, true); again {
			panic(http.ErrAbortHandler)
		}
		if connections.Add(1); r.Header.Values("Idempotency-Key") != nil {
			t.Error("what is for the transport is sent")
		}
	})
	w.announce(w.job)
	w.announce(w.final("j2"))
	w.pass(time.Minute)
	if got := w.drain(); got != (announce.Drained{}) || connections.Load() != 2 {
		t.Errorf("%+v, delivered %s on %d connections", got, e.ids(), connections.Load())
	}
}

func TestAnswers(t *testing.T) {
	stolen := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer stolen.Close()
	var endless atomic.Int64 // bytes
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   announce.Drained
	}{
		{"a redirect", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, stolen.URL, http.StatusTemporaryRedirect)
		}, announce.Drained{Failed: 1}},
		{"gone", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) }, announce.Drained{Buried: 1}},
		{"an endless reply", func(rw http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; endless.Add(1 << 20) {
				_, err = rw.Write(make([]byte, 1<<20))
			}
		}, announce.Drained{}}, // it was taken at once
		{"cut off after the effect", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, announce.Drained{Failed: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.receives(tc.answer)
			w.announce(w.job)
			if n := endless.Load(); n > 128<<20 { // what the system takes is less
				t.Errorf("%d bytes of an endless reply were read", n)
			}
			w.pass(time.Minute)
			if got := w.drain(); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	e := w.receives(nil) // verifies by the first secret
	rotated := e.Rotated(w.Now())
	if rotated.Secret == e.Secret || rotated.Former != e.Secret {
		t.Fatalf("rotated to %+v", rotated)
	}
	w.put(rotated)
	if put, err := w.hooks.PutEndpoint(t.Context(), rotated); put || err != nil {
		t.Errorf("written again over itself: %v, %v", put, err)
	}
	w.announce(w.job)
	e.mu.Lock()
	e.Secret = rotated.Secret
	e.mu.Unlock()
	w.announce(w.final("j2"))
	w.pass(announce.Overlap + time.Minute)
	w.announce(w.final("j3")) // by the new one alone
	if e.ids() != "j1-0 j2-0 j3-0" || len(e.signed) != 1 {
		t.Errorf("got %s, the last with the signatures %q", e.ids(), e.signed)
	}
}

// TestErrorsTellNoSecret: they are logged, and kept with dead letters.
func TestErrorsTellNoSecret(t *testing.T) {
	w := newWorld(t)
	nobody := announce.NewEndpoint("http://127.0.0.1:1/?key=hidden", w.Now())
	damaged := nobody
	damaged.Secret = "whsec_%hidden"
	for _, e := range []announce.Endpoint{nobody, damaged} {
		if err := w.Test(t.Context(), e); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("error %v", err)
		}
	}
}

func TestWhereWebhooksMayGo(t *testing.T) {
	named := announce.Policy{Hosts: announce.HostsIn("judge.internal, 10.1.2.3:8080,")}
	for _, tc := range []struct {
		url     string
		policy  announce.Policy
		allowed bool
	}{
		{"https://judge.example.com/verdicts?key=1", announce.Policy{}, true},
		{"https://93.184.216.34", announce.Policy{}, true},
		{"http://judge.example.com", announce.Policy{}, false},
		{"ftp://judge.example.com", announce.Policy{}, false},
		{"https://me:secret@judge.example.com", announce.Policy{}, false},
		{"https://", announce.Policy{}, false},
		{"https://127.0.0.1", announce.Policy{}, false},
		{"https://[::1]", announce.Policy{}, false},
		{"https://10.1.2.3", announce.Policy{}, false},
		{"https://169.254.169.254/latest/meta-data", announce.Policy{}, false},
		{"https://100.64.0.1", announce.Policy{}, false},
		{"https://[::ffff:10.0.0.1]", announce.Policy{}, false},
		{"https://[64:ff9b::a00:1]", announce.Policy{}, false},
		{"https://[fd00::1]", announce.Policy{}, false},
		{"https://[2606:4700:4700::1111]", announce.Policy{}, true},
		{"http://judge.internal:9000", named, true},
		{"http://10.1.2.3:8080", named, true},
		{"http://10.1.2.3:8081", named, false},
		{"ftp://judge.internal", named, false},
		{"http://localhost:8080", announce.Policy{Loopback: true}, true},
		{"http://127.0.0.2:8080", announce.Policy{Loopback: true}, true},
		{"http://192.168.0.1:8080", announce.Policy{Loopback: true}, false},
	} {
		if err := tc.policy.Check(tc.url); (err == nil) != tc.allowed || err != nil && !errors.Is(err, announce.ErrNotAllowed) {
			t.Errorf("%s: %v", tc.url, err)
		}
	}
}

// TestANameOfAPrivateAddress: what counts is the address when it is called.
func TestANameOfAPrivateAddress(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if c, err := listener.Accept(); err == nil {
			t.Error("a connection to a private address was made")
			_ = c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	public := announce.New(announce.Policy{})
	e := announce.NewEndpoint("https://localhost:"+port, time.Now())
	if err := public.Test(t.Context(), e); !errors.Is(err, announce.ErrNotAllowed) || !strings.Contains(err.Error(), "-webhook-hosts") {
		t.Errorf("error %v, want one that says why and what to do", err)
	}
}

// TestNeitherDeliveredNorKept: the stream has to bring it again.
func TestNeitherDeliveredNorKept(t *testing.T) {
	w := newWorld(t)
	w.receives(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusInternalServerError) })
	w.Outbox = full{w.hooks}
	if err := w.Announce(t.Context(), []job.Job{w.job}); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

var errFull = errors.New("full")

type full struct{ announce.Outbox }

func (full) Add(context.Context, []announce.Letter) error { return errFull }
