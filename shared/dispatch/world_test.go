package dispatch_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/testkit/zips"
)

// world is a Dispatcher on the memory adapters with a clock that a test moves
// and ports that it can break.
type world struct {
	*dispatch.Dispatcher
	t         *testing.T
	ctx       context.Context
	clock     time.Time
	store     *brokenStore
	queue     *brokenQueue
	artifacts *brokenArtifacts
}

// errBroken is what a broken port answers.
var errBroken = errors.New("broken on purpose")

// brokenStore fails a Save before or after it took effect.
type brokenStore struct {
	*memory.Store
	saveFails   bool
	replyIsLost bool
	meanwhile   func() // runs before each Save
}

func (s *brokenStore) Save(ctx context.Context, before, after job.Job) (job.Job, bool, error) {
	if s.meanwhile != nil {
		s.meanwhile()
	}
	if s.saveFails {
		return job.Job{}, false, errBroken
	}
	current, saved, err := s.Store.Save(ctx, before, after)
	if s.replyIsLost {
		return job.Job{}, false, errBroken
	}
	return current, saved, err
}

type brokenQueue struct {
	*memory.Queue
	ringFails, hideFails, deleteFails bool
	received                          func(messages int)
}

func (q *brokenQueue) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	got, err := q.Queue.Receive(ctx, limit, hide)
	if q.received != nil {
		q.received(len(got))
	}
	return got, err
}

func (q *brokenQueue) Ring(ctx context.Context, m job.Message) error {
	if q.ringFails {
		return errBroken
	}
	return q.Queue.Ring(ctx, m)
}

func (q *brokenQueue) Hide(ctx context.Context, h []dispatch.Hiding) error {
	if q.hideFails {
		return errBroken
	}
	return q.Queue.Hide(ctx, h)
}

func (q *brokenQueue) Delete(ctx context.Context, h []string) error {
	if slices.Contains(h, "") {
		panic("SQS refuses a request with an empty handle")
	}
	if q.deleteFails {
		return errBroken
	}
	return q.Queue.Delete(ctx, h)
}

type brokenArtifacts struct {
	*memory.Artifacts
	putFails, statFails bool
}

func (a *brokenArtifacts) Stat(ctx context.Context, key string) (job.Artifact, bool, error) {
	if a.statFails {
		return job.Artifact{}, false, errBroken
	}
	return a.Artifacts.Stat(ctx, key)
}

func (a *brokenArtifacts) Put(ctx context.Context, key string, body []byte, want job.Artifact) error {
	if a.putFails {
		return errBroken
	}
	return a.Artifacts.Put(ctx, key, body, want)
}

func (a *brokenArtifacts) PutAhead(ctx context.Context, key string, body []byte, want job.Artifact) error {
	return a.Put(ctx, key, body, want)
}

