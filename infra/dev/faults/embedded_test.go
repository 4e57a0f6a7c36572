package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"runlease/shared/announce"
	"runlease/shared/durable/control"
	"runlease/shared/runner"
	"runlease/shared/runner/cache"
	"runlease/shared/runner/spool"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
)

// embedded is the embedded server with a folder, which is killed and started again
// under one address.
type embedded struct {
	client
	binary, data, address, public string

	process *exec.Cmd
}

func newEmbedded(t *testing.T) (*embedded, *relay) {
	t.Helper()
	dir := t.TempDir()
	e := &embedded{client: client{t: t}, binary: filepath.Join(dir, "local"), data: filepath.Join(dir, "data")}
	if err := program.Build(dir, "local"); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.address = free.Addr().String()
	_ = free.Close()
	r := newRelay(t, e.address)
	e.public = "http://" + r.Addr().String()
	e.start()
	t.Cleanup(e.kill)
	e.URL = "http://" + e.address // what the test asks for does not pass the relay
	e.must(201, "PUT", "/problems/1", "", `{"tasks":[{"taskScore":100,"caseCount":1,"memoryLimit":65536,"timeLimit":1000}]}`)
	e.must(200, "POST", "/problems/1/publish", "", "")
	return e, r
}

func (e *embedded) start() {
	e.t.Helper()
	var hello wire.Client
	until.NoError(e.t, time.Minute, func() error { // a connection of another program may have the port
		e.process = exec.Command(e.binary, "-addr", e.address, "-data", e.data, "-public-url", e.public, "-rate", "0", "-lease", "6s")
		return program.Serve(e.process, &hello)
	})
	if hello.RunnerToken != "" { // at the first start only
		e.RunnerToken, e.ProducerToken = hello.RunnerToken, hello.ProducerToken
	}
}

func (e *embedded) kill() {
	_ = e.process.Process.Kill()
	_ = e.process.Wait()
}

// folder is what the operator's command works on while the server runs.
func (e *embedded) folder() (f control.Folder) {
	e.t.Helper()
	until.NoError(e.t, time.Minute, func() (err error) {
		f, err = control.Open(e.t.Context(), e.data)
		return err
	})
	return f
}

// judge runs a runner, as its program is, until ctx ends.
func (e *embedded) judge(ctx context.Context, name string) error {
	dir := e.t.TempDir()
	log := slog.New(slog.DiscardHandler)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r := &runner.Runner{Dir: dir, Slots: 1, Lease: 6 * time.Second, Grace: time.Second, Doorbell: true, Log: log}
	var err error
	if r.Client, err = runner.NewClient(e.public, e.RunnerToken, name, transport); err != nil {
		return err
	}
	if r.Spool, err = spool.Open(filepath.Join(dir, "spool")); err != nil {
		return err
	}
	if r.Cache, err = cache.Open(filepath.Join(dir, "cache"), 1<<20, log); err != nil {
		return err
	}
	return r.Run(ctx)
}

// hook is a webhook's receiver that keeps what it is told, before it answers as
// it does.
type hook struct {
	announce.Endpoint
	t      *testing.T
	answer http.HandlerFunc

	mu  sync.Mutex
	got map[string][]told // by webhook-id
}

// told is what is announced of a job.
type told struct {
	Generation, Status, Score int
	State                     string
	Attempts                  []attempt
}

// ServeHTTP is for http.Handler.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the server was killed
	}
	var message struct{ Data told }
	verifier, err := standardwebhooks.NewWebhook(h.Secret)
	if err == nil {
		err = verifier.Verify(body, r.Header)
	}
	if err == nil {
		err = json.Unmarshal(body, &message)
	}
	if err != nil {
		h.t.Errorf("delivered %s: %v", body, err)
	}
	h.mu.Lock()
	id := r.Header.Get("webhook-id")
	h.got[id] = append(h.got[id], message.Data)
	h.mu.Unlock()
	if h.answer != nil {
		h.answer(w, r)
	}
}

func (h *hook) messages(id string) []told {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got[id]
}

