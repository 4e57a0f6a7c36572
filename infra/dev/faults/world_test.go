//go:build localstack

package faults

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/infra/dev/faults/faultproxy"
	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/memory"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
	"runlease/shared/sqsqueue"
	"runlease/shared/testkit/wire"
	"runlease/shared/testkit/zips"
)

// lease of every claim: the shortest in which three heartbeats fit, so that
// what takes a lease to recover takes little.
const lease = 6 * time.Second

// world is the API in this process on the real adapters, whose every call goes
// through a proxy to LocalStack's DynamoDB, SQS and S3.
type world struct {
	t        *testing.T
	proxy    *faultproxy.Proxy
	dispatch *dispatch.Dispatcher
	caller
}

// emulator is LocalStack on this machine, or the one that AWS_ENDPOINT_URL names.
func emulator() string {
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
		return url
	}
	return "http://127.0.0.1:4566"
}

func config(t *testing.T, endpoint string) aws.Config {
	t.Helper()
	cfg, err := awsclient.FromEnv(func(name string) string {
		return map[string]string{
			"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": endpoint,
		}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	if w.proxy, err = faultproxy.New(emulator()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Close)
	front := httptest.NewUnstartedServer(w.proxy)
	front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	front.Start()
	t.Cleanup(front.Close)

	made := deploy(t, config(t, emulator()))
	cfg := config(t, front.URL)
	urls, err := presign.New(cfg, made.bucket, "")
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler) // faults make it say what they are for
	queue := sqsqueue.New(sqs.NewFromConfig(cfg), made.queue, made.deadLetter)
	queue.Log = quiet
	w.dispatch = dispatch.New(dynamo.New(dynamodb.NewFromConfig(cfg), made.tables), queue,
		s3artifact.New(s3artifact.NewClient(cfg), urls, made.bucket))
	w.dispatch.Log = quiet
	w.dispatch.Lease.Least = int(lease.Seconds())
	w.dispatch.Lease.Default = w.dispatch.Lease.Least

	credentials := memory.NewCredentials()
	w.RunnerToken, _, err = auth.Issue(t.Context(), credentials, auth.Grant{Kind: auth.Runner, Name: "faults", Fleet: true}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.ProducerToken, _, err = auth.Issue(t.Context(), credentials, auth.Grant{
		Kind: auth.Producer, Name: "faults", Scopes: []string{api.ScopeJobsWrite, api.ScopeJobsRead, api.ScopeProblemsWrite},
	}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(deadline(api.New(api.Config{
		Dispatch: w.dispatch, Auth: auth.NewVerifier(credentials), Log: quiet, RunnerRate: api.Unlimited, ProducerRate: api.Unlimited,
	}).Handler()))
	t.Cleanup(server.Close)
	w.URL = server.URL
	w.must(201, "PUT", "/problems/1", "", `{"tasks":[{"taskScore":100,"caseCount":1,"memoryLimit":65536,"timeLimit":1000}]}`)
	w.must(200, "POST", "/problems/1/publish", "", "")
	return w
}

// deadline gives each request the time that its function would have.
func deadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// deployment is what this package makes on LocalStack for itself, so that no
// sweep or list of another deployment sees its messages.
type deployment struct {
	tables                    dynamo.Tables
	queue, deadLetter, bucket string
}

func deploy(t *testing.T, cfg aws.Config) deployment {
	t.Helper()
	transport := awsclient.Transport()
	transport.ResponseHeaderTimeout = time.Minute // making a table takes seconds
	cfg.HTTPClient = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	db, queues, objects := dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg), s3artifact.NewClient(cfg)
	suffix := strings.ToLower(rand.Text())
	d := deployment{tables: dynamo.Tables{Jobs: "faults-jobs-" + suffix, Problems: "faults-problems-" + suffix}, bucket: "faults-" + suffix}
	str, num := types.ScalarAttributeTypeS, types.ScalarAttributeTypeN
	table(t, db, d.tables.Jobs, map[string]types.ScalarAttributeType{dynamo.JobsKey: str, dynamo.OpenHash: str, dynamo.OpenRange: str},
		schema(dynamo.JobsKey), types.GlobalSecondaryIndex{
			IndexName: aws.String(dynamo.OpenIndex), KeySchema: schema(dynamo.OpenHash, dynamo.OpenRange),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	table(t, db, d.tables.Problems, map[string]types.ScalarAttributeType{dynamo.ProblemsKey: num, dynamo.ProblemsRange: num},
		schema(dynamo.ProblemsKey, dynamo.ProblemsRange))
	for name, url := range map[string]*string{"jobs": &d.queue, "dead": &d.deadLetter} {
		out, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("faults-" + name + "-" + suffix)})
		if err != nil {
			t.Fatal(err)
		}
		*url = *out.QueueUrl
		t.Cleanup(func() { _, _ = queues.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}) })
	}
	if _, err := objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &d.bucket}); err != nil {
		t.Fatal(err)
	}
	return d
}

