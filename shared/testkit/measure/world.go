package measure

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/bill"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
	"runlease/shared/sqsqueue"
	"runlease/shared/testkit/canned"
	"runlease/shared/testkit/meter"
	"runlease/shared/testkit/zips"
)

// world is a deployment on the real adapters and AWS's SDK, with package canned
// in place of AWS. As on AWS, every route has its function, which
// remembers nothing of what the others have read.
type world struct {
	t         T
	clock     time.Time
	random    io.Reader
	backend   *canned.Backend
	meter     *meter.Meter
	store     *dynamo.Store
	auth      *auth.Verifier
	functions map[string]http.Handler
	sweep     *dispatch.Dispatcher // the sweep has no route

	dispatchers []*dispatch.Dispatcher // of all functions

	runnerToken, producerToken string
	cleared                    []meter.Call // by the last request
}

const (
	runner = "judge-07"
	bucket = "bucket"
	host   = bucket + ".s3.us-east-1.amazonaws.com"
	// problem 17 has 4 tasks of 5 cases.
	problemPath = "/problems/17"
	queueURL    = "queue"
)

// config is a function's.
func config(t T) aws.Config {
	t.Helper()
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func newWorld(t T) *world {
	t.Helper()
	w := &world{t: t, clock: time.Date(2026, 11, 2, 9, 30, 12, 345e6, time.UTC), random: rand.NewChaCha8([32]byte{1})}
	w.backend = canned.New(w.now)
	names := dynamo.Tables{Jobs: "jobs", Problems: "problems", Credentials: "credentials", Doorbell: benchTable, Fleet: "fleet"}
	w.backend.AddTables(names)
	w.backend.AddQueue(queueURL)
	w.backend.AddQueue("dead-letter")

	cfg := config(t)
	cfg.HTTPClient = &http.Client{Transport: w.backend}
	w.meter = meter.Attach(&cfg)
	urls, err := presign.New(cfg, bucket, host)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	w.store = dynamo.New(dynamodb.NewFromConfig(cfg), names)
	queue := sqsqueue.New(sqs.NewFromConfig(cfg), queueURL, "dead-letter")
	queue.Log = quiet
	artifacts := s3artifact.New(s3.NewFromConfig(cfg), urls, bucket)
	function := func() *dispatch.Dispatcher {
		d := dispatch.New(w.store, queue, artifacts)
		d.Log, d.Now, d.Random = quiet, w.now, w.random
		w.dispatchers = append(w.dispatchers, d)
		return d
	}
	w.auth = auth.NewVerifier(w.store.Credentials())
	w.auth.Now = w.now
	w.functions = map[string]http.Handler{}
	for _, route := range api.Routes() {
		a := api.New(api.Config{Dispatch: function(), Auth: w.auth, Log: quiet, RunnerRate: api.Unlimited, ProducerRate: api.Unlimited, Now: w.now})
		w.functions[route.Name], _ = a.Endpoint(route.Function)
	}
	w.sweep = function()
	w.sweep.Roster = w.store

	issue := func(g auth.Grant) string {
		token, _, err := auth.Issue(t.Context(), w.store.Credentials(), g, w.clock, w.random)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	w.runnerToken = issue(auth.Grant{Kind: auth.Runner, Name: "fleet", Fleet: true, Life: 365 * 24 * time.Hour})
	w.producerToken = issue(auth.Grant{Kind: auth.Producer, Name: "site", Scopes: []string{api.ScopeJobsWrite, api.ScopeJobsRead, api.ScopeProblemsWrite, api.ScopeOpsRead, api.ScopeOpsWrite}})
	w.pass(0)
	w.meter.Take()
	return w
}

func (w *world) now() time.Time { return w.clock }

// pass lets time pass, and lets the functions look up what they have forgotten.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock = w.clock.Add(d)
	if _, _, err := w.auth.Runner(w.t.Context(), w.runnerToken, runner); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.auth.Producer(w.t.Context(), w.producerToken, api.ScopeJobsRead); err != nil {
		w.t.Fatal(err)
	}
	w.meter.Take()
}

// do sends a request to a function, wants a status, and returns its data. What
// it cost is in w.cleared.
func (w *world) do(function string, status int, path, body string, header ...string) map[string]any {
	w.t.Helper()
	var route api.Route
	for _, r := range api.Routes() {
		if r.Name == function {
			route = r
		}
	}
	r := httptest.NewRequestWithContext(w.t.Context(), route.Method, path, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequestWithContext(w.t.Context(), route.Method, path, http.NoBody)
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if route.Caller == api.Runner {
		r.Header.Set("X-Runner-Token", w.runnerToken)
		r.Header.Set("X-Runner-Name", runner)
	} else {
		r.Header.Set("Authorization", "Bearer "+w.producerToken)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w.meter.Take()
	answer := httptest.NewRecorder()
	w.functions[function].ServeHTTP(answer, r)
	w.taken(function)
	if answer.Code != status {
		w.t.Fatalf("%s: got %d %s, want %d", function, answer.Code, answer.Body, status)
	}
	var envelope struct{ Data map[string]any }
	if answer.Header().Get("Content-Type") == "application/zip" {
		return nil
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &envelope); err != nil {
		w.t.Fatalf("%s: %v", function, err)
	}
	return envelope.Data
}

// taken keeps the calls of a request; none may have failed.
func (w *world) taken(what string) {
	w.t.Helper()
	w.cleared = w.meter.Take()
	for _, c := range w.cleared {
		if c.Failed && c.Operation != "HeadObject" || c.Refused { // that there is no object is an answer
			w.t.Fatalf("%s: %s %s failed", what, c.Operation, c.Resource)
		}
	}
}

// held is a job that the runner has claimed.
type held struct{ job, token string }

// synced is one sync of the runner: it brings results and takes jobs.
func (w *world) synced(slots int, done ...held) (jobs []held) {
	w.t.Helper()
	results := make([]string, len(done))
	for i, d := range done {
		results[i] = `{"submissionId":"` + d.job + `","token":"` + d.token + `","tasks":` + tasks("42") + `}`
	}
	data := w.sync(fmt.Sprintf(`{"slots":%d,"inline":true,"leaseSeconds":60,"active":[],"done":[%s]}`, slots, strings.Join(results, ",")))
	for _, answer := range data["done"].([]any) {
		if answer := answer.(map[string]any); answer["code"] != "ok" {
			w.t.Fatalf("a result: %v", answer)
		}
	}
	for _, claimed := range data["jobs"].([]any) {
		claimed := claimed.(map[string]any)
		jobs = append(jobs, held{claimed["submissionId"].(string), claimed["token"].(string)})
	}
	return jobs
}

// kept is one sync that keeps a lease.
func (w *world) kept(h held) {
	w.t.Helper()
	data := w.sync(`{"slots":0,"leaseSeconds":60,"done":[],"active":[{"submissionId":"` + h.job + `","token":"` + h.token + `"}]}`)
	if action := data["active"].([]any)[0].(map[string]any)["action"]; action != "continue" {
		w.t.Fatalf("job %s: %v", h.job, action)
	}
}

func (w *world) sync(body string) map[string]any {
	w.t.Helper()
	return w.do("sync", 200, "/runner/sync", body)
}

func (w *world) swept() dispatch.Swept {
	w.t.Helper()
	w.meter.Take()
	s, err := w.sweep.Sweep(context.WithoutCancel(w.t.Context()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.taken("sweep")
	return s
}

// publish makes problem 17, with test data.
func (w *world) publish() {
	w.t.Helper()
	w.do("put-problem", 201, problemPath, w.draft("65536"))
	w.upload("testdata/17/", testdata)
	w.do("publish-problem", 200, problemPath+"/publish", "")
}

func (w *world) draft(memory string) string {
	task := `{"taskScore":25,"caseCount":5,"memoryLimit":` + memory + `,"timeLimit":1000}`
	return `{"tasks":[` + strings.Join([]string{task, task, task, task}, ",") + `],"testdata":` + artifact(testdata) + `}`
}

// upload stores what a presigned URL was given out for.
func (w *world) upload(folder string, body []byte) {
	sum := sha256.Sum256(body)
	w.backend.PutObject(host, folder+digest(string(body))+".zip", body, base64.StdEncoding.EncodeToString(sum[:]))
}

var testdata = zips.TestData(5, 5, 5, 5)

func artifact(body []byte) string {
	return fmt.Sprintf(`{"size":%d,"sha256":%q}`, len(body), digest(string(body)))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// id is a submission's as document stores make them, 24 characters.
func id(n int) string { return fmt.Sprintf("6907251a3f9c4be1%08x", n) }

// codeOf is a submission's zip of that many bytes.
func codeOf(job string, size int) []byte {
	file := zips.File{Name: "main.cpp", Text: job}
	file.Text += strings.Repeat(" ", size-len(zips.Of(file)))
	return zips.Of(file)
}

func (w *world) create(job string) {
	w.t.Helper()
	code := base64.StdEncoding.EncodeToString(codeOf(job, bill.CodeBytes))
	w.do("create-job", 201, "/jobs", `{"submissionId":"`+job+`","problemId":17,"language":1,"group":"user-10442","code":"`+code+`"}`)
}

func (w *world) claim(job string) (token string) {
	w.t.Helper()
	return w.do("claim-job", 200, "/runner/jobs/"+job+"/claim", "")["token"].(string)
}

// loud is an output that, written by 20 cases, is too much for a verdict's item.
var loud = strings.Repeat("0123456789", 400)

// tasks is a result of 4 tasks of 5 cases, as JSON.
func tasks(stdout string) string {
	c := `{"exitCode":0,"status":"AC","stdout":"` + stdout + `","stderr":"","execTime":123,"memoryUsage":3456}`
	task := "[" + strings.Join([]string{c, c, c, c, c}, ",") + "]"
	return "[" + strings.Join([]string{task, task, task, task}, ",") + "]"
}

func (w *world) complete(job, token, stdout string) {
	w.t.Helper()
	w.do("complete-job", 200, "/runner/jobs/"+job+"/complete", `{"token":"`+token+`","tasks":`+tasks(stdout)+`}`)
}
