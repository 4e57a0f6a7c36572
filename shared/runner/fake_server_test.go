package runner

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runlease/shared/judging"
	"runlease/shared/runner/cache"
	"runlease/shared/runner/execute"
	"runlease/shared/runner/spool"
)

func TestMain(m *testing.M) {
	execute.Shim()
	goleak.VerifyTestMain(m)
}

const (
	apiHost     = "http://api.test"
	storageHost = "http://storage.test"
	token       = "rlr_secret"
	name        = "runner-1"
)

// fakeServer is the API and the storage behind it. Its replies are the wire
// contract's; a test changes single ones by on.
type fakeServer struct {
	t *testing.T

	mu       sync.Mutex
	queue    []string          // ids of jobs that are listed
	claims   map[string]string // id: token of the current claim
	attempts map[string]int
	results  map[string]complete // accepted
	released map[string]string   // id: reason
	objects  map[string][]byte   // storage
	code     []byte
	testData []byte
	checker  judging.Checker
	tasks    []execute.Task
	poll     float64
	noRefs   bool              // claims do not say where code and test data are
	inlined  []byte            // what claims have as their code, in place of where it is
	compat   bool              // the runners of this server do without sync
	verdicts map[string]string // of results in a sync, by id, in place of ok
	actions  map[string]string // in a sync, by id, in place of continue
	urls     int               // presigned so far
	barred   string            // why a sync gets no jobs
	requests []request
	hooks    map[string]hook
	bell     *bell // nil: no doorbell
}

type request struct {
	what   string // as hooks: "list", "claim", ..., "storage GET"
	at     time.Time
	header http.Header
	body   []byte
}

// hook may answer a request in the server's place; false if it does not.
type hook func(w http.ResponseWriter, r *http.Request) bool

func newFakeServer(t *testing.T) *fakeServer {
	return &fakeServer{
		t: t, claims: map[string]string{}, attempts: map[string]int{}, results: map[string]complete{}, released: map[string]string{},
		objects: map[string][]byte{}, hooks: map[string]hook{}, verdicts: map[string]string{}, actions: map[string]string{}, poll: 5,
		code:     pack(t, map[string]string{"main.py": "print(input())"}),
		testData: pack(t, map[string]string{"0000.in": "1", "0000.out": "1"}),
		tasks:    []execute.Task{{CaseCount: 1, MemoryLimit: 65536, TimeLimit: 5000}},
	}
}

func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func shaOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (s *fakeServer) on(what string, h hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks[what] = h
}

// refuse makes a hook of an error reply.
func refuse(status int, code, message string) hook {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		send(w, status, nil, message, code)
		return true
	}
}

// refuseStorage refuses as storage does.
func refuseStorage(status int) hook {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		code := map[int]string{403: "AccessDenied", 404: "NoSuchKey", 412: alreadyThere}[status]
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<?xml version=\"1.0\"?>\n<Error><Code>"+cmp.Or(code, "InternalError")+"</Code><Message>no</Message></Error>")
		return true
	}
}

var away = refuse(503, "", "")

// times lets a hook answer the first n requests only.
func times(n int, h hook) hook {
	return func(w http.ResponseWriter, r *http.Request) bool {
		n--
		return n >= 0 && h(w, r)
	}
}

func send(w http.ResponseWriter, status int, data any, message, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", "req-1")
	w.WriteHeader(status)
	body := map[string]any{"data": data, "message": message, "status": "ok"}
	if status >= 400 {
		body["status"], body["code"] = "err", code
	}
	_ = json.NewEncoder(w).Encode(body)
}

