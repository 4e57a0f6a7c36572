package measure

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/shared/api"
	"runlease/shared/apigw"
	"runlease/shared/auth"
	"runlease/shared/bill"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
	"runlease/shared/sqsqueue"
	"runlease/shared/testkit/zips"
)

// Handler is one request to a warm function, which can be repeated: AWS gives
// the same answers every time.
type Handler struct {
	Function string
	Calls    int // of the SDK
	// Handle is all that a function does, from the event to the reply.
	Handle func(context.Context) error
	// Bare is only its calls of the SDK, those to AWS and those of the bare
	// signer for URLs, with inputs that are there already.
	Bare func(context.Context) error
}

// AllocsGoal is the most that a handler may allocate, as a multiple of its bare calls.
// complete-job is the nearest to it: it also notes what is known of its runner.
const AllocsGoal = 1.26

// Handlers are the requests of a job's life.
func Handlers(t T) []Handler {
	job := id(1)
	runnerEvent := func(method, path, body string) func(*world) event {
		return func(w *world) event {
			return event{method: method, path: path, body: body, headers: map[string]string{"x-runner-token": w.runnerToken, "x-runner-name": runner}}
		}
	}
	var claimToken string
	claimed := func(w *world) {
		w.create(job)
		w.do("list-jobs", 200, "/runner/jobs", "")
		claimToken = w.claim(job)
		w.pass(5 * time.Second)
		w.do("list-jobs", 200, "/runner/jobs", "") // brings the claim its handle
	}
	code := base64.StdEncoding.EncodeToString(codeOf(job, bill.CodeBytes))
	cases := []struct {
		function string
		given    func(*world)
		event    func(*world) event
		want     int
	}{
		{"create-job", func(*world) {}, func(w *world) event {
			return event{
				method: "POST", path: "/jobs", headers: map[string]string{"authorization": "Bearer " + w.producerToken},
				body: `{"submissionId":"` + job + `","problemId":17,"language":1,"group":"user-10442","code":"` + code + `"}`,
			}
		}, 201},
		{"list-jobs", func(w *world) { w.create(job) }, runnerEvent("GET", "/runner/jobs", ""), 200},
		{"claim-job", func(w *world) { w.create(job) }, runnerEvent("POST", "/runner/jobs/"+job+"/claim", ""), 200},
		{"get-code", claimed, runnerEvent("GET", "/runner/jobs/"+job+"/code", ""), 200},
		{"heartbeat", claimed, runnerEvent("POST", "/runner/heartbeat", `{"submissionId":"`+job+`"}`), 200},
		{"complete-job", claimed, func(w *world) event {
			return runnerEvent("PUT", "/runner/jobs/"+job+"/complete", `{"token":"`+claimToken+`","tasks":`+tasks("42")+`}`)(w)
		}, 200},
		{"sync", func(w *world) {
			claimed(w)
			w.create(id(2))
		}, func(w *world) event {
			return runnerEvent("POST", "/runner/sync", `{"slots":1,"inline":true,"leaseSeconds":60,"active":[],"done":[{"submissionId":"`+job+`","token":"`+claimToken+`","tasks":`+tasks("42")+`}]}`)(w)
		}, 200},
	}
	var handlers []Handler
	for _, c := range cases {
		w := newWorld(t)
		w.publish()
		l := newLean(t, w)
		invoke := l.function(c.function)
		// What a function does only once: it looks the credential up and learns
		// that there is the problem.
		l.warm(t)
		c.given(w)
		payload := c.event(w).payload(c.function)
		var reply []byte
		var err error
		l.tap.record(func() { reply, err = invoke(t.Context(), payload) })
		if err != nil {
			t.Fatalf("%s: %v", c.function, err)
		}
		if status := statusOf(reply); status != c.want {
			t.Fatalf("%s: got %d %s, want %d", c.function, status, reply, c.want)
		}
		bare := l.bare(l.tap.inputs)
		switch c.function {
		case "list-jobs", "claim-job": // repeated by a runner that makes nothing of it: its conduct would be looked into
			l.dispatch.Roster = nil
		}
		if c.function == "sync" { // it brings the result of what it got: a runner that holds more and more gets no jobs
			payload = bytes.ReplaceAll(payload, []byte(job), []byte(id(2)))
		}
		wanted := fmt.Appendf(nil, `{"statusCode":%d,`, c.want)
		h := Handler{
			Function: c.function, Calls: len(l.tap.inputs), Bare: bare,
			Handle: func(ctx context.Context) error {
				reply, err := invoke(ctx, payload)
				if err == nil && !bytes.HasPrefix(reply, wanted) {
					err = fmt.Errorf("%s: got %s", c.function, reply)
				}
				return err
			},
		}
		for _, do := range []func(context.Context) error{h.Handle, h.Bare} {
			if err := do(t.Context()); err != nil {
				t.Fatalf("%s, repeated: %v", c.function, err)
			}
		}
		handlers = append(handlers, h)
	}
	return handlers
}

