//go:build localstack

package dynamo_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/testkit/authtest"
	"runlease/shared/testkit/benchtest"
	"runlease/shared/testkit/storetest"
	"runlease/shared/testkit/tables"
)

// These tests run against a DynamoDB API: LocalStack on this machine, or the
// one that AWS_ENDPOINT_URL names. If there is none they fail.

func TestMain(m *testing.M) {
	flag.Parse()
	// A call takes 10 ms: 25 random histories are some thousand of them.
	byHand := false
	flag.Visit(func(f *flag.Flag) { byHand = byHand || f.Name == "rapid.checks" })
	if !byHand {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// connect makes a client as the functions make theirs, with a transport of the
// test's between it and the network.
func connect(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper) *dynamodb.Client {
	t.Helper()
	cfg, err := awsclient.FromEnv(tables.Getenv(os.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	transport := awsclient.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	cfg.HTTPClient = &http.Client{Transport: wrap(transport)}
	return dynamodb.NewFromConfig(cfg)
}

func plain(next http.RoundTripper) http.RoundTripper { return next }

// deploy makes the tables of jobs and problems.
func deploy(t *testing.T) dynamo.Tables {
	return tables.For(t, dynamo.Tables{Jobs: "jobs", Problems: "problems"})
}

func text(s string) *string { return &s }

func TestBenchesConformOnDynamoDB(t *testing.T) {
	benchtest.Run(t, func(t *testing.T) dispatch.Benches {
		return dynamo.New(connect(t, plain), tables.For(t, dynamo.Tables{Doorbell: "doorbell"})).Benches()
	})
}

func TestRosterConformsOnDynamoDB(t *testing.T) {
	storetest.Roster(t, func(t *testing.T) dispatch.Roster {
		return dynamo.New(connect(t, plain), tables.For(t, dynamo.Tables{Fleet: "fleet"}))
	})
}

func TestConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) dispatch.Store { return dynamo.New(connect(t, plain), deploy(t)) })
}

func TestCopies(t *testing.T) {
	storetest.Copies(t, func(t *testing.T) dispatch.Store { return dynamo.New(connect(t, plain), deploy(t)) })
}

func TestCredentialsConform(t *testing.T) {
	authtest.Directory(t, func(t *testing.T) auth.Directory {
		return dynamo.New(connect(t, plain), tables.For(t, dynamo.Tables{Credentials: "credentials"})).Credentials()
	})
}

func TestSameHistoriesAsMemory(t *testing.T) {
	storetest.Twins(t, memory.NewStore(), dynamo.New(connect(t, plain), deploy(t)))
}

// wire is a transport that can lose, refuse and hold back replies.
type wire struct {
	next http.RoundTripper
	mu   sync.Mutex
	sent map[string]int // requests that reached DynamoDB, by operation
	// fault, if it is not nil, sees every request and its real reply.
	fault func(operation string, nth int, send func() (*http.Response, error)) (*http.Response, error)
}

func newWire() *wire { return &wire{sent: make(map[string]int)} }

func (w *wire) around(next http.RoundTripper) http.RoundTripper {
	w.next = next
	return w
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	send := func() (*http.Response, error) {
		w.mu.Lock()
		w.sent[operation]++
		w.mu.Unlock()
		return w.next.RoundTrip(r)
	}
	w.mu.Lock()
	nth := w.sent["seen "+operation] + 1
	w.sent["seen "+operation] = nth
	w.mu.Unlock()
	if w.fault == nil {
		return send()
	}
	return w.fault(operation, nth, send)
}

func (w *wire) count(operation string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[operation]
}

// loseFirst lets the first request of an operation through and loses its reply.
func loseFirst(lost string) func(string, int, func() (*http.Response, error)) (*http.Response, error) {
	return func(operation string, nth int, send func() (*http.Response, error)) (*http.Response, error) {
		reply, err := send()
		if operation != lost || nth > 1 || err != nil {
			return reply, err
		}
		_, _ = io.Copy(io.Discard, reply.Body)
		_ = reply.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
}

var t0 = job.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

func queued(id string) job.Job {
	j, _ := job.SubmitOp{Now: t0}.Apply(job.CreateOp{
		Now: t0, ID: id, Problem: 7, Language: job.CPP, Code: job.Artifact{Size: 1, SHA256: strings.Repeat("ab", 32)},
	}.New())
	j.Revision, j.WriteID = 1, "00000000000000a1"
	return j
}

func claimed(j job.Job) job.Job {
	j, _ = job.ClaimOp{Now: t0, Runner: "runner-1", TokenHash: strings.Repeat("cd", 32), LeaseSeconds: 60, ProblemVersion: 1}.Apply(j)
	j.Revision++
	j.WriteID = "00000000000000a2"
	return j
}

func TestLostReplyIsOurOwnWrite(t *testing.T) {
	made := deploy(t)
	ctx := t.Context()
	clean := dynamo.New(connect(t, plain), made)

	t.Run("create", func(t *testing.T) {
		w := newWire()
		w.fault = loseFirst("PutItem")
		s := dynamo.New(connect(t, w.around), made)
		j := queued("create")
		current, created, err := s.Create(ctx, j)
		if err != nil || !created {
			t.Fatalf("created %v, error %v", created, err)
		}
		check(t, current, j)
		if n := w.count("PutItem"); n != 2 {
			t.Errorf("%d requests, want the lost one and its repetition", n)
		}
	})

	t.Run("save", func(t *testing.T) {
		before := queued("save")
		if _, _, err := clean.Create(ctx, before); err != nil {
			t.Fatal(err)
		}
		w := newWire()
		w.fault = loseFirst("UpdateItem")
		s := dynamo.New(connect(t, w.around), made)
		after := claimed(before)
		current, saved, err := s.Save(ctx, before, after)
		if err != nil || !saved {
			t.Fatalf("saved %v, error %v", saved, err)
		}
		check(t, current, after)
		// A second write would have counted the version up once more.
		stored, _, err := clean.Get(ctx, "save")
		if err != nil {
			t.Fatal(err)
		}
		check(t, stored, after)
		if update, get := w.count("UpdateItem"), w.count("GetItem"); update != 2 || get != 0 {
			t.Errorf("%d updates and %d reads, want 2 and none", update, get)
		}
	})

	t.Run("somebody else's write is a conflict, without a second read", func(t *testing.T) {
		before := queued("conflict")
		theirs := claimed(before)
		if _, _, err := clean.Create(ctx, before); err != nil {
			t.Fatal(err)
		}
		if _, _, err := clean.Save(ctx, before, theirs); err != nil {
			t.Fatal(err)
		}
		w := newWire()
		s := dynamo.New(connect(t, w.around), made)
		mine := claimed(before)
		mine.WriteID = "00000000000000ff"
		current, saved, err := s.Save(ctx, before, mine)
		if err != nil || saved {
			t.Fatalf("saved %v, error %v", saved, err)
		}
		check(t, current, theirs)
		if update, get := w.count("UpdateItem"), w.count("GetItem"); update != 1 || get != 0 {
			t.Errorf("%d updates and %d reads, want 1 and none", update, get)
		}
	})

	t.Run("publish", func(t *testing.T) {
		w := newWire()
		w.fault = loseFirst("TransactWriteItems")
		s := dynamo.New(connect(t, w.around), made)
		p := publication(41)
		current, saved, err := s.SaveProblem(ctx, p0(41), p)
		if err != nil || !saved {
			t.Fatalf("saved %v, error %v", saved, err)
		}
		check(t, current, p)
		if n := w.count("TransactWriteItems"); n != 2 {
			t.Errorf("%d transactions sent, want the lost one and its repetition", n)
		}
		if _, found, err := clean.ProblemVersion(ctx, 41, 1); err != nil || !found {
			t.Errorf("record found %v, error %v", found, err)
		}
	})
}

func p0(id int) problem.Problem { return problem.Problem{ID: id} }

// publication is the first write of a problem, published at once.
func publication(id int) problem.Problem {
	c := problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}}}
	return problem.Problem{ID: id, Current: c, Version: 1, Draft: &c, Revision: 1, WriteID: "00000000000000c1"}
}