// hooks adds receivers: a good one, and others that misbehave by name.
func hooks(t *testing.T, f control.Folder) map[string]*hook {
	t.Helper()
	list := map[string]*hook{}
	for name, answer := range map[string]http.HandlerFunc{
		"good": nil,
		"slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"redirecting": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"gone":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) },
		"after effect": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"dead":         nil,
	} {
		h := &hook{t: t, answer: answer, got: map[string][]told{}}
		server := httptest.NewUnstartedServer(h)
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		server.Start()
		t.Cleanup(server.Close)
		h.Endpoint = announce.NewEndpoint(server.URL, time.Now())
		if name == "dead" {
			server.Close()
		}
		if put, err := f.PutEndpoint(t.Context(), h.Endpoint); err != nil || !put {
			t.Fatal(put, err)
		}
		list[name] = h
	}
	return list
}

// TestEmbedded has real runners judge for the embedded server while their doorbells
// are spoiled, it is killed, and most of its webhooks misbehave. Then each job is
// judged once, and the good webhook knows of each what is so.
func TestEmbedded(t *testing.T) {
	e, network := newEmbedded(t)
	f := e.folder()
	receivers := hooks(t, f)
	_ = f.Close()
	ctx, stop := context.WithCancel(t.Context())
	var fleet sync.WaitGroup
	defer func() { stop(); fleet.Wait() }()
	for r := range runners {
		fleet.Go(func() {
			if err := e.judge(ctx, fmt.Sprintf("runner-%d", r)); err != nil {
				t.Error(err)
			}
		})
	}

	network.spoil(true)
	const kills = 3
	h := &handed{rejudged: map[string]bool{}, asked: map[string]bool{}}
	spoils := func(since time.Duration) bool { // until each fault was there, which takes a slow machine longer
		return since < spoiled || !network.didAll() && since < recovery
	}
	for n, began := 0, time.Now(); n < 2*jobs || spoils(time.Since(began)); n++ {
		if n%jobs == jobs/2 && n/jobs < kills {
			e.kill()
			e.start()
		}
		e.handIn(ctx, h)
		time.Sleep(100 * time.Millisecond)
	}
	network.spoil(false)
	open, took := e.allFinal(h)
	eventually := func(what string, so func() bool) {
		t.Helper()
		until.True(t, recovery, what, so)
	}
	delivered := 0
	for _, id := range h.ids {
		e.audit(id, h, newLedger())
		j := e.must(200, "GET", "/jobs/"+id, "", "").Data
		message := fmt.Sprintf("%s-%d", id, j.Generation)
		eventually(message+" is announced", func() bool { return len(receivers["good"].messages(message)) > 0 })
		for name, hook := range receivers {
			for generation := range j.Generation + 1 {
				for _, told := range hook.messages(fmt.Sprintf("%s-%d", id, generation)) {
					delivered++
					hook.isSo(name, told, generation, j)
				}
			}
		}
	}
	if !network.didAll() {
		t.Errorf("not every fault was there: this run proves little: %v", network.injected)
	}
	f = e.folder()
	defer f.Close()
	gone := receivers["gone"].ID
	eventually("a letter to an endpoint that is gone is dead", func() bool {
		dead, err := f.Dead(t.Context())
		for _, l := range dead {
			if err == nil && (l.Endpoint != gone || !strings.Contains(l.Failure, "410")) {
				t.Fatalf("a dead letter is %+v", l)
			}
		}
		return len(dead) > 0
	})
	for name, h := range receivers {
		h.mu.Lock() // the others are still tried again
		if (len(h.got) == 0) != (name == "dead") {
			t.Errorf("%s was told of %d jobs", name, len(h.got))
		}
		h.mu.Unlock()
	}
	t.Logf("%d jobs, WebSockets %v, %d kills; %d jobs open at the end of the faults, all final %.1f s later, %d deliveries",
		len(h.ids), network.injected, kills, open, took.Seconds(), delivered)
}

// isSo holds what was announced of a generation against the job.
func (h *hook) isSo(name string, told told, generation int, j data) {
	h.t.Helper()
	ended := ""
	for _, a := range j.Attempts {
		if a.Generation == generation && a.How != nil && *a.How == "completed" {
			ended = "finished"
		}
	}
	switch {
	case told.Generation != generation, told.State != "finished" && told.State != "cancelled":
		h.t.Errorf("%s was told %+v of generation %d", name, told, generation)
	case generation == j.Generation && (told.State != j.State || told.Status != j.Status):
		h.t.Errorf("%s was told %+v of %+v", name, told, j)
	case told.State == "finished" && told.Status != 6 && ended == "":
		h.t.Errorf("%s was told of a verdict that no attempt has brought: %+v of %+v", name, told, j)
	}
}