// statusOf reads a reply as far as needed: it begins with its status.
func statusOf(reply []byte) int {
	var status int
	_, _ = fmt.Sscanf(string(reply[:min(len(reply), 20)]), `{"statusCode":%d`, &status)
	return status
}

// event is what becomes an event of an HTTP API.
type event struct {
	method, path, body string
	headers            map[string]string
}

func (e event) payload(function string) []byte {
	route := routeOf(function)
	headers := map[string]string{
		"accept": "*/*", "accept-encoding": "gzip", "content-length": fmt.Sprint(len(e.body)),
		"host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com", "user-agent": "runlease-runner/1.0",
		"x-amzn-trace-id": "Root=1-69566240-044fbc7e5a71c964275bac16", "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
	}
	if e.body != "" {
		headers["content-type"] = "application/json"
	}
	for name, value := range e.headers {
		headers[name] = value
	}
	all := map[string]any{
		"version": "2.0", "routeKey": route.Method + " " + route.Path, "rawPath": e.path, "rawQueryString": "", "headers": headers, "isBase64Encoded": false,
		"requestContext": map[string]any{
			"accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": headers["host"], "domainPrefix": "a1b2c3d4e5",
			"http":      map[string]any{"method": e.method, "path": e.path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": headers["user-agent"]},
			"requestId": "IA5HipMUEkXxbru=", "routeKey": route.Method + " " + route.Path, "stage": "$default", "time": "01/Jan/2026:12:00:00 +0000", "timeEpoch": 1767268800000,
		},
	}
	if e.body != "" {
		all["body"] = e.body
	}
	if before, after, found := strings.Cut(route.Path, "{id}"); found {
		all["pathParameters"] = map[string]string{"id": strings.TrimSuffix(strings.TrimPrefix(e.path, before), after)}
	}
	payload, err := json.Marshal(all)
	if err != nil {
		panic(err) // strings and numbers
	}
	return payload
}

func routeOf(function string) api.Route {
	for _, r := range api.Routes() {
		if r.Name == function {
			return r
		}
	}
	return api.Route{}
}

// lean is functions on unmetered clients.
type lean struct {
	t        T
	world    *world
	tap      *wiretap
	dynamodb *dynamodb.Client
	sqs      *sqs.Client
	s3       *s3.Client
	config   aws.Config
	api      *api.API
	dispatch *dispatch.Dispatcher
}

func newLean(t T, w *world) *lean {
	t.Helper()
	cfg := config(t)
	l := &lean{t: t, world: w, tap: &wiretap{backend: w.backend}}
	l.tap.attach(&cfg)
	l.config = cfg
	l.dynamodb, l.sqs, l.s3 = dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg), s3artifact.NewClient(cfg)
	urls, err := presign.New(cfg, bucket, host)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // that a line is encoded belongs to what is measured
	store := dynamo.New(l.dynamodb, dynamo.Tables{Jobs: "jobs", Problems: "problems", Credentials: "credentials", Fleet: "fleet"})
	queue := sqsqueue.New(l.sqs, queueURL, "dead-letter")
	l.dispatch = dispatch.New(store, queue, s3artifact.New(l.s3, notedURLs{urls, l.tap}, bucket))
	l.dispatch.Log, l.dispatch.Now, l.dispatch.Roster = log, w.now, store
	verifier := auth.NewVerifier(store.Credentials())
	verifier.Now = w.now
	l.api = api.New(api.Config{Dispatch: l.dispatch, Auth: verifier, Log: log, RunnerRate: api.Unlimited, ProducerRate: api.Unlimited, Now: w.now})
	return l
}

// function is a function's handler of events.
func (l *lean) function(name string) func(context.Context, []byte) ([]byte, error) {
	endpoint, found := l.api.Endpoint(name)
	if !found {
		l.t.Fatalf("no route is named %s", name)
	}
	return apigw.New(endpoint).Invoke
}

