package api_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
	"runlease/shared/testkit/contract"
	"runlease/shared/testkit/wire"
	"runlease/shared/testkit/zips"
)

// begin is when every world begins.
var begin = time.UnixMilli(1_763_937_600_250)

// world is an API over real HTTP on the memory adapters, with a clock that
// stands still until it is moved.
type world struct {
	t      *testing.T
	api    *api.API
	server *httptest.Server
	client *http.Client
	store  *flakyStore
	queue  *memory.Queue
	blobs  *memory.Artifacts
	log    *lines
	tokens map[string]string

	mu       sync.Mutex
	now      time.Time
	unjudged int // how many results were counted as JE
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: begin, log: &lines{}, tokens: map[string]string{}}
	// Not a ServeMux: that one would clean paths before the API sees them.
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, memory.BlobPath) {
			w.blobs.ServeHTTP(rw, r)
			return
		}
		w.api.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	w.store = &flakyStore{Store: memory.NewStore()}
	w.queue = memory.NewQueue(w.clock)
	w.blobs = memory.NewArtifacts(w.server.URL, []byte("secret of this test"), w.clock)
	d := dispatch.New(w.store, flakyQueue{w.queue, w.store}, w.blobs)
	d.Roster = w.store
	d.Now = w.clock
	d.Meter = func(_ context.Context, m deployment.Metric, _ string, _ float64) {
		if m == deployment.JudgedJE {
			w.unjudged++
		}
	}
	d.Log = slog.New(slog.NewJSONHandler(logbook{}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	credentials := memory.NewCredentials()
	verifier := auth.NewVerifier(credentials)
	verifier.Now = w.clock
	for name, grant := range map[string]auth.Grant{
		"runner-a": {Kind: auth.Runner, Name: "runner-a"},
		"runner-b": {Kind: auth.Runner, Name: "runner-b"},
		"runner-c": {Kind: auth.Runner, Name: "runner-c"},
		"fleet":    {Kind: auth.Runner, Name: "fleet", Fleet: true},
		"examiner": {Kind: auth.Runner, Name: "examiner", Pools: []string{"exam"}},
		"producer": {Kind: auth.Producer, Name: "producer", Scopes: []string{api.ScopeJobsRead, api.ScopeJobsWrite, api.ScopeProblemsWrite, api.ScopeOpsRead, api.ScopeOpsWrite}},
		"reader":   {Kind: auth.Producer, Name: "reader", Scopes: []string{api.ScopeJobsRead}},
		"writer":   {Kind: auth.Producer, Name: "writer", Scopes: []string{api.ScopeJobsWrite, api.ScopeProblemsWrite}},
	} {
		token, _, err := auth.Issue(t.Context(), credentials, grant, begin, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		w.tokens[name] = token
	}
	w.api = api.New(api.Config{Dispatch: d, Auth: verifier, Log: slog.New(slog.NewJSONHandler(w.log, nil)), RunnerRate: api.Unlimited, ProducerRate: api.Unlimited})
	w.client = &http.Client{
		Transport:     &contract.Transport{T: t, Server: w.server.URL, Except: []string{memory.BlobPath}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// ask is a request.
type ask struct {
	method, path string
	as           string // whose token; empty: producer or runner-a, by the path
	body         string
	header       http.Header
	chunked      bool // the length is not said
}

// answer is a reply.
type answer struct {
	status  int
	header  http.Header
	raw     string
	code    string
	message string
	data    map[string]any // nil: null
}

// do sends a request; body placeholders like <token of j1> have been filled in.
func (w *world) do(a ask) answer {
	w.t.Helper()
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
		if a.chunked {
			body = struct{ io.Reader }{body}
		}
	}
	req, err := http.NewRequestWithContext(w.t.Context(), a.method, w.server.URL+a.path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if a.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	runner := strings.HasPrefix(a.path, "/runner/")
	switch {
	case a.as == "nobody":
	case a.as != "" && runner:
		req.Header.Set("X-Runner-Token", w.tokens[a.as])
	case a.as != "":
		req.Header.Set("Authorization", "Bearer "+w.tokens[a.as])
	case runner:
		req.Header.Set("X-Runner-Token", w.tokens["runner-a"])
	default:
		req.Header.Set("Authorization", "Bearer "+w.tokens["producer"])
	}
	for name, values := range a.header {
		req.Header[name] = values
		if len(values) == 0 {
			req.Header.Del(name)
		}
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, values := range req.Header {
		witness(values...)
	}
	witness(a.path, a.body, string(raw), resp.Header.Get("Location"))
	got := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	var envelope struct {
		Code    string
		Message string
		Data    map[string]any
	}
	if len(raw) > 0 && resp.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(raw, &envelope); err != nil {
			w.t.Fatalf("%s %s: %d %s", a.method, a.path, resp.StatusCode, raw)
		}
	}
	got.code, got.message, got.data = envelope.Code, envelope.Message, envelope.Data
	if resp.Header.Get("X-Request-Id") == "" {
		w.t.Errorf("%s %s: no request id", a.method, a.path)
	}
	return got
}

// must sends a request that prepares a test.
func (w *world) must(status int, a ask) answer {
	w.t.Helper()
	got := w.do(a)
	if got.status != status {
		w.t.Fatalf("%s %s: got %d, want %d: %s", a.method, a.path, got.status, status, got.raw)
	}
	return got
}

func get(path string) ask        { return ask{method: http.MethodGet, path: path} }
func post(path, body string) ask { return ask{method: http.MethodPost, path: path, body: body} }
func put(path, body string) ask  { return ask{method: http.MethodPut, path: path, body: body} }

func (a ask) by(name string) ask { a.as = name; return a }

func (a ask) with(name, value string) ask {
	h := a.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	a.header = h
	return a
}

// Problem 7 has two tasks of two and one cases, and test data; problem 8 has
// neither test data nor a second task.
const (
	tasks7 = `[{"taskScore":40,"caseCount":2,"memoryLimit":65536,"timeLimit":1000},{"taskScore":60,"caseCount":1,"memoryLimit":65536,"timeLimit":2000}]`
	tasks8 = `[{"taskScore":100,"caseCount":1,"memoryLimit":1024,"timeLimit":500}]`
)

var (
	zip      = zips.Code("")
	longZip  = zips.Code(strings.Repeat("\n", 1000)) // too long to travel in replies
	testdata = zips.TestData(2, 1)
)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func artifact(b []byte) string { return fmt.Sprintf(`{"size":%d,"sha256":%q}`, len(b), sum(b)) }

// problems publishes both.
func (w *world) problems() {
	w.t.Helper()
	first := w.must(201, put("/problems/7", `{"tasks":`+tasks7+`,"testdata":`+artifact(testdata)+`}`))
	w.upload(first.data["upload"], testdata)
	w.must(200, post("/problems/7/publish", ""))
	w.must(201, put("/problems/8", `{"tasks":`+tasks8+`}`))
	w.must(200, post("/problems/8/publish", ""))
}

// upload follows an upload that a reply has offered.
func (w *world) upload(offer any, body []byte) {
	w.t.Helper()
	if status, err := wire.Upload(w.t.Context(), w.client, offer, body); err != nil || status != http.StatusOK {
		w.t.Fatalf("upload: %d, %v", status, err)
	}
}

func newJob(id string, problem, language int) string {
	code := zip
	if strings.HasPrefix(id, "long") {
		code = longZip
	}
	return fmt.Sprintf(`{"submissionId":%q,"problemId":%d,"language":%d,"code":%q}`,
		id, problem, language, base64.StdEncoding.EncodeToString(code))
}

// queued hands jobs in, of problem 7 unless they begin with "bare".
func (w *world) queued(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		problem := 7
		if strings.HasPrefix(id, "bare") {
			problem = 8
		}
		w.must(201, post("/jobs", newJob(id, problem, 2)))
		w.pass(time.Second)
	}
}

// claimed hands a job in, has runner-a claim it and returns the claim token.
func (w *world) claimed(id string) string {
	w.t.Helper()
	w.queued(id)
	return w.claim(id, "runner-a")
}

func (w *world) claim(id, runner string) string {
	w.t.Helper()
	token, _ := w.must(200, post("/runner/jobs/"+id+"/claim", "").by(runner)).data["token"].(string)
	return token
}

func oneCase(status, stdout string) string {
	if status == "TLE" {
		return fmt.Sprintf(`{"exitCode":0,"status":%q,"stdout":%q,"stderr":"","execTime":12,"memoryUsage":2048,"reason":"more than 10 ms"}`, status, stdout)
	}
	return fmt.Sprintf(`{"exitCode":0,"status":%q,"stdout":%q,"stderr":"","execTime":12,"memoryUsage":2048}`, status, stdout)
}

// result7 is a result for problem 7: all cases AC except for the last.
func result7(token, last string) string {
	return fmt.Sprintf(`{"token":%q,"tasks":[[%s,%s],[%s]]}`, token, oneCase("AC", "1"), oneCase("AC", "2"), oneCase(last, "3"))
}

// finished leaves a job with a result of 40 points.
func (w *world) finished(id string) (token string) {
	w.t.Helper()
	token = w.claimed(id)
	w.must(200, put("/runner/jobs/"+id+"/complete", result7(token, "WA")))
	return token
}

// row is a request with what it must be answered.
type row struct {
	name    string
	ask     ask
	status  int
	code    string // empty: success
	message string
}

func (w *world) check(rows []row) {
	w.t.Helper()
	for _, r := range rows {
		w.t.Run(r.name, func(t *testing.T) {
			here := *w.at(t)
			got := here.do(r.ask)
			if got.status != r.status || got.code != r.code || got.message != r.message {
				t.Errorf("got %d %q %q, want %d %q %q", got.status, got.code, got.message, r.status, r.code, r.message)
			}
			if r.code != "" && got.data != nil {
				t.Errorf("a refusal with data: %s", got.raw)
			}
		})
	}
}

// at is the same world in a subtest.
func (w *world) at(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, api: w.api, server: w.server, store: w.store, queue: w.queue, blobs: w.blobs, log: w.log, tokens: w.tokens,
		client: &http.Client{
			Transport:     &contract.Transport{T: t, Server: w.server.URL, Except: []string{memory.BlobPath}},
			CheckRedirect: w.client.CheckRedirect,
		},
	}
}

var volatile = regexp.MustCompile(`"(url)":"[^"]*"|"(token)":"[^"]*"|"(headers)":\{[^}]*\}`)

// same compares a whole body; URLs, tokens and signed headers read "*".
func same(t *testing.T, got answer, want string) {
	t.Helper()
	plain := volatile.ReplaceAllString(strings.TrimSuffix(got.raw, "\n"), `"$1$2$3":"*"`)
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// flakyStore is a store that can break.
type flakyStore struct {
	*memory.Store
	mu    sync.Mutex
	fault func() error
}

func (s *flakyStore) breakdown(fault func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *flakyStore) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		return nil
	}
	return s.fault()
}

func (s *flakyStore) Get(ctx context.Context, id string) (job.Job, bool, error) {
	if err := s.broken(); err != nil {
		return job.Job{}, false, err
	}
	return s.Store.Get(ctx, id)
}

func (s *flakyStore) GetMany(ctx context.Context, ids []string) (map[string]job.Job, error) {
	if err := s.broken(); err != nil {
		return nil, err
	}
	return s.Store.GetMany(ctx, ids)
}

func (s *flakyStore) Ended(ctx context.Context, after job.Time, limit int) ([]dispatch.EndedJob, bool, error) {
	if err := s.broken(); err != nil {
		return nil, false, err
	}
	return s.Store.Ended(ctx, after, limit)
}

func (s *flakyStore) Runners(ctx context.Context, after string, limit int) ([]roster.Runner, error) {
	if err := s.broken(); err != nil {
		return nil, err
	}
	return s.Store.Runners(ctx, after, limit)
}

func (s *flakyStore) Disputed(ctx context.Context, cursor string, limit int) ([]dispatch.FinalJob, bool, error) {
	if err := s.broken(); err != nil {
		return nil, false, err
	}
	return s.Store.Disputed(ctx, cursor, limit)
}

func (s *flakyStore) Audit(ctx context.Context, before string, limit int) ([]roster.Entry, error) {
	if err := s.broken(); err != nil {
		return nil, err
	}
	return s.Store.Audit(ctx, before, limit)
}

func (s *flakyStore) Pauses(ctx context.Context) ([]roster.Pause, error) {
	if err := s.broken(); err != nil {
		return nil, err
	}
	return s.Store.Pauses(ctx)
}

func (s *flakyStore) Rejudge(ctx context.Context, id string) (rejudge.Many, bool, error) {
	if err := s.broken(); err != nil {
		return rejudge.Many{}, false, err
	}
	return s.Store.Rejudge(ctx, id)
}

func (s *flakyStore) SaveRejudge(ctx context.Context, before, after rejudge.Many, e *roster.Entry) (rejudge.Many, bool, error) {
	if err := s.broken(); err != nil {
		return rejudge.Many{}, false, err
	}
	return s.Store.SaveRejudge(ctx, before, after, e)
}

func (s *flakyStore) Rejudges(ctx context.Context, before string, limit int) ([]rejudge.Many, error) {
	if err := s.broken(); err != nil {
		return nil, err
	}
	return s.Store.Rejudges(ctx, before, limit)
}

func (s *flakyStore) Create(ctx context.Context, j job.Job) (job.Job, bool, error) {
	if err := s.broken(); err != nil {
		return job.Job{}, false, err
	}
	return s.Store.Create(ctx, j)
}

func (s *flakyStore) Problem(ctx context.Context, id int) (problem.Problem, bool, error) {
	if err := s.broken(); err != nil {
		return problem.Problem{}, false, err
	}
	return s.Store.Problem(ctx, id)
}

func (s *flakyStore) Problems(ctx context.Context, after, limit int) ([]dispatch.ListedProblem, error) {
	if err := s.broken(); err != nil {
		return nil, err
	}
	return s.Store.Problems(ctx, after, limit)
}

func (s *flakyStore) ProblemVersions(ctx context.Context, id, after, limit int) ([]dispatch.PublishedVersion, error) {
	if err := s.broken(); err != nil {
		return nil, err
	}
	return s.Store.ProblemVersions(ctx, id, after, limit)
}

// flakyQueue breaks with its store.
type flakyQueue struct {
	*memory.Queue
	store *flakyStore
}

func (q flakyQueue) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	if err := q.store.broken(); err != nil {
		return nil, err
	}
	return q.Queue.Receive(ctx, limit, hide)
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, strings.TrimSpace(string(p)))
	return logbook{}.Write(p)
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.all
	l.all = nil
	return taken
}
