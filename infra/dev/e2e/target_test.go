// Package e2e runs one suite against the API from outside, over HTTP: against
// the embedded server (go test), and against a deployment whose line of JSON is
// in the file that RUNLEASE_TARGET names (make test-e2e).
// Every exchange is held against openapi.yaml.
package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"runlease/shared/testkit/contract"
	"runlease/shared/testkit/program"
	"runlease/shared/testkit/wire"
	"runlease/shared/testkit/zips"
)

// target is what the suite runs against.
type target struct {
	URL           string `json:"url"`
	RunnerToken   string `json:"runnerToken"`
	ProducerToken string `json:"producerToken"`

	kind  string // embedded, localstack or ministack: the name of the file
	lease int    // the shortest lease that a claim may ask for, seconds
}

var at target

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	file := os.Getenv("RUNLEASE_TARGET")
	if file == "" {
		stop, err := startEmbedded()
		if err != nil {
			return 1, err
		}
		defer stop()
	} else {
		line, err := os.ReadFile(file)
		if err != nil {
			return 1, fmt.Errorf("no deployment: %w", err)
		}
		if err := json.Unmarshal(line, &at); err != nil {
			return 1, fmt.Errorf("read %s: %w", file, err)
		}
		at.kind, at.lease = strings.TrimSuffix(filepath.Base(file), ".json"), 30
	}
	if code = m.Run(); code != 0 || flag.Lookup("test.run").Value.String() != "" {
		return code, nil
	}
	return 0, allSeen()
}

// startEmbedded runs the server as a user does, with leases that are short, and longer
// than a busy machine takes for a few requests.
func startEmbedded() (stop func(), err error) {
	dir, err := os.MkdirTemp("", "runlease-e2e-")
	if err != nil {
		return nil, err
	}
	if err := program.Build(dir, "local"); err != nil {
		return nil, err
	}
	server := exec.Command(filepath.Join(dir, "local"), "-lease", "5s", "-pools", "default,exam")
	server.Stderr = os.Stderr
	at.kind, at.lease = "embedded", 5
	return func() {
		program.End(server)
		_ = os.RemoveAll(dir)
	}, program.Serve(server, &at)
}

// client speaks to the target; its exchanges are checked.
type client struct {
	t    *testing.T
	http *http.Client
}

// patience covers the cold start of a function on an emulator of a busy machine.
const patience = 60 * time.Second

