package bridge_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/bridge"
	"runlease/shared/bridge/backend"
	"runlease/shared/bridge/journal"
	"runlease/shared/dispatch"
	"runlease/shared/memory"
	"runlease/shared/producer"
	"runlease/shared/testkit/normaloj"
	"runlease/shared/testkit/until"
	"runlease/shared/testkit/wire"
	"runlease/shared/testkit/zips"
	"runlease/shared/trace"
)

// token is the sandbox's; it is in no log.
const token = "sandbox-token"

// world is a stand-in of the back end, a bridge, runlease in memory and a runner
// that reads in the code what it shall find.
type world struct {
	t        *testing.T
	backEnd  *normaloj.BackEnd
	url      string // the bridge's
	runlease wire.Client
	dir      string
	log      bytes.Buffer
	logged   sync.Mutex
	config   bridge.Config
	stop     func()
	handler  atomic.Value // the bridge's
	away     atomic.Bool  // runlease
	idle     atomic.Bool  // the runner
	asked    atomic.Int64 // requests to runlease
	noFeed   atomic.Bool  // runlease is older than its feed
	held     atomic.Pointer[hold]
	rate     api.Rate // of the bridge in runlease
	hosts    *hosts   // nil: sockets
}

// hosts are spoken to without sockets: a goroutine that waits for one would keep the
// clock of a bubble from going on.
type hosts struct {
	sync.Map
	n int
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	there := r.Clone(r.Context())
	there.RequestURI, there.Host = r.URL.RequestURI(), r.URL.Host
	if there.Body == nil {
		there.Body = http.NoBody
	}
	reply := httptest.NewRecorder()
	if found, is := h.Load(r.URL.Host); is {
		found.(http.Handler).ServeHTTP(reply, there)
	}
	return reply.Result(), nil
}

// serve gives a handler an address.
func (w *world) serve(handler http.Handler) (url string) {
	if w.hosts != nil {
		w.hosts.n++
		name := fmt.Sprintf("%d.test", w.hosts.n)
		w.hosts.Store(name, handler)
		return "http://" + name
	}
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	return server.URL
}

func (w *world) transport() http.RoundTripper {
	if w.hosts != nil {
		return w.hosts
	}
	return &http.Transport{DisableKeepAlives: true}
}

func (w *world) Write(p []byte) (int, error) {
	w.logged.Lock()
	defer w.logged.Unlock()
	return w.log.Write(p)
}

// said is what the bridge has logged.
func (w *world) said() string {
	w.logged.Lock()
	defer w.logged.Unlock()
	return w.log.String()
}

// hold is a request to runlease that is held up, once.
type hold struct {
	path             string
	entered, release chan struct{}
}

func (w *world) hold(path string) *hold {
	h := &hold{path, make(chan struct{}), make(chan struct{})}
	w.held.Store(h)
	return h
}

// newWorld starts one with problem 1, of two tasks of one case each; fault is the back end's.
func newWorld(t *testing.T, fault func(http.ResponseWriter, *http.Request, func(http.ResponseWriter))) *world {
	t.Helper()
	return newWorldOn(t, nil, fault)
}

func newWorldOn(t *testing.T, hosts *hosts, fault func(http.ResponseWriter, *http.Request, func(http.ResponseWriter))) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), backEnd: normaloj.New(token), rate: api.Unlimited, hosts: hosts}
	w.backEnd.Fault, w.backEnd.Transport = fault, w.transport
	w.backEnd.SetProblem(1, twoTasks(50))
	there := w.serve(w.backEnd)
	w.newRunlease()
	w.url = w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		handler, _ := w.handler.Load().(http.Handler)
		handler.ServeHTTP(rw, r)
	}))
	w.backEnd.Sandbox = w.url
	w.config = bridge.Config{
		BackEnd:  &backend.Client{URL: there, Token: token, HTTP: &http.Client{Transport: w.transport()}, Silence: until.Hang},
		Runlease: &producer.Client{URL: w.runlease.URL, Token: w.runlease.ProducerToken, HTTP: &http.Client{Transport: w.transport(), CheckRedirect: producer.NoRedirect}},
		Pace:     bridge.Pace{Problem: 150 * time.Millisecond, Query: 20 * time.Millisecond, Sweep: time.Second, FirstWait: 20 * time.Millisecond, LastWait: 100 * time.Millisecond},
		Capacity: 10, Keep: time.Hour, Log: slog.New(slog.NewJSONHandler(w, nil)),
	}
	w.start()
	t.Cleanup(func() {
		w.stop()
		if text := w.said(); strings.Contains(text, token) || strings.Contains(text, w.runlease.ProducerToken) {
			t.Error("a token is in the log")
		}
		if n := w.backEnd.Overlaps(); n > 0 {
			t.Errorf("%d verdicts overlapped with another of their submission", n)
		}
		if t.Failed() {
			t.Log(w.said())
		}
	})
	return w
}