func check(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// refuse answers the first n requests of an operation as DynamoDB does under load.
func refuse(refused string, n int) func(string, int, func() (*http.Response, error)) (*http.Response, error) {
	return func(operation string, nth int, send func() (*http.Response, error)) (*http.Response, error) {
		if operation != refused || nth > n {
			return send()
		}
		body := `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}`
		return &http.Response{
			StatusCode: 400, Status: "400 Bad Request", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body:   io.NopCloser(bytes.NewBufferString(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

func TestThrottling(t *testing.T) {
	made := deploy(t)
	clean := dynamo.New(connect(t, plain), made)
	before := queued("throttled")
	if _, _, err := clean.Create(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	t.Run("is waited out", func(t *testing.T) {
		w := newWire()
		w.fault = refuse("UpdateItem", 2)
		after := claimed(before)
		current, saved, err := dynamo.New(connect(t, w.around), made).Save(t.Context(), before, after)
		if err != nil || !saved {
			t.Fatalf("saved %v, error %v", saved, err)
		}
		check(t, current, after)
		if n := w.count("UpdateItem"); n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
	})
	t.Run("without end is an error", func(t *testing.T) {
		w := newWire()
		w.fault = refuse("GetItem", 1000)
		began := time.Now()
		_, _, err := dynamo.New(connect(t, w.around), made).Get(t.Context(), "throttled")
		if err == nil || !strings.Contains(err.Error(), "read job") {
			t.Errorf("got error %v, want one that says what was attempted", err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

// TestHangingReply: DynamoDB gets the request and never answers.
func TestHangingReply(t *testing.T) {
	made := deploy(t)
	for _, tc := range []struct {
		name string
		left time.Duration // of the caller's time
		most time.Duration
	}{
		{"with a second left", time.Second, 900 * time.Millisecond},
		{"with a minute left", time.Minute, 5500 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), tc.left)
			defer cancel()
			w := newWire()
			s := dynamo.New(connect(t, func(next http.RoundTripper) http.RoundTripper {
				return hang{w.around(next)}
			}), made)
			began := time.Now()
			_, _, err := s.Get(ctx, "hangs")
			took := time.Since(began)
			if err == nil {
				t.Error("no error")
			}
			if took > tc.most {
				t.Errorf("gave up after %v, want at most %v", took, tc.most)
			}
			if ctx.Err() != nil {
				t.Error("there is no time left to answer")
			}
		})
	}
}

// hang holds back every reply until the caller gives up.
type hang struct{ next http.RoundTripper }

func (h hang) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := h.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_ = reply.Body.Close()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestUnknownAttributesSurvive: what a newer version of the code has added, in
// the item and in the record of an attempt, is still there after our writes.
func TestUnknownAttributesSurvive(t *testing.T) {
	made := deploy(t)
	ctx := t.Context()
	db := connect(t, plain)
	s := dynamo.New(db, made)
	j := queued("newer")
	j.Past = []job.Past{{Attempt: 1, Runner: "runner-0", TokenHash: strings.Repeat("ef", 32), How: job.HowLost}}
	if _, _, err := s.Create(ctx, j); err != nil {
		t.Fatal(err)
	}
	_, err := db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &made.Jobs,
		Key:                       map[string]types.AttributeValue{dynamo.JobsKey: &types.AttributeValueMemberS{Value: j.ID}},
		UpdateExpression:          text("SET zz = :v, pa[0].zz = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": &types.AttributeValueMemberS{Value: "new"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		op   func(job.Job) (job.Job, job.Decision)
	}{
		{"claim", job.ClaimOp{Now: t0, Runner: "runner-1", TokenHash: strings.Repeat("cd", 32), LeaseSeconds: 60}.Apply},
		{"heartbeat", job.HeartbeatOp{Now: t0 + 20_000, Runner: "runner-1"}.Apply},
		{"complete", job.CompleteOp{Now: t0 + 10, Runner: "runner-1", TokenHash: strings.Repeat("cd", 32)}.Apply},
		{"late result", job.CompleteOp{Now: t0 + 11, Runner: "runner-0", TokenHash: strings.Repeat("ef", 32)}.Apply},
		{"rejudge", job.RejudgeOp{Now: t0 + 12}.Apply},
	}
	for i, step := range steps {
		after, out := step.op(j)
		if !out.Write {
			t.Fatalf("%s changes nothing", step.name)
		}
		after.Revision, after.WriteID = j.Revision+1, fmt.Sprintf("%016x", 0xb0+i)
		current, saved, err := s.Save(ctx, j, after)
		if err != nil || !saved {
			t.Fatalf("%s: saved %v, error %v", step.name, saved, err)
		}
		j = current
		out2, err := db.GetItem(ctx, &dynamodb.GetItemInput{
			TableName:      &made.Jobs,
			Key:            map[string]types.AttributeValue{dynamo.JobsKey: &types.AttributeValueMemberS{Value: j.ID}},
			ConsistentRead: &[]bool{true}[0],
		})
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := out2.Item["zz"].(*types.AttributeValueMemberS); !ok || v.Value != "new" {
			t.Errorf("%s: attribute of the item is gone", step.name)
		}
		past, _ := out2.Item["pa"].(*types.AttributeValueMemberL)
		first, _ := past.Value[0].(*types.AttributeValueMemberM)
		if v, ok := first.Value["zz"].(*types.AttributeValueMemberS); !ok || v.Value != "new" {
			t.Errorf("%s: attribute of the first attempt is gone", step.name)
		}
		stored, _, err := s.Get(ctx, j.ID)
		if err != nil {
			t.Fatal(err)
		}
		check(t, stored, after)
	}
}
