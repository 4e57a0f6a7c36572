//go:build localstack

package faults

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"runlease/infra/dev/faults/faultproxy"
	"runlease/infra/dev/invoke/emulator"
	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
	"runlease/shared/memory"
	"runlease/shared/s3artifact"
	"runlease/shared/s3artifact/presign"
	"runlease/shared/sqsqueue"
)

// lease of every claim: the shortest in which three heartbeats fit, so that
// what takes a lease to recover takes little.
const lease = 6 * time.Second

// world is the API in this process on the real adapters, whose every call goes
// through a proxy to LocalStack's DynamoDB, SQS and S3.
type world struct {
	client
	proxy    *faultproxy.Proxy
	dispatch *dispatch.Dispatcher
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
	w := &world{client: client{t: t}}
	// A deployment for itself, so that no sweep or list of another one sees its messages.
	made, err := emulator.Deploy(t.Context(), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Remove(context.Background()) })
	if w.proxy, err = faultproxy.New(made.Endpoint()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Close)
	front := httptest.NewUnstartedServer(w.proxy)
	front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	front.Start()
	t.Cleanup(front.Close)

	cfg := config(t, front.URL)
	urls, err := presign.New(cfg, made.Bucket, "")
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler) // faults make it say what they are for
	queue := sqsqueue.New(sqs.NewFromConfig(cfg), made.Queue, made.DeadLetter)
	queue.Log = quiet
	w.dispatch = dispatch.New(dynamo.New(dynamodb.NewFromConfig(cfg), made.Tables), queue,
		s3artifact.New(s3artifact.NewClient(cfg), urls, made.Bucket))
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