// newWorld has one published problem, 1: a task of 40 points with two cases and
// one of 60 with one.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), clock: time.Unix(1_700_000_000, 0)}
	now := func() time.Time { return w.clock }
	w.store = &brokenStore{Store: memory.NewStore()}
	w.queue = &brokenQueue{Queue: memory.NewQueue(now)}
	w.artifacts = &brokenArtifacts{Artifacts: memory.NewArtifacts("http://127.0.0.1", []byte("secret"), now)}
	w.Dispatcher = dispatch.New(w.store, w.queue, w.artifacts)
	w.Now = now
	w.Log = slog.New(slog.DiscardHandler)

	testdata := zips.TestData(2, 1)
	content := problem.Content{
		Tasks: []judge.Task{
			{Score: 40, Cases: 2, MemoryLimit: 65536, TimeLimit: 1000},
			{Score: 60, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000},
		},
		Testdata: measure(testdata),
	}
	if _, _, err := w.PutProblem(w.ctx, 1, content, ""); err != nil {
		t.Fatal(err)
	}
	must(t, w.artifacts.Put(w.ctx, "testdata/1/"+content.Testdata.SHA256+".zip", testdata, content.Testdata))
	if _, changed, answer, err := w.Publish(w.ctx, 1); err != nil || !changed || !answer.OK() {
		t.Fatal(changed, answer, err)
	}
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func measure(body []byte) job.Artifact {
	sum := sha256.Sum256(body)
	return job.Artifact{Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

func (w *world) pass(d time.Duration) { w.clock = w.clock.Add(d) }

func inline(id string) dispatch.CreateRequest {
	code := zips.Code(id)
	return dispatch.CreateRequest{CreateOp: job.CreateOp{ID: id, Problem: 1, Code: measure(code)}, Inline: code}
}

func (w *world) create(id string) {
	w.t.Helper()
	_, answer, err := w.Create(w.ctx, inline(id))
	w.granted(answer, err)
}

func (w *world) granted(answer dispatch.Answer, err error) {
	w.t.Helper()
	if err != nil || !answer.OK() {
		w.t.Fatalf("got %q %q, %v", answer.Outcome, answer.Detail, err)
	}
}

func (w *world) refused(want job.Outcome, answer dispatch.Answer, err error) {
	w.t.Helper()
	if err != nil || answer.Outcome != want {
		w.t.Fatalf("got %q %q, %v; want %q", answer.Outcome, answer.Detail, err, want)
	}
}

// listed returns the ids that a list shows.
func (w *world) listed() []string {
	w.t.Helper()
	l, _, err := w.List(w.ctx, job.Candidate{Runner: "lister"}, 10)
	must(w.t, err)
	ids := []string{}
	for _, j := range l.Jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

func (w *world) claim(id, runner string) dispatch.Claimed {
	w.t.Helper()
	c, answer, err := w.Claim(w.ctx, dispatch.ClaimRequest{ID: id, Runner: runner, LeaseSeconds: new(60)})
	w.granted(answer, err)
	return c
}

func (w *world) get(id string) job.Job {
	w.t.Helper()
	j, answer, err := w.Get(w.ctx, id)
	w.granted(answer, err)
	return j
}

// result is a legal result in which every case has a status.
func result(status string) []byte {
	c := `{"exitCode":0,"status":"` + status + `","stdout":"out","stderr":"","execTime":3,"memoryUsage":9}`
	return []byte("[[" + c + "," + c + "],[" + c + "]]")
}

// noise is too much, and too little alike, to go with a verdict.
var noise = func() string {
	random := rand.NewChaCha8([32]byte{1})
	b := make([]byte, 3<<10)
	random.Read(b)
	return hex.EncodeToString(b)
}()

// loud is result with outputs that are kept in an object.
func loud(status string) []byte {
	return bytes.ReplaceAll(result(status), []byte(`"stdout":"out"`), []byte(`"stdout":"`+noise+`"`))
}

// unzipped is the files of the zip behind a presigned URL.
func (w *world) unzipped(presigned string) map[string]string {
	w.t.Helper()
	at, err := url.Parse(presigned)
	must(w.t, err)
	reply := httptest.NewRecorder()
	w.artifacts.ServeHTTP(reply, httptest.NewRequest(http.MethodGet, at.RequestURI(), nil))
	z, err := zip.NewReader(bytes.NewReader(reply.Body.Bytes()), int64(reply.Body.Len()))
	must(w.t, err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		must(w.t, err)
		text, err := io.ReadAll(r)
		must(w.t, err)
		files[f.Name] = string(text)
	}
	return files
}

func report(c dispatch.Claimed, tasks []byte) dispatch.CompleteRequest {
	return dispatch.CompleteRequest{
		ID: c.Job.ID, Runner: c.Job.Claim.Runner, TokenHash: auth.Hash(c.Token), Tasks: tasks,
	}
}

// messages counts all messages, the hidden ones too.
func (w *world) messages() int {
	w.t.Helper()
	clock := w.clock
	w.pass(24 * time.Hour)
	n, err := w.queue.Depth(w.ctx)
	w.clock = clock
	must(w.t, err)
	return n.Visible
}

// visible counts the messages that are not hidden.
func (w *world) visible() int {
	w.t.Helper()
	n, err := w.queue.Depth(w.ctx)
	must(w.t, err)
	return n.Visible
}

// fixedRandom makes the same tokens in every run.
func fixedRandom() io.Reader { return bytes.NewReader(bytes.Repeat([]byte("random bytes "), 1000)) }