// ServeHTTP handles one request at a time.
func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	isStorage := strings.HasPrefix(r.URL.Path, "/storage/")
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	what, id := "storage "+r.Method, ""
	if !isStorage {
		switch {
		case len(parts) == 2 && parts[1] == "jobs":
			what = "list"
		case len(parts) == 2:
			what = parts[1]
		case len(parts) == 4:
			id, what = parts[2], parts[3]
		}
		if r.Header.Get("X-Runner-Token") != token || r.Header.Get("X-Runner-Name") != name {
			s.t.Errorf("%s without the runner's headers", what)
		}
	} else {
		for header, values := range r.Header {
			if strings.HasPrefix(header, "X-Runner") || header == "X-Claim-Token" || header == "Authorization" || slices.Contains(values, token) {
				s.t.Errorf("storage sees the header %s", header)
			}
		}
	}
	s.requests = append(s.requests, request{what, time.Now(), r.Header.Clone(), body})
	if h := s.hooks[what]; h != nil && h(w, r) {
		return
	}
	var in struct {
		SubmissionID string           `json:"submissionId"`
		LeaseSeconds int              `json:"leaseSeconds"`
		Token        string           `json:"token"`
		Reason       string           `json:"reason"`
		SHA256       string           `json:"sha256"`
		Tasks        [][]execute.Case `json:"tasks"`
		Outputs      *uploaded        `json:"outputs"`
		syncBody
	}
	if !isStorage && len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			s.t.Errorf("%s: %v", what, err)
		}
	}
	held := func(token string) bool {
		switch {
		case s.claims[id] == "":
			send(w, 403, nil, "not claimed by this runner", "not_claimed_by_runner")
			return false
		case s.claims[id] != token:
			send(w, 403, nil, "invalid submission token", "invalid_submission_token")
			return false
		}
		return true
	}
	switch what {
	case "list":
		jobs := []listed{}
		for _, id := range s.queue {
			if len(jobs) < limitOf(s.t, r) {
				jobs = append(jobs, listed{id})
			}
		}
		send(w, 200, map[string]any{"jobs": jobs, "pollSeconds": s.poll}, "ok", "")
	case "claim":
		if !in.Inline {
			s.t.Error("a claim does not take code inline")
		}
		if !slices.Contains(s.queue, id) {
			send(w, 409, nil, "already claimed by another runner", "already_claimed")
			return
		}
		send(w, 200, s.claim(id, in.LeaseSeconds), "job claimed", "")
	case "sync":
		if !in.Inline {
			s.t.Error("a sync does not take code inline")
		}
		send(w, 200, s.sync(in.syncBody, in.LeaseSeconds), "ok", "")
	case "code", "testdata":
		if r.Header.Get("Accept") != "application/json" {
			s.t.Errorf("%s does not ask for JSON", what)
		}
		if !held(r.Header.Get("X-Claim-Token")) {
			return
		}
		send(w, 200, s.ref(what, map[string][]byte{"code": s.code, "testdata": s.testData}[what]), "ok", "")
	case "heartbeat":
		id = in.SubmissionID
		if held(r.Header.Get("X-Claim-Token")) {
			send(w, 200, map[string]any{"action": "continue"}, "heartbeat received", "")
		}
	case "outputs":
		if held(in.Token) {
			send(w, 200, map[string]any{"upload": upload{storageHost + "/storage/outputs/" + in.SHA256, "PUT", map[string]string{"X-Amz-Checksum-Sha256": in.SHA256, "If-None-Match": "*"}}}, "ok", "")
		}
	case "complete":
		if held(in.Token) {
			s.results[id] = complete{in.Token, in.Tasks, in.Outputs}
			send(w, 200, nil, "submission ["+id+"] result received.", "")
		}
	case "release":
		if held(in.Token) {
			s.released[id] = in.Reason
			delete(s.claims, id)
			send(w, 200, nil, "job released", "")
		}
	case "retire":
		send(w, 200, map[string]any{"retired": true, "holds": []string{}}, "ok", "")
	case "storage GET":
		object, ok := s.objects[r.URL.Path]
		if !ok {
			refuseStorage(403)(w, r)
			return
		}
		_, _ = w.Write(object)
	case "storage PUT":
		if r.Header.Get("X-Amz-Checksum-Sha256") != shaOf(body) || r.Header.Get("If-None-Match") != "*" {
			refuseStorage(403)(w, r)
			return
		}
		if s.objects[r.URL.Path] != nil {
			refuseStorage(412)(w, r)
			return
		}
		s.objects[r.URL.Path] = body
	default:
		s.t.Errorf("unknown route %s %s", r.Method, r.URL.Path)
	}
}

// claim gives the next claim of a queued job out.
func (s *fakeServer) claim(id string, lease int) map[string]any {
	at := slices.Index(s.queue, id)
	s.queue = slices.Delete(s.queue, at, at+1)
	s.attempts[id]++
	s.claims[id] = fmt.Sprintf("claim-%s-%d", id, s.attempts[id])
	data := map[string]any{
		"submissionId": id, "problemId": 7, "language": execute.Python, "token": s.claims[id],
		"meta":    map[string]any{"language": execute.Python, "tasks": s.tasks, "checker": s.checker},
		"attempt": s.attempts[id], "generation": 1, "leaseSeconds": lease, "heartbeatSeconds": lease / 3,
	}
	if !s.noRefs {
		data["code"], data["testdata"] = s.ref("code", s.code), s.ref("testdata", s.testData)
		if s.inlined != nil {
			data["code"] = map[string]any{"inline": s.inlined, "size": len(s.code), "sha256": shaOf(s.code)}
		}
	}
	return data
}

// syncBody is what a sync says beside its leaseSeconds.
type syncBody struct {
	Slots  int `json:"slots"`
	Inline bool
	Done   []done
	Active []active
	Seat   int64
}

