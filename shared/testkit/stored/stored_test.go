package stored

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
	"runlease/shared/runner/spool"
	"runlease/shared/sqsqueue"
	"runlease/shared/testkit/canned"
)

// versions are the folders of testdata, and what their files mean.
var versions = map[string]meaning{"24b93b5": v24b93b5(), "70e0067": v70e0067(), "e3fb212": ve3fb212(), "036ac8e": v036ac8e()}

// meaning is what one version stored, in the words of the code as it is now.
type meaning struct {
	jobs        []job.Job
	mark        dispatch.Mark
	problems    []problem.Problem
	versions    map[int]problem.Content // of the last of problems
	credentials []auth.Credential       // without their IDs
	tokens      map[auth.Kind]string
	messages    []job.Message
	tasks       []judge.TaskVerdict // that the record of every judged result says
	keys        map[string]string   // of objects
	owed        spool.Result        // by a runner
	runners     []roster.Runner
	pauses      []roster.Pause // with the first acts of audit
	rejudges    []rejudge.Many // with the following ones
	audit       []roster.Entry // in the order of time
}

// files are what a version stored, in the words of DynamoDB, SQS and S3.
type files struct {
	Jobs, Problems, Credentials map[string]json.RawMessage // items by key
	Fleet                       []json.RawMessage          `json:",omitempty"`
	Messages                    []json.RawMessage
	Tokens                      map[auth.Kind]string
	Keys                        map[string]string
}

var write = flag.String("write", "", "write the files of this version")

// now is a moment at which the stored claim has its lease.
var now = time.UnixMilli(1_793_612_412_345).Add(11 * time.Minute)

// world is the real adapters with package canned in place of AWS.
type world struct {
	t       *testing.T
	backend *canned.Backend
	store   *dynamo.Store
	queue   *sqsqueue.Queue
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, backend: canned.New(func() time.Time { return now })}
	names := dynamo.Tables{Jobs: "jobs", Problems: "problems", Credentials: "credentials", Fleet: "fleet"}
	w.backend.AddTables(names)
	w.backend.AddQueue("queue")
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}[name]
	})
	must(t, err)
	cfg.HTTPClient = &http.Client{Transport: w.backend}
	w.store = dynamo.New(dynamodb.NewFromConfig(cfg), names)
	w.queue = sqsqueue.New(sqs.NewFromConfig(cfg), "queue", "")
	return w
}

// raw sends a request past the adapters and returns the reply's field.
func (w *world) raw(operation string, in any, field string) json.RawMessage {
	w.t.Helper()
	body, err := json.Marshal(in)
	must(w.t, err)
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://aws", bytes.NewReader(body))
	must(w.t, err)
	r.Header.Set("X-Amz-Target", operation)
	reply, err := w.backend.RoundTrip(r)
	must(w.t, err)
	text, err := io.ReadAll(reply.Body)
	must(w.t, err)
	var out map[string]json.RawMessage
	must(w.t, json.Unmarshal(text, &out))
	if reply.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", operation, text)
	}
	return out[field]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(job.Languages{}, job.Pools{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func fixedToken(kind auth.Kind, b byte) string {
	token, err := auth.New(kind, bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		panic(err)
	}
	return token
}

// keysOnly hands out the keys themselves, and of objects it keeps the texts in
// the last zip.
type keysOnly struct {
	dispatch.Artifacts
	texts string
}

func (*keysOnly) GetURL(_ context.Context, key, _ string) (string, error) { return key, nil }

func (*keysOnly) Stat(context.Context, string) (job.Artifact, bool, error) {
	return job.Artifact{}, false, nil
}

func (k *keysOnly) Put(_ context.Context, _ string, body []byte, _ job.Artifact) error {
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return err
	}
	k.texts = ""
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		k.texts += string(text) + "|"
	}
	return nil
}

// objectKeys are the keys that the use cases build for the stored jobs; of
// outputs that are kept with their verdict, the texts.
func (w *world) objectKeys(m meaning) map[string]string {
	w.t.Helper()
	objects := &keysOnly{}
	d := dispatch.New(w.store, w.queue, objects)
	d.Now, d.Log = func() time.Time { return now }, slog.New(slog.DiscardHandler)
	keys := map[string]string{}
	for name := range m.keys {
		what, id, _ := strings.Cut(name, " of ")
		var got dispatch.Download
		var answer dispatch.Answer
		var err error
		switch hash := auth.Hash(m.tokens[auth.Claim]); what {
		case "code":
			got, answer, err = d.Code(w.t.Context(), id, "judge-07", hash, true)
		case "testdata":
			got, answer, err = d.Testdata(w.t.Context(), id, "judge-07", hash)
		case "outputs":
			got, answer, err = d.Outputs(w.t.Context(), id)
		case "texts":
			_, answer, err = d.Outputs(w.t.Context(), id)
			got.URL = objects.texts
		}
		if err != nil || !answer.OK() {
			w.t.Fatalf("%s: %v, error %v", name, answer, err)
		}
		keys[name] = got.URL
	}
	return keys
}

