package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// canned answers requests from a list, in place of the network, and keeps them.
type canned struct {
	mu       sync.Mutex
	replies  []reply
	requests []request
}

type request struct {
	operation string
	body      map[string]any
}

type reply struct {
	status int // 0: the connection breaks
	body   string
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	sent := request{operation: operation}
	if err := json.NewDecoder(r.Body).Decode(&sent.body); err != nil {
		return nil, err
	}
	c.requests = append(c.requests, sent)
	if len(c.replies) == 0 {
		return nil, errors.New("no reply left")
	}
	next := c.replies[0]
	c.replies = c.replies[1:]
	if next.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		StatusCode: next.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(next.body)), ContentLength: int64(len(next.body)), Request: r,
	}, nil
}

// operations are the sent operations, in order.
func (c *canned) operations() string {
	var all []string
	for _, r := range c.requests {
		all = append(all, r.operation)
	}
	return strings.Join(all, " ")
}

func on(t *testing.T, transport http.RoundTripper) *Store {
	t.Helper()
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = &http.Client{Transport: transport}
	return New(dynamodb.NewFromConfig(cfg), Tables{Jobs: "jobs", Problems: "problems", Credentials: "credentials"})
}

func failure(code, more string) reply {
	return reply{400, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"no"%s}`, code, more)}
}

const (
	mine   = `,"Item":{"id":{"S":"a"},"st":{"S":"queued"},"v":{"N":"2"},"w":{"B":"AAAAAAAAAAI="}}` // write id ...02
	theirs = `,"Item":{"id":{"S":"a"},"st":{"S":"cancelled"},"v":{"N":"2"},"w":{"B":"AAAAAAAAAAk="}}`
)

func states() (before, after job.Job) {
	before = job.Job{ID: "a", State: job.Created, Revision: 1, WriteID: "0000000000000001"}
	after = job.Job{ID: "a", State: job.Queued, QueuedAt: 1, Revision: 2, WriteID: "0000000000000002"}
	return before, after
}

func TestSaveReplies(t *testing.T) {
	for _, tc := range []struct {
		name    string
		replies []reply
		saved   bool
		fails   bool
		state   job.State // of the current job
		calls   int
	}{
		{name: "saved", replies: []reply{{200, `{}`}}, saved: true, state: job.Queued, calls: 1},
		{name: "our own write, its reply lost", replies: []reply{{}, failure("ConditionalCheckFailedException", mine)}, saved: true, state: job.Queued, calls: 2},
		{name: "somebody else's write", replies: []reply{failure("ConditionalCheckFailedException", theirs)}, state: job.Cancelled, calls: 1},
		{name: "gone", replies: []reply{failure("ConditionalCheckFailedException", "")}, calls: 1},
		{name: "throttled, then saved", replies: []reply{failure("ProvisionedThroughputExceededException", ""), failure("ThrottlingException", ""), {200, `{}`}}, saved: true, state: job.Queued, calls: 3},
		{name: "unavailable, then saved", replies: []reply{{503, ``}, {200, `{}`}}, saved: true, state: job.Queued, calls: 2},
		{name: "not allowed", replies: []reply{failure("AccessDeniedException", "")}, fails: true, calls: 1},
		{name: "in somebody's transaction: nothing is known", replies: []reply{failure("TransactionConflictException", "")}, fails: true, calls: 1},
		{name: "malformed answer", replies: []reply{failure("ConditionalCheckFailedException", `,"Item":{"id":{"S":"a"},"v":{"S":"two"}}`)}, fails: true, calls: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wire := &canned{replies: tc.replies}
			before, after := states()
			current, saved, err := on(t, wire).Save(t.Context(), before, after)
			if saved != tc.saved || (err != nil) != tc.fails || current.State != tc.state {
				t.Errorf("got %v, saved %v, error %v", current, saved, err)
			}
			if len(wire.requests) != tc.calls {
				t.Errorf("%d requests, want %d: %s", len(wire.requests), tc.calls, wire.operations())
			}
		})
	}
}

// TestRecordsOfTheFleetWaitForAnAct writes a record that an act has in its transaction.
func TestRecordsOfTheFleetWaitForAnAct(t *testing.T) {
	busy, ctx := failure("TransactionConflictException", ""), t.Context()
	taken := failure("ConditionalCheckFailedException", `,"Item":{"id":{"S":"runner"},"n":{"S":"r"},"v":{"N":"2"},"w":{"B":"AAAAAAAAAAk="}}`)
	for _, tc := range []struct {
		name         string
		replies      []reply
		saved, fails bool
	}{
		{name: "then saved", replies: []reply{busy, busy, {200, `{}`}}, saved: true},
		{name: "then the act was first", replies: []reply{busy, taken}},
		{name: "for good", replies: []reply{busy, busy, busy, busy, busy}, fails: true},
	} {
		for what, save := range map[string]func(*Store) (int64, bool, error){
			"runner": func(s *Store) (int64, bool, error) {
				r, saved, err := s.SaveRunner(ctx, roster.Runner{Revision: 1}, roster.Runner{Name: "r", Revision: 2, WriteID: "0000000000000002"})
				return r.Revision, saved, err
			},
			"rejudge": func(s *Store) (int64, bool, error) {
				m, saved, err := s.SaveRejudge(ctx, rejudge.Many{State: rejudge.Running, Revision: 1}, rejudge.Many{ID: "r", State: rejudge.Running, Revision: 2, WriteID: "0000000000000002"}, nil)
				return m.Revision, saved, err
			},
		} {
			t.Run(what+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				wire := &canned{replies: slices.Clone(tc.replies)}
				revision, saved, err := save(on(t, wire))
				if saved != tc.saved || (err != nil) != tc.fails || err == nil && revision != 2 {
					t.Errorf("revision %d, saved %v, error %v", revision, saved, err)
				}
				if len(wire.requests) != len(tc.replies) {
					t.Errorf("%d requests, want %d: %s", len(wire.requests), len(tc.replies), wire.operations())
				}
			})
		}
	}
}

func TestWritesAreConditional(t *testing.T) {
	before, after := states()
	ctx := t.Context()
	for _, tc := range []struct {
		name      string
		call      func(*Store) error
		operation string
		condition string
		allOld    bool
	}{
		{"create", func(s *Store) error { _, _, err := s.Create(ctx, before); return err }, "PutItem", "attribute_not_exists (id)", true},
		{"save", func(s *Store) error { _, _, err := s.Save(ctx, before, after); return err }, "UpdateItem", "v = {N:1}", true},
		{"first problem", func(s *Store) error {
			_, _, err := s.SaveProblem(ctx, problem.Problem{}, problem.Problem{ID: 1, Revision: 1})
			return err
		}, "UpdateItem", "attribute_not_exists (id)", true},
		{"problem", func(s *Store) error {
			_, _, err := s.SaveProblem(ctx, problem.Problem{ID: 1, Revision: 4}, problem.Problem{ID: 1, Revision: 5})
			return err
		}, "UpdateItem", "ve = {N:4}", true},
		{"first mark", func(s *Store) error {
			_, err := s.SaveMark(ctx, dispatch.Mark{}, dispatch.Mark{Revision: 1})
			return err
		}, "UpdateItem", "attribute_not_exists (id)", false},
		{"mark", func(s *Store) error {
			_, err := s.SaveMark(ctx, dispatch.Mark{Revision: 2}, dispatch.Mark{Revision: 3})
			return err
		}, "UpdateItem", "v = {N:2}", false},
		{"credential", func(s *Store) error {
			_, err := s.Credentials().Put(ctx, auth.Credential{Hash: "h", ID: "i"})
			return err
		}, "PutItem", "attribute_not_exists (hash)", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wire := &canned{replies: []reply{{200, `{}`}}}
			if err := tc.call(on(t, wire)); err != nil {
				t.Fatal(err)
			}
			sent := wire.requests[0]
			if sent.operation != tc.operation {
				t.Errorf("sent %s", sent.operation)
			}
			if got := plainCondition(sent.body); got != tc.condition {
				t.Errorf("condition %q, want %q", got, tc.condition)
			}
			if (sent.body["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD") != tc.allOld {
				t.Errorf("old item asked for: %v", sent.body["ReturnValuesOnConditionCheckFailure"])
			}
		})
	}
}

var alias = regexp.MustCompile(`[#:]\w+`)

// plainCondition is the condition of a request with its aliases resolved.
func plainCondition(body map[string]any) string {
	condition, _ := body["ConditionExpression"].(string)
	names, _ := body["ExpressionAttributeNames"].(map[string]any)
	values, _ := body["ExpressionAttributeValues"].(map[string]any)
	return alias.ReplaceAllStringFunc(condition, func(alias string) string {
		if name, isName := names[alias]; isName {
			return fmt.Sprint(name)
		}
		v, _ := values[alias].(map[string]any)
		return fmt.Sprintf("{N:%v}", v["N"])
	})
}

func TestPublishIsOneTransaction(t *testing.T) {
	before := problem.Problem{ID: 7, Revision: 1}
	after := problem.Problem{ID: 7, Revision: 2, Version: 1, WriteID: "0000000000000002"}
	cancelled := func(reasons string) reply {
		return failure("TransactionCanceledException", `,"CancellationReasons":[`+reasons+`]`)
	}
	for _, tc := range []struct {
		name         string
		replies      []reply
		saved, fails bool
		number       int
		calls        int
	}{
		{name: "saved", replies: []reply{{200, `{}`}}, saved: true, number: 1, calls: 1},
		{
			name:    "somebody else's write",
			replies: []reply{cancelled(`{"Code":"ConditionalCheckFailed","Item":{"id":{"N":"7"},"v":{"N":"0"},"n":{"N":"3"},"ve":{"N":"9"}}},{"Code":"None"}`)},
			number:  3, calls: 1,
		},
		{
			name:    "our own write",
			replies: []reply{cancelled(`{"Code":"ConditionalCheckFailed","Item":{"id":{"N":"7"},"v":{"N":"0"},"n":{"N":"1"},"ve":{"N":"2"},"w":{"B":"AAAAAAAAAAI="}}},{"Code":"ConditionalCheckFailed"}`)},
			saved:   true, number: 1, calls: 1,
		},
		{
			name:    "in somebody's transaction, then saved",
			replies: []reply{cancelled(`{"Code":"TransactionConflict"},{"Code":"None"}`), {200, `{}`}},
			saved:   true, number: 1, calls: 2,
		},
		{name: "a record is there already", replies: []reply{cancelled(`{"Code":"None"},{"Code":"ConditionalCheckFailed"}`)}, fails: true, calls: 1},
		{
			name: "in somebody's transaction for good",
			replies: []reply{
				cancelled(`{"Code":"TransactionConflict"}`), cancelled(`{"Code":"TransactionConflict"}`), cancelled(`{"Code":"TransactionConflict"}`),
				cancelled(`{"Code":"TransactionConflict"}`), cancelled(`{"Code":"TransactionConflict"}`),
				{200, `{}`},
			},
			fails: true, calls: 5,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wire := &canned{replies: tc.replies}
			current, saved, err := on(t, wire).SaveProblem(t.Context(), before, after)
			if saved != tc.saved || (err != nil) != tc.fails || current.Version != tc.number {
				t.Errorf("got %v, saved %v, error %v", current, saved, err)
			}
			if len(wire.requests) != tc.calls {
				t.Errorf("%d requests, want %d", len(wire.requests), tc.calls)
			}
			items, _ := wire.requests[0].body["TransactItems"].([]any)
			if len(items) != 2 {
				t.Errorf("%d writes in the transaction, want the problem and its record", len(items))
			}
		})
	}
}

func TestReadsAreStronglyConsistent(t *testing.T) {
	ctx := t.Context()
	for name, call := range map[string]func(*Store) error{
		"job":             func(s *Store) error { _, _, err := s.Get(ctx, "a"); return err },
		"problem":         func(s *Store) error { _, _, err := s.Problem(ctx, 1); return err },
		"problem version": func(s *Store) error { _, _, err := s.ProblemVersion(ctx, 1, 1); return err },
		"mark":            func(s *Store) error { _, err := s.Mark(ctx); return err },
		"credential":      func(s *Store) error { _, _, err := s.Credentials().Lookup(ctx, "h"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			wire := &canned{replies: []reply{{200, `{}`}}}
			if err := call(on(t, wire)); err != nil {
				t.Fatal(err)
			}
			if sent := wire.requests[0]; sent.operation != "GetItem" || sent.body["ConsistentRead"] != true {
				t.Errorf("sent %s %v", sent.operation, sent.body)
			}
		})
	}
}

func TestGetManyAsksAgain(t *testing.T) {
	part := func(id, unprocessed string) reply {
		more := ""
		if unprocessed != "" {
			more = fmt.Sprintf(`,"UnprocessedKeys":{"jobs":{"Keys":[{"id":{"S":%q}}],"ConsistentRead":true}}`, unprocessed)
		}
		return reply{200, fmt.Sprintf(`{"Responses":{"jobs":[{"id":{"S":%q},"v":{"N":"1"}}]}%s}`, id, more)}
	}
	t.Run("for what was left unprocessed", func(t *testing.T) {
		wire := &canned{replies: []reply{part("a", "b"), part("b", "")}}
		jobs, err := on(t, wire).GetMany(t.Context(), []string{"a", "b", "a"})
		if err != nil || len(jobs) != 2 || jobs["a"].Revision != 1 || jobs["b"].Revision != 1 {
			t.Errorf("got %v, error %v", jobs, err)
		}
		for i, want := range []int{2, 1} {
			asked := wire.requests[i].body["RequestItems"].(map[string]any)["jobs"].(map[string]any)
			if keys := asked["Keys"].([]any); len(keys) != want || asked["ConsistentRead"] != true {
				t.Errorf("request %d: %v", i, asked)
			}
		}
	})
	t.Run("but not for ever", func(t *testing.T) {
		wire := &canned{}
		for range 100 {
			wire.replies = append(wire.replies, part("a", "b"))
		}
		if jobs, err := on(t, wire).GetMany(t.Context(), []string{"a", "b"}); !errors.Is(err, errUnprocessed) || jobs != nil {
			t.Errorf("got %v, error %v", jobs, err)
		}
		if len(wire.requests) != batchRounds {
			t.Errorf("%d requests, want %d", len(wire.requests), batchRounds)
		}
	})
	t.Run("nor for more than a hundred", func(t *testing.T) {
		wire := &canned{}
		if _, err := on(t, wire).GetMany(t.Context(), make([]string, 101)); err == nil || len(wire.requests) != 0 {
			t.Errorf("%d requests, error %v", len(wire.requests), err)
		}
	})
	t.Run("nor for nothing", func(t *testing.T) {
		wire := &canned{}
		if jobs, err := on(t, wire).GetMany(t.Context(), nil); err != nil || len(jobs) != 0 || len(wire.requests) != 0 {
			t.Errorf("got %v, %d requests, error %v", jobs, len(wire.requests), err)
		}
	})
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestEveryOperationEndsBeforeItsCaller(t *testing.T) {
	before, after := states()
	for name, call := range map[string]func(context.Context, *Store) error{
		"get":      func(ctx context.Context, s *Store) error { _, _, err := s.Get(ctx, "a"); return err },
		"get many": func(ctx context.Context, s *Store) error { _, err := s.GetMany(ctx, []string{"a"}); return err },
		"create":   func(ctx context.Context, s *Store) error { _, _, err := s.Create(ctx, before); return err },
		"save":     func(ctx context.Context, s *Store) error { _, _, err := s.Save(ctx, before, after); return err },
		"open":     func(ctx context.Context, s *Store) error { _, _, err := s.Open(ctx, 1, "", 1); return err },
		"problem":  func(ctx context.Context, s *Store) error { _, _, err := s.Problem(ctx, 1); return err },
		"version":  func(ctx context.Context, s *Store) error { _, _, err := s.ProblemVersion(ctx, 1, 1); return err },
		"mark":     func(ctx context.Context, s *Store) error { _, err := s.Mark(ctx); return err },
		"save mark": func(ctx context.Context, s *Store) error {
			_, err := s.SaveMark(ctx, dispatch.Mark{}, dispatch.Mark{Revision: 1})
			return err
		},
		"credential": func(ctx context.Context, s *Store) error { _, _, err := s.Credentials().Lookup(ctx, "h"); return err },
		"list":       func(ctx context.Context, s *Store) error { _, _, err := s.Credentials().List(ctx, "", 1); return err },
		"revoke": func(ctx context.Context, s *Store) error {
			_, _, err := s.Credentials().Revoke(ctx, "i", time.Now())
			return err
		},
		"save a problem": func(ctx context.Context, s *Store) error {
			_, _, err := s.SaveProblem(ctx, problem.Problem{ID: 1}, problem.Problem{ID: 1, Revision: 1})
			return err
		},
		"publish": func(ctx context.Context, s *Store) error {
			_, _, err := s.SaveProblem(ctx, problem.Problem{ID: 1}, problem.Problem{ID: 1, Revision: 1, Version: 1})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := call(ctx, on(t, silent{}))
				if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "dynamodb: ") {
					t.Errorf("got error %v", err)
				}
				if ctx.Err() != nil {
					t.Error("the caller has no time left to answer")
				}
			})
		})
	}
}