func schema(names ...string) []types.KeySchemaElement {
	var s []types.KeySchemaElement
	for i, name := range names {
		s = append(s, types.KeySchemaElement{AttributeName: aws.String(name), KeyType: []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}[i]})
	}
	return s
}

func table(t *testing.T, db *dynamodb.Client, name string, attributes map[string]types.ScalarAttributeType, keys []types.KeySchemaElement, indexes ...types.GlobalSecondaryIndex) {
	t.Helper()
	in := &dynamodb.CreateTableInput{TableName: &name, KeySchema: keys, GlobalSecondaryIndexes: indexes, BillingMode: types.BillingModePayPerRequest}
	for attribute, kind := range attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String(attribute), AttributeType: kind})
	}
	if _, err := db.CreateTable(t.Context(), in); err != nil {
		t.Fatalf("no LocalStack at %s (`make localstack` starts it): %v", emulator(), err)
	}
	t.Cleanup(func() {
		_, _ = db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
	})
	wait := dynamodb.NewTableExistsWaiter(db, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second })
	if err := wait.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, 30*time.Second); err != nil {
		t.Fatal(err)
	}
}

// caller makes requests of the API.
type caller struct{ wire.Client }

// answer is a reply; status 0: there was none.
type answer struct {
	status int
	Code   string
	Data   struct {
		Token      string
		Attempt    int
		Generation int
		Failures   int
		State      string
		Status     int
		Code       struct{ URL string }
		Jobs       []struct{ SubmissionID string }
		Attempts   []attempt
	}
}

type attempt struct {
	Attempt, Generation int
	Runner              string
	How                 *string
}

// call makes a request as a runner, or as the producer if runner is empty.
func (c caller) call(ctx context.Context, method, path, runner, body string) answer {
	reply, err := c.Do(ctx, method, path, runner, body)
	var a answer
	if err != nil || reply.Into(&a) != nil {
		return answer{}
	}
	a.status = reply.Status
	return a
}

func (w *world) must(status int, method, path, runner, body string) answer {
	w.t.Helper()
	a := w.call(w.t.Context(), method, path, runner, body)
	if a.status != status {
		w.t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.Code, status)
	}
	return a
}

// repeat makes a request until it is answered by something else than a fault.
func (c caller) repeat(ctx context.Context, method, path, runner, body string) answer {
	for {
		a := c.call(ctx, method, path, runner, body)
		if a.status != 0 && a.status < 500 || ctx.Err() != nil {
			return a
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// newJob has code that is kept with the job or, for every other id, is an object.
func newJob(id string) string {
	text := ""
	if id[len(id)-1]%2 == 0 {
		text = strings.Repeat("x", dispatch.MaxCodeInline)
	}
	return fmt.Sprintf(`{"submissionId":%q,"problemId":1,"language":1,"code":%q}`, id, zips.Inline(text))
}

// result has outputs that are kept with the verdict, or, for every other token,
// are an object of their own. The same token has the same result.
func result(token string) string {
	stdout := "out"
	if token != "" && token[len(token)-1]%2 == 0 {
		stdout = noise
	}
	return fmt.Sprintf(`{"token":%q,"tasks":[[{"exitCode":0,"status":"AC","stdout":%q,"stderr":"","execTime":1,"memoryUsage":1}]]}`, token, stdout)
}

var noise = func() string {
	var all strings.Builder
	for range 200 {
		all.WriteString(rand.Text())
	}
	return all.String()
}()