func TestStoredByEveryVersionIsReadable(t *testing.T) {
	folders, err := filepath.Glob("testdata/*")
	must(t, err)
	if len(folders) != len(versions) {
		t.Errorf("%d folders, %d versions", len(folders), len(versions))
	}
	for version, m := range versions {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t)
			text, err := os.ReadFile(filepath.Join("testdata", version, "stored.json"))
			must(t, err)
			var f files
			must(t, json.Unmarshal(text, &f))
			for table, items := range map[string]map[string]json.RawMessage{"jobs": f.Jobs, "problems": f.Problems, "credentials": f.Credentials} {
				for _, it := range items {
					w.raw("DynamoDB_20120810.PutItem", map[string]any{"TableName": table, "Item": it}, "")
				}
			}
			for _, it := range f.Fleet {
				w.raw("DynamoDB_20120810.PutItem", map[string]any{"TableName": "fleet", "Item": it}, "")
			}
			for _, message := range f.Messages {
				w.raw("AmazonSQS.SendMessage", message, "")
			}
			w.reads(t, m)
			same(t, "keys of objects", m.keys, w.objectKeys(m))
			same(t, "written keys of objects", m.keys, f.Keys)
			same(t, "tokens", m.tokens, f.Tokens)
			for kind, token := range f.Tokens {
				if !auth.WellFormed(kind, token) {
					t.Errorf("the %s token is not well-formed", kind)
				}
			}
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", version, "spool"))))
			owed, err := spool.Open(dir)
			must(t, err)
			results, err := owed.List(nil)
			must(t, err)
			same(t, "spool", []spool.Result{m.owed}, results)
		})
	}
}

// reads compares what the adapters read with what is meant.
func (w *world) reads(t *testing.T, m meaning) {
	t.Helper()
	ctx := t.Context()
	var open, listed []string
	for _, want := range m.jobs {
		got, found, err := w.store.Get(ctx, want.ID)
		if err != nil || !found {
			t.Fatalf("job %s: found %v, error %v", want.ID, found, err)
		}
		same(t, "job "+want.ID, want, got)
		if want.Result != nil && want.Result.Attempt > 0 {
			tasks, err := judge.ReadRecord(got.Result.Tasks)
			must(t, err)
			same(t, "verdict of "+want.ID, m.tasks, tasks)
		}
		if want.Open() {
			open = append(open, want.ID)
		}
	}
	for shard := range dispatch.Shards {
		page, _, err := w.store.Open(ctx, shard, "", 100)
		must(t, err)
		for _, o := range page {
			listed = append(listed, o.ID)
		}
	}
	slices.Sort(open)
	slices.Sort(listed)
	same(t, "open jobs", open, listed)
	mark, err := w.store.Mark(ctx)
	must(t, err)
	same(t, "mark", m.mark, mark)

	var known []dispatch.ListedProblem // by an index that is younger than the oldest of them
	for _, want := range m.problems {
		known = append(known, dispatch.ListedProblem{ID: want.ID, Version: want.Version})
	}
	slices.SortFunc(known, func(a, b dispatch.ListedProblem) int { return a.ID - b.ID })
	page, err := w.store.Problems(ctx, 0, 100)
	must(t, err)
	same(t, "list of problems", known, page)
	for _, want := range m.problems {
		got, _, err := w.store.Problem(ctx, want.ID)
		must(t, err)
		same(t, "problem "+strconv.Itoa(want.ID), want, got)
	}
	for number, want := range m.versions {
		got, _, err := w.store.ProblemVersion(ctx, m.problems[len(m.problems)-1].ID, number)
		must(t, err)
		same(t, "problem version "+strconv.Itoa(number), want, got)
	}

	credentials, _, err := w.store.Credentials().List(ctx, "", 100)
	must(t, err)
	if len(credentials) != len(m.credentials) {
		t.Errorf("%d credentials are listed, want %d", len(credentials), len(m.credentials))
	}
	for _, want := range m.credentials {
		got, _, err := w.store.Credentials().Lookup(ctx, want.Hash)
		must(t, err)
		want.ID = auth.IDOf(want.Hash)
		same(t, "credential "+want.Name, want, got)
	}

	runners, err := w.store.Runners(ctx, "", 100)
	must(t, err)
	same(t, "records of runners", m.runners, runners)
	pauses, err := w.store.Pauses(ctx)
	must(t, err)
	same(t, "pauses", m.pauses, pauses)
	rejudges, err := w.store.Rejudges(ctx, "", 100)
	must(t, err)
	slices.Reverse(rejudges) // the last that began is in front
	same(t, "rejudges of many", m.rejudges, rejudges)
	running, err := w.store.RunningRejudges(ctx, 100)
	must(t, err)
	for _, r := range m.rejudges {
		if r.Running() != slices.Contains(running, r.ID) {
			t.Errorf("rejudge %s is %s, those that run are %v", r.ID, r.State, running)
		}
	}
	audit, err := w.store.Audit(ctx, "", 100)
	must(t, err)
	slices.Reverse(audit)
	same(t, "audit", m.audit, audit)

	var messages []job.Message
	received, err := w.queue.Receive(ctx, 10, time.Minute)
	must(t, err)
	for _, r := range received {
		messages = append(messages, r.Message)
	}
	same(t, "messages", m.messages, messages)
}