// warm takes a job through the function's own API once.
func (l *lean) warm(t T) {
	t.Helper()
	w := l.world
	do := func(function, method, path, body string) map[string]any {
		headers := map[string]string{"x-runner-token": w.runnerToken, "x-runner-name": runner}
		if routeOf(function).Caller == api.Producer {
			headers = map[string]string{"authorization": "Bearer " + w.producerToken}
		}
		reply, err := l.function(function)(t.Context(), event{method: method, path: path, body: body, headers: headers}.payload(function))
		if err != nil || statusOf(reply) >= 400 {
			t.Fatalf("%s: %v %s", function, err, reply)
		}
		var answer struct{ Body string }
		var envelope struct{ Data map[string]any }
		if json.Unmarshal(reply, &answer) == nil {
			_ = json.Unmarshal([]byte(answer.Body), &envelope)
		}
		return envelope.Data
	}
	create := `{"submissionId":"warm","problemId":17,"language":1,"code":"` + zips.Inline("") + `"}`
	do("create-job", "POST", "/jobs", create)
	do("list-jobs", "GET", "/runner/jobs", "")
	token := do("claim-job", "POST", "/runner/jobs/warm/claim", "")["token"].(string)
	do("complete-job", "PUT", "/runner/jobs/warm/complete", `{"token":"`+token+`","tasks":`+tasks("42")+`}`)
	w.clock = w.clock.Add(10 * time.Second)
	do("list-jobs", "GET", "/runner/jobs", "") // its message goes
	do("create-job", "POST", "/jobs", strings.Replace(create, "warm", "warm-2", 1))
	token = do("sync", "POST", "/runner/sync", `{"slots":1,"inline":true,"leaseSeconds":60,"active":[],"done":[]}`)["jobs"].([]any)[0].(map[string]any)["token"].(string)
	do("sync", "POST", "/runner/sync", `{"slots":0,"leaseSeconds":60,"active":[],"done":[{"submissionId":"warm-2","token":"`+token+`","tasks":`+tasks("42")+`}]}`)
	if left := w.backend.Messages(queueURL); left != 0 {
		t.Fatalf("%d messages left", left)
	}
}

// bare makes the same calls again.
func (l *lean) bare(inputs []any) func(context.Context) error {
	calls := make([]func(context.Context) error, len(inputs))
	for i, input := range inputs {
		calls[i] = l.call(input)
	}
	return func(ctx context.Context) error {
		for _, call := range calls {
			if err := call(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// call is one call of the SDK.
func (l *lean) call(input any) func(context.Context) error {
	switch in := input.(type) {
	case signing:
		return in.again(l.config, l.world.now)
	case *dynamodb.GetItemInput:
		return func(ctx context.Context) error { _, err := l.dynamodb.GetItem(ctx, in); return err }
	case *dynamodb.BatchGetItemInput:
		return func(ctx context.Context) error { _, err := l.dynamodb.BatchGetItem(ctx, in); return err }
	case *dynamodb.PutItemInput:
		return func(ctx context.Context) error { _, err := l.dynamodb.PutItem(ctx, in); return err }
	case *dynamodb.UpdateItemInput:
		return func(ctx context.Context) error { _, err := l.dynamodb.UpdateItem(ctx, in); return err }
	case *sqs.SendMessageInput:
		return func(ctx context.Context) error { _, err := l.sqs.SendMessage(ctx, in); return err }
	case *sqs.ReceiveMessageInput:
		return func(ctx context.Context) error { _, err := l.sqs.ReceiveMessage(ctx, in); return err }
	case *sqs.DeleteMessageBatchInput:
		return func(ctx context.Context) error { _, err := l.sqs.DeleteMessageBatch(ctx, in); return err }
	case *sqs.ChangeMessageVisibilityBatchInput:
		return func(ctx context.Context) error { _, err := l.sqs.ChangeMessageVisibilityBatch(ctx, in); return err }
	case *s3.PutObjectInput:
		seeker, ok := in.Body.(io.ReadSeeker)
		if !ok {
			break
		}
		if _, err := seeker.Seek(0, io.SeekStart); err != nil {
			break
		}
		body, err := io.ReadAll(seeker)
		if err != nil {
			break
		}
		return func(ctx context.Context) error {
			own := *in
			own.Body = bytes.NewReader(body)
			_, err := l.s3.PutObject(ctx, &own)
			return err
		}
	}
	l.t.Fatalf("%T is not repeated", input)
	return nil
}