func TestOpenAsksTheIndex(t *testing.T) {
	wire := &canned{replies: []reply{
		{200, `{"Items":[{"id":{"S":"a_b"},"os":{"S":"open#3"},"oq":{"S":"0000000000007#a_b"}}],"LastEvaluatedKey":{"id":{"S":"a_b"},"os":{"S":"open#3"},"oq":{"S":"0000000000007#a_b"}}}`},
		{200, `{"Items":[]}`},
		{200, `{"Items":[{"oq":{"S":"nonsense"}}]}`},
	}}
	s := on(t, wire)
	page, next, err := s.Open(t.Context(), 3, "", 1)
	if err != nil || len(page) != 1 || page[0] != (dispatch.OpenJob{ID: "a_b", QueuedAt: 7}) || next == "" {
		t.Errorf("got %v, next %q, error %v", page, next, err)
	}
	page, next, err = s.Open(t.Context(), 3, next, 1)
	if err != nil || len(page) != 0 || next != "" {
		t.Errorf("got %v, next %q, error %v", page, next, err)
	}
	if _, _, err = s.Open(t.Context(), 3, "", 1); err == nil {
		t.Error("a malformed entry is no error")
	}
	first, second := wire.requests[0].body, wire.requests[1].body
	if first["IndexName"] != OpenIndex || first["Limit"] != float64(1) || strings.Contains(fmt.Sprint(first), "ConsistentRead:true") {
		t.Errorf("sent %v", first)
	}
	if !strings.Contains(fmt.Sprint(second["ExpressionAttributeValues"]), "0000000000007#a_b") {
		t.Errorf("the cursor is not in %v", second)
	}
	if condition := fmt.Sprint(second["KeyConditionExpression"]); !strings.Contains(condition, "> ") {
		t.Errorf("asked for what is %s, want what is behind the cursor", condition)
	}
}