func (s *fakeServer) sync(in syncBody, lease int) map[string]any {
	if in.Slots < 0 || in.Slots > 10 || in.Done == nil || in.Active == nil || lease == 0 || len(in.Done)+len(in.Active)+in.Slots == 0 {
		s.t.Errorf("sync with %d slots, lease %d, %d done, %d active", in.Slots, lease, len(in.Done), len(in.Active))
	}
	judged := func(id, token, verdict string) string {
		switch {
		case s.claims[id] == "":
			return "not_claimed_by_runner"
		case s.claims[id] != token:
			return "invalid_submission_token"
		}
		return verdict
	}
	results, beats, jobs := []map[string]string{}, []map[string]string{}, []map[string]any{}
	seen := map[string]bool{}
	once := func(id string) {
		if seen[id] {
			s.t.Errorf("%s is in a sync twice", id)
		}
		seen[id] = true
	}
	for _, d := range in.Done {
		once(d.ID)
		code := judged(d.ID, d.Token, cmp.Or(s.verdicts[d.ID], "ok"))
		if code == "ok" {
			s.results[d.ID] = d.complete
		}
		results = append(results, map[string]string{"submissionId": d.ID, "code": code, "message": "about " + d.ID})
	}
	for _, a := range in.Active {
		once(a.ID)
		action := cmp.Or(s.actions[a.ID], "continue")
		if judged(a.ID, a.Token, "ok") != "ok" {
			action = "lost"
		}
		beats = append(beats, map[string]string{"submissionId": a.ID, "action": action})
	}
	for s.barred == "" && len(jobs) < in.Slots && len(s.queue) > 0 {
		jobs = append(jobs, s.claim(s.queue[0], lease))
	}
	data := map[string]any{"done": results, "active": beats, "jobs": jobs, "pollSeconds": s.poll, "heartbeatSeconds": lease / 3}
	if s.barred != "" {
		data["barred"] = s.barred
	}
	if s.bell != nil {
		s.bell.visit(data, in)
	}
	return data
}

func limitOf(t *testing.T, r *http.Request) int {
	var n int
	if _, err := fmt.Sscan(r.URL.Query().Get("limit"), &n); err != nil || n < 1 || n > 10 {
		t.Errorf("limit %q", r.URL.Query().Get("limit"))
	}
	return n
}

// ref presigns a new URL each time it is asked.
func (s *fakeServer) ref(what string, object []byte) download {
	s.urls++
	path := fmt.Sprintf("/storage/%s/%d", what, s.urls)
	s.objects[path] = object
	return download{URL: storageHost + path, Size: int64(len(object)), SHA256: shaOf(object), ExpiresIn: 300}
}

// seen returns the requests of a kind.
func (s *fakeServer) seen(what string) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []request
	for _, r := range s.requests {
		if r.what == what {
			found = append(found, r)
		}
	}
	return found
}

func (s *fakeServer) add(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, ids...)
}

func (s *fakeServer) result(id string) (complete, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.results[id]
	return r, ok
}

func (s *fakeServer) reason(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.released[id]
}

// RoundTrip answers without a network, so that synctest knows when all waits.
func (s *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Header.Get("Upgrade") != "" {
		return s.bell.RoundTrip(r)
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil { // gave up waiting
		return nil, err
	}
	if recorder.Header().Get("Break") != "" {
		return nil, errors.New("connection reset by peer")
	}
	return recorder.Result(), nil
}

// broken makes a hook of no reply at all.
func broken(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Break", "yes")
	return true
}

// execution is an executor made of a function.
type execution func(ctx context.Context, in execute.Input) ([][]execute.Case, error)

func (e execution) Run(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
	if err := in.AwaitAll(); err != nil {
		return nil, err
	}
	return e(ctx, in)
}

// accept takes a time and accepts.
func accept(d time.Duration) execution {
	return func(ctx context.Context, in execute.Input) ([][]execute.Case, error) {
		if err := sleep(ctx, d); err != nil {
			return nil, err
		}
		return execute.Same(in.Tasks, execute.AC, ""), nil
	}
}

func newRunner(t *testing.T, s *fakeServer, dir string, e Executor) *Runner {
	t.Helper()
	client, err := NewClient(apiHost, token, name, s)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	testData, err := cache.Open(dir+"/cache", 1<<20, log)
	if err != nil {
		t.Fatal(err)
	}
	results, err := spool.Open(dir + "/spool")
	if err != nil {
		t.Fatal(err)
	}
	running := dir + "/running"
	if err := os.MkdirAll(running, 0o700); err != nil {
		t.Fatal(err)
	}
	return &Runner{
		Client: client, Executor: e, Cache: testData, Spool: results, Dir: running,
		Slots: 2, Lease: time.Minute, Grace: 15 * time.Second, Compat: s.compat, Log: log,
	}
}

// spooled lists what is on disk.
func spooled(t *testing.T, r *Runner) []spool.Result {
	t.Helper()
	results, err := r.Spool.List(nil)
	if err != nil {
		t.Fatal(err)
	}
	return results
}