func newClient(t *testing.T) *client {
	t.Helper()
	return &client{t, &http.Client{
		Timeout:   patience,
		Transport: &contract.Transport{T: t, Server: at.URL, Except: []string{"/blobs/"}},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// reply is a reply with its envelope read.
type reply = wire.Reply

// request is one request; a nil body sends none.
type request struct {
	method, path string
	body         any
	header       map[string]string
}

func (c *client) do(r request) reply {
	c.t.Helper()
	headers := []string{"Authorization", ""}
	for name, value := range r.header {
		headers = append(headers, name, value)
	}
	api := wire.Client{URL: at.URL, ProducerToken: at.ProducerToken, HTTP: c.http}
	out, err := api.Do(context.Background(), r.method, r.path, "", r.body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	if id, _ := out.Data["submissionId"].(string); out.Status == http.StatusCreated && r.path == "/jobs" {
		// A job that waits for ever keeps its queue from falling silent, for which another test waits.
		c.t.Cleanup(func() {
			_, _ = api.Do(context.Background(), "POST", "/jobs/"+id+"/cancel", "", nil)
		})
	}
	if len(out.Text) > 0 && !json.Valid(out.Text) && out.Header.Get("Content-Type") != "application/zip" {
		c.t.Fatalf("%s %s, %d: no JSON: %.200q", r.method, r.path, out.Status, out.Text)
	}
	return out
}

// as adds a runner's headers; other headers may follow as name, value.
func as(runner string, more ...string) map[string]string {
	h := map[string]string{"X-Runner-Token": at.RunnerToken, "X-Runner-Name": runner}
	for i := 0; i < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

func producer() map[string]string {
	return map[string]string{"Authorization": "Bearer " + at.ProducerToken}
}

// want does a request and expects a status and, of a refusal, a code.
func (c *client) want(status int, code string, r request) reply {
	c.t.Helper()
	got := c.do(r)
	if got.Status != status || got.Code != code {
		c.t.Fatalf("%s %s: got %d %q %q, want %d %q", r.method, r.path, got.Status, got.Code, got.Message, status, code)
	}
	return got
}

// fresh makes an id that no other run has.
func fresh(kind string) string {
	var b [6]byte
	rand.Read(b[:])
	return kind + "-" + hex.EncodeToString(b[:])
}

func freshProblem() int {
	n, _ := rand.Int(rand.Reader, big.NewInt(1<<31-2))
	return int(n.Int64()) + 1
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

var oneTask = []map[string]int{{"taskScore": 100, "caseCount": 1, "memoryLimit": 65536, "timeLimit": 1000}}

// published makes a problem without test data.
func (c *client) published() int {
	c.t.Helper()
	id := freshProblem()
	c.want(201, "", request{"PUT", fmt.Sprintf("/problems/%d", id), map[string]any{"tasks": oneTask}, producer()})
	c.want(200, "", request{"POST", fmt.Sprintf("/problems/%d/publish", id), nil, producer()})
	return id
}

func inline(id string, problem int) map[string]any {
	return map[string]any{
		"submissionId": id, "problemId": problem, "language": 2, "group": "e2e",
		"code": zips.Inline(id),
	}
}

// queued makes a job of a problem.
func (c *client) queued(problem int) string {
	c.t.Helper()
	id := fresh("job")
	c.want(201, "", request{"POST", "/jobs", inline(id, problem), producer()})
	return id
}

// claimed claims a job for the shortest lease and returns the claim token.
func (c *client) claimed(id, runner string) string {
	c.t.Helper()
	got := c.want(200, "", request{"POST", "/runner/jobs/" + id + "/claim", map[string]any{"leaseSeconds": at.lease}, as(runner)})
	return got.Data["token"].(string)
}

func result(token, status string) map[string]any {
	return map[string]any{"token": token, "tasks": [][]map[string]any{{{
		"exitCode": 0, "status": status, "stdout": "out", "stderr": "", "execTime": 12, "memoryUsage": 3456,
	}}}}
}

// job reads a job.
func (c *client) job(id string) map[string]any {
	c.t.Helper()
	return c.want(200, "", request{"GET", "/jobs/" + id, nil, producer()}).Data
}

// listings is what all tests have seen listed, and when: a list hides its jobs
// from the others' lists, so tests that wait in parallel share what they see.
var listings = struct {
	sync.Mutex
	at map[string]time.Time
}{at: map[string]time.Time{}}

// lists counts them. Each is by another runner: a runner that lists and never claims is
// shown less and less.
var lists atomic.Int64

// list lists once and notes what it sees.
func (c *client) list() (ids []string) {
	c.t.Helper()
	for _, j := range c.want(200, "", request{"GET", "/runner/jobs?limit=10", nil, as(fmt.Sprint("lister-", lists.Add(1)))}).Data["jobs"].([]any) {
		ids = append(ids, j.(map[string]any)["submissionId"].(string))
	}
	listings.Lock()
	defer listings.Unlock()
	for _, id := range ids {
		listings.at[id] = time.Now()
	}
	return ids
}

// listedWithin polls until a job is listed, by this test or by another one.
func (c *client) listedWithin(id string, limit time.Duration) time.Duration {
	c.t.Helper()
	began := time.Now()
	for time.Since(began) < limit {
		c.list()
		listings.Lock()
		seen := listings.at[id]
		listings.Unlock()
		if seen.After(began) {
			return seen.Sub(began)
		}
		time.Sleep(time.Second)
	}
	c.t.Fatalf("%s is not listed within %s", id, limit)
	return 0
}

// able skips a test that the target cannot run, by the table of reasons alone.
func able(t *testing.T, what string) {
	t.Helper()
	if reason := cannot[at.kind][what]; reason != "" {
		t.Skip(reason)
	}
}

// send uploads bytes as an upload asks for, with a client that knows nothing else.
func (c *client) send(upload any, body []byte) int {
	c.t.Helper()
	status, err := wire.Upload(context.Background(), nil, upload, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return status
}

// fetch downloads a URL.
func (c *client) fetch(url string) (int, []byte) {
	c.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, body
}