// TestEndedAsksTheIndex: a page is cut between two times, and never within one.
func TestEndedAsksTheIndex(t *testing.T) {
	entry := func(id, place string) string {
		return `{"id":{"S":"` + id + `"},"os":{"S":"ended#2"},"oq":{"S":"` + place + `"}}`
	}
	a, b, c, d := entry("a", "0000000000008#0f"), entry("b", "0000000000009#12c"), entry("c", "0000000000009#0f"), entry("d", "0000000000010#0f")
	first := dispatch.EndedJob{ID: "a", State: job.Finished, EndedAt: 8}
	second := dispatch.EndedJob{ID: "b", Generation: 12, State: job.Cancelled, EndedAt: 9}
	third := dispatch.EndedJob{ID: "c", State: job.Finished, EndedAt: 9}
	for _, tc := range []struct {
		name  string
		pages []string
		want  []dispatch.EndedJob
		cut   bool
	}{
		{"the end", []string{`{"Items":[` + a + "," + b + `]}`}, []dispatch.EndedJob{first, second}, false},
		{"more", []string{`{"Items":[` + a + "," + b + `],"LastEvaluatedKey":` + b + `}`}, []dispatch.EndedJob{first}, true},
		{
			"all of one time",
			[]string{`{"Items":[` + b + "," + c + `],"LastEvaluatedKey":` + c + `}`, `{"Items":[` + d + `],"LastEvaluatedKey":` + d + `}`},
			[]dispatch.EndedJob{second, third},
			true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wire := &canned{}
			for _, page := range tc.pages {
				wire.replies = append(wire.replies, reply{200, page})
			}
			got, cut, err := on(t, wire).endedIn(t.Context(), 2, 7, 2)
			if diff := cmp.Diff(tc.want, got); err != nil || cut != tc.cut || diff != "" {
				t.Errorf("cut %v, error %v, -want +got\n%s", cut, err, diff)
			}
			sent := fmt.Sprint(wire.requests[0].body)
			if !strings.Contains(sent, "ended#2") || !strings.Contains(sent, "0000000000008") || !strings.Contains(sent, "Limit:2") {
				t.Errorf("sent %s", sent)
			}
			if len(wire.requests) > 1 && wire.requests[1].body["ExclusiveStartKey"] == nil {
				t.Error("asked for the same page again")
			}
		})
	}
	for _, place := range []string{"", "8", "8#", "8#f0", "x#0f"} {
		wire := &canned{replies: []reply{{200, `{"Items":[` + entry("a", place) + `]}`}}}
		if _, _, err := on(t, wire).endedIn(t.Context(), 2, 7, 2); err == nil {
			t.Errorf("%q is no error", place)
		}
	}
}

// TestNoScan: nothing here reads a whole table.
func TestNoScan(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for name := range selectors(parsed) {
			if strings.HasPrefix(name, "Scan") || strings.HasPrefix(name, "NewScan") {
				t.Errorf("%s uses %s", file, name)
			}
		}
	}
}

// selectors are the names on the right of a dot.
func selectors(file *ast.File) map[string]bool {
	names := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			names[s.Sel.Name] = true
		}
		return true
	})
	return names
}