// TestWrite writes the files of a version with the adapters.
func TestWrite(t *testing.T) {
	if *write == "" {
		return // the files are there
	}
	m, known := versions[*write]
	if !known {
		t.Fatalf("no version %s", *write)
	}
	w, ctx := newWorld(t), t.Context()
	f := files{Jobs: map[string]json.RawMessage{}, Problems: map[string]json.RawMessage{}, Credentials: map[string]json.RawMessage{}, Tokens: m.tokens}
	item := func(table string, key map[string]any) json.RawMessage {
		return w.raw("DynamoDB_20120810.GetItem", map[string]any{"TableName": table, "Key": key}, "Item")
	}
	text := func(s string) map[string]string { return map[string]string{"S": s} }
	number := func(n int) map[string]string { return map[string]string{"N": strconv.Itoa(n)} }

	for _, j := range m.jobs {
		first := job.CreateOp{Now: j.CreatedAt, ID: j.ID, Problem: j.Problem, Language: j.Language, Group: j.Group, Code: j.Code}.New()
		first.Revision, first.WriteID = 1, j.WriteID
		_, _, err := w.store.Create(ctx, first)
		must(t, err)
		if j.Revision > 1 {
			_, _, err = w.store.Save(ctx, first, j)
			must(t, err)
		}
		f.Jobs[j.ID] = item("jobs", map[string]any{"id": text(j.ID)})
	}
	_, err := w.store.SaveMark(ctx, dispatch.Mark{}, m.mark)
	must(t, err)
	f.Jobs["#sweep"] = item("jobs", map[string]any{"id": text("#sweep")})

	for i, pr := range m.problems {
		before := problem.Problem{ID: pr.ID}
		if i == len(m.problems)-1 { // publish its versions first
			for n := 1; n <= pr.Version; n++ {
				after := problem.Problem{ID: pr.ID, Version: n, Current: m.versions[n], Revision: int64(n), WriteID: pr.WriteID}
				_, _, err := w.store.SaveProblem(ctx, before, after)
				must(t, err)
				before = after
				f.Problems[strconv.Itoa(pr.ID)+"/"+strconv.Itoa(n)] = item("problems", map[string]any{"id": number(pr.ID), "v": number(n)})
			}
		}
		_, _, err := w.store.SaveProblem(ctx, before, pr)
		must(t, err)
		f.Problems[strconv.Itoa(pr.ID)] = item("problems", map[string]any{"id": number(pr.ID), "v": number(0)})
	}
	for _, c := range m.credentials {
		c.ID = auth.IDOf(c.Hash)
		_, err := w.store.Credentials().Put(ctx, c)
		must(t, err)
		f.Credentials[c.ID] = item("credentials", map[string]any{"hash": text(c.Hash)})
	}
	for _, r := range m.runners {
		_, _, err := w.store.SaveRunner(ctx, roster.Runner{}, r)
		must(t, err)
	}
	acts := m.audit
	for _, paused := range m.pauses {
		_, err := w.store.SavePause(ctx, paused, acts[0])
		must(t, err)
		acts = acts[1:]
	}
	for _, r := range m.rejudges {
		begun := rejudge.Begin(r.Filter, r.Pool, roster.Order{By: r.By, Why: r.Why, At: r.StartedAt}, acts[0].WriteID)
		_, _, err := w.store.SaveRejudge(ctx, rejudge.Many{}, begun, &acts[0])
		must(t, err)
		_, _, err = w.store.SaveRejudge(ctx, begun, r, nil)
		must(t, err)
		acts = acts[1:]
	}
	for _, kind := range []string{"runner", "pause", "rejudge", "rejudging", "audit"} {
		var items []json.RawMessage
		must(t, json.Unmarshal(w.raw("DynamoDB_20120810.Query", map[string]any{
			"TableName": "fleet", "KeyConditionExpression": "#k = :k",
			"ExpressionAttributeNames": map[string]string{"#k": dynamo.FleetKey}, "ExpressionAttributeValues": map[string]any{":k": text(kind)},
		}, "Items"), &items))
		f.Fleet = append(f.Fleet, items...)
	}
	for _, message := range m.messages {
		must(t, w.queue.Ring(ctx, message))
	}
	var sent []struct {
		Body       string
		Attributes struct{ MessageGroupId string } //nolint:revive // SQS's name
	}
	must(t, json.Unmarshal(w.raw("AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": "queue", "MaxNumberOfMessages": 10}, "Messages"), &sent))
	for _, one := range sent {
		sent, err := json.Marshal(map[string]string{"QueueUrl": "queue", "MessageBody": one.Body, "MessageGroupId": one.Attributes.MessageGroupId})
		must(t, err)
		f.Messages = append(f.Messages, sent)
	}
	f.Keys = w.objectKeys(m)

	dir := filepath.Join("testdata", *write)
	owed, err := spool.Open(filepath.Join(dir, "spool"))
	must(t, err)
	must(t, owed.Put(m.owed))
	all, err := json.MarshalIndent(f, "", "\t")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "stored.json"), append(all, '\n'), 0o644))
}