// silence has the bridge bear no longer pause of the back end than this.
func (w *world) silence(borne time.Duration) {
	w.t.Helper()
	w.stop()
	w.config.BackEnd.Silence = borne
	w.start()
}

func twoTasks(points int) normaloj.Problem {
	return normaloj.Problem{
		Tasks:    []normaloj.Task{{Score: points, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}, {Score: 100 - points, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}},
		TestData: zips.TestData(1, 1),
	}
}

// start starts the bridge, anew if it ran before.
func (w *world) start() {
	w.t.Helper()
	var err error
	if w.config.Journal, err = journal.Open(w.dir); err != nil {
		w.t.Fatal(err)
	}
	b, err := bridge.New(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.handler.Store(b.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { b.Run(ctx); close(ended) }()
	w.stop = func() {
		cancel()
		<-ended
		if err := w.config.Journal.Close(); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) newRunlease() {
	w.t.Helper()
	var served http.Handler
	url := w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.away.Load() && r.Header.Get("X-Runner-Token") == "" {
			w.asked.Add(1)
			if _, traced := trace.Parse(r.Header.Get(trace.Header)); traced != (r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/jobs") && r.URL.Path != "/jobs/query") {
				w.t.Errorf("%s %s: traced %v", r.Method, r.URL.Path, traced)
			}
			http.Error(rw, "a proxy's 503", http.StatusServiceUnavailable)
			return
		}
		if r.URL.Path == "/verdicts" && w.noFeed.Load() {
			http.Error(rw, `{"status":"err","code":"unknown_route","message":"no such route"}`, http.StatusNotFound)
			return
		}
		if h := w.held.Load(); h != nil && r.URL.Path == h.path && w.held.CompareAndSwap(h, nil) {
			close(h.entered)
			<-h.release
		}
		served.ServeHTTP(rw, r)
	}))
	credentials, blobs := memory.NewCredentials(), memory.NewArtifacts(url, []byte("secret"), time.Now)
	routes := api.New(api.Config{
		Dispatch: dispatch.New(memory.NewStore(), memory.NewQueue(time.Now), blobs), Auth: auth.NewVerifier(credentials),
		Log: slog.New(slog.DiscardHandler), RunnerRate: api.Unlimited, ProducerRate: w.rate,
	}).Handler()
	served = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, memory.BlobPath) {
			blobs.ServeHTTP(rw, r)
			return
		}
		routes.ServeHTTP(rw, r)
	})
	issue := func(g auth.Grant) string {
		text, _, err := auth.Issue(w.t.Context(), credentials, g, time.Now(), rand.Reader)
		if err != nil {
			w.t.Fatal(err)
		}
		return text
	}
	w.runlease = wire.Client{
		URL:           url,
		HTTP:          &http.Client{Transport: w.transport()},
		RunnerToken:   issue(auth.Grant{Kind: auth.Runner, Name: "r"}),
		ProducerToken: issue(auth.Grant{Kind: auth.Producer, Name: "bridge", Scopes: []string{api.ScopeJobsRead, api.ScopeJobsWrite, api.ScopeProblemsWrite}}),
	}
	var judging sync.WaitGroup
	client := w.runlease // this one, whatever comes after it
	ctx, cancel := context.WithCancel(context.Background())
	judging.Go(func() {
		for ctx.Err() == nil {
			if w.idle.Load() || !w.judge(ctx, client) {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	w.t.Cleanup(func() { cancel(); judging.Wait() })
}

// judge claims jobs and reports, in each case, the status that the code names, the
// code as stdout and the problem's first limit as time.
func (w *world) judge(ctx context.Context, client wire.Client) bool {
	type claim struct {
		ID    string `json:"submissionId"`
		Token string `json:"token"`
		Meta  struct {
			Tasks []struct{ CaseCount, TimeLimit int }
		} `json:"meta"`
	}
	reply, err := client.Do(ctx, "POST", "/runner/sync", "r", map[string]any{"slots": 10, "done": []any{}, "active": []any{}, "checkers": true})
	var found struct{ Data struct{ Jobs []claim } }
	if err != nil || reply.Into(&found) != nil || len(found.Data.Jobs) == 0 {
		return false
	}
	for _, j := range found.Data.Jobs {
		code := w.code(ctx, client, j.ID)
		status, _, _ := strings.Cut(code, " ")
		var tasks [][]map[string]any
		for _, task := range j.Meta.Tasks {
			var cases []map[string]any
			for range task.CaseCount {
				cases = append(cases, map[string]any{"exitCode": 0, "status": status, "stdout": code, "stderr": "err", "execTime": task.TimeLimit, "memoryUsage": 2})
			}
			tasks = append(tasks, cases)
		}
		if _, err := client.Do(ctx, "PUT", "/runner/jobs/"+j.ID+"/complete", "r", map[string]any{"token": j.Token, "tasks": tasks}); err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
	}
	return true
}

// code is the source of a job that is claimed.
func (w *world) code(ctx context.Context, client wire.Client, id string) string {
	reply, err := client.Do(ctx, "GET", "/runner/jobs/"+id+"/code", "r", nil)
	if err != nil {
		return ""
	}
	packed := reply.Text
	files, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(files.File) == 0 {
		return ""
	}
	f, err := files.File[0].Open()
	if err != nil {
		return ""
	}
	text, _ := io.ReadAll(f)
	return string(text)
}

// submit hands a submission in; what the student gets is want.
func (w *world) submit(want int, id, code string) {
	w.t.Helper()
	w.submitTo(want, id, 1, 0, zips.Code(code))
}

func (w *world) submitTo(want int, id string, problem, language int, code []byte) {
	w.t.Helper()
	if got := w.backEnd.Submit(w.t.Context(), id, problem, language, code); got != want {
		w.t.Errorf("submission %s: the student gets %d, want %d", id, got, want)
	}
}

// until waits for a condition.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	patience := until.Hang
	if w.hosts != nil {
		patience = time.Hour // of a clock that waits for nothing
	}
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("in vain: %s", what)
		}
	}
}

// ends waits until a submission has had a number of verdicts, the last with a status and a score.
func (w *world) ends(id string, counted, status, score int) normaloj.Submission {
	w.t.Helper()
	w.until(fmt.Sprintf("verdict %d of %s", counted, id), func() bool { return w.backEnd.Submission(id).Counted >= counted })
	s := w.backEnd.Submission(id)
	if s.Counted != counted || s.Status != status || s.Score != score {
		w.t.Errorf("submission %s: %d verdicts, status %d, score %d; want %d, %d, %d", id, s.Counted, s.Status, s.Score, counted, status, score)
	}
	return s
}

// done waits until the bridge has nothing left to do.
func (w *world) done() {
	w.t.Helper()
	w.until("all done", func() bool { _, body := w.get("/status"); return strings.Contains(body, `{"load":0}`) })
	files, err := os.ReadDir(w.dir + "/code")
	if err != nil || len(files) != 0 {
		w.t.Errorf("%d files are left of submissions that are done: %v", len(files), err)
	}
}

func (w *world) get(path string, headers ...string) (status int, body string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := w.transport().RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
