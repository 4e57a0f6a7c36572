package function

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/awsclient"
	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
	"runlease/shared/dynamo"
	"runlease/shared/testkit/canned"
)

// stage answers for AWS and for the stage of the WebSocket API.
type stage struct {
	*canned.Backend
	posts []string
}

func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "abc.execute-api" {
		return s.Backend.RoundTrip(r)
	}
	s.posts = append(s.posts, r.Method+" "+r.URL.Path)
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
}

// bell is the doorbell's functions on a table that is there, or not.
func bell(t *testing.T, aws *stage, table string) (d *dispatch.Dispatcher, connect, disconnect lambda.Handler, credentials *dynamo.Credentials) {
	t.Helper()
	cfg, err := awsclient.FromEnv(func(string) string { return "x" })
	if err != nil {
		t.Fatal(err)
	}
	cfg.BaseEndpoint, cfg.ConfigSources, cfg.HTTPClient = nil, nil, &http.Client{Transport: aws}
	store := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Credentials: "credentials", Doorbell: table})
	d = dispatch.Bare()
	d.Log = slog.New(slog.DiscardHandler)
	if err := (Doorbell{DoorbellTable: table, DoorbellPosts: "https://abc.execute-api/prod"}).Hang(d, store.Benches(), cfg); err != nil {
		t.Fatal(err)
	}
	if connect, err = DoorbellConnect(d, store.Credentials(), store.Benches()); err == nil {
		disconnect, err = DoorbellDisconnect(d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d, connect, disconnect, store.Credentials()
}

// invoked is the status and the body of a function's reply; 0 if it failed.
func invoked(t *testing.T, h lambda.Handler, kind, connection string, headers ...string) (status int, body string) {
	t.Helper()
	e := map[string]any{"headers": map[string]string{"x-runner-token": headers[0], "X-RUNNER-NAME": headers[1]}, "requestContext": map[string]string{"eventType": kind, "connectionId": connection}}
	event, _ := json.Marshal(e)
	text, err := h.Invoke(t.Context(), event)
	var reply struct {
		StatusCode int
		Body       string
	}
	if err == nil {
		err = json.Unmarshal(text, &reply)
	}
	if err != nil {
		return 0, err.Error()
	}
	return reply.StatusCode, reply.Body
}

// everybody is let in.
type everybody struct{}

func (everybody) Admit(context.Context, string, int) (bool, error) { return true, nil }

func TestDoorbellFunctions(t *testing.T) {
	quiet := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(quiet) })
	aws := &stage{Backend: canned.New(time.Now)}
	aws.AddTables(dynamo.Tables{Credentials: "credentials", Doorbell: "doorbell"})
	d, connect, disconnect, credentials := bell(t, aws, "doorbell")
	issue := func(kind auth.Kind, scopes ...string) string {
		token, _, err := auth.Issue(t.Context(), credentials, auth.Grant{Kind: kind, Name: "x", Fleet: kind == auth.Runner, Scopes: scopes}, time.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	runner, producer := issue(auth.Runner), issue(auth.Producer, api.ScopeJobsWrite)

	// Whom the routes refuse is refused alike, and not noted.
	sync, _ := api.New(api.Config{Dispatch: d, Auth: auth.NewVerifier(credentials), Log: d.Log}).Endpoint("sync")
	for _, c := range [][2]string{{strings.Repeat("x", 8), "a"}, {"", "a"}, {runner[:len(runner)-1] + "_", "a"}, {runner, ""}, {runner, "no name!"}, {producer, "a"}} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/runner/sync", strings.NewReader(`{"slots":1}`))
		r.Header = http.Header{"Content-Type": {"application/json"}, "X-Runner-Token": {c[0]}, "X-Runner-Name": {c[1]}}
		want := httptest.NewRecorder()
		sync.ServeHTTP(want, r)
		wantBody, _ := io.ReadAll(want.Body)
		status, body := invoked(t, connect, "CONNECT", "c0", c[0], c[1])
		if status != want.Code || body != string(wantBody) || status < 400 {
			t.Errorf("%q: %d %s, want %d %s", c, status, body, want.Code, wantBody)
		}
	}
	listens := func(runner, want string) {
		t.Helper()
		l, known, err := d.Benches.Listener(t.Context(), runner)
		if err != nil || known != (want != "") || known && l.Connection != want {
			t.Errorf("%s listens on %+v, %v, want %q", runner, l, err, want)
		}
	}
	listens("a", "")
	counted := 0

	// A good token joins, a new connection replaces the old one, and an end is of
	// its connection only.
	for _, c := range []struct {
		h                lambda.Handler
		kind, connection string
		want             string // on which a listens then
	}{
		{connect, "CONNECT", "c1=", "c1="},
		{connect, "CONNECT", "c2=", "c2="},
		{disconnect, "DISCONNECT", "c1=", "c2="},
		{disconnect, "DISCONNECT", "c2=", ""},
		{disconnect, "DISCONNECT", "c2=", ""}, // told twice
	} {
		if status, body := invoked(t, c.h, c.kind, c.connection, runner, "a"); status != http.StatusOK || body != "" {
			t.Errorf("%s %s: %d %s", c.kind, c.connection, status, body)
		}
		listens("a", c.want)
		if c.kind == "CONNECT" {
			if _, sat, err := d.Benches.Sit(context.WithoutCancel(t.Context()), 0, c.connection, 7); err != nil || !sat {
				t.Fatal(sat, err)
			}
		}
	}
	if want := []string{"DELETE /prod/@connections/c1="}; !slices.Equal(aws.posts, want) {
		t.Errorf("posted %v, want %v", aws.posts, want)
	}
	if bench, err := d.Benches.Benches(t.Context(), 0, 0); err != nil || len(bench[0].Waiting) > 0 {
		t.Errorf("a runner that has gone sits on: %v, %v", bench, err)
	}

	// 5,000 connections are enough, except for one that replaces another.
	if status, _ := invoked(t, connect, "CONNECT", "c5=", runner, "a"); status != http.StatusOK {
		t.Fatal(status)
	}
	benches := d.Benches.(Lines)
	for room := true; room; {
		var err error
		if room, err = benches.Admit(t.Context(), "b", doorbell.MaxListeners); err != nil {
			t.Fatal(err)
		}
		counted++
	}
	if counted != doorbell.MaxListeners {
		t.Errorf("%d connections, want %d", counted, doorbell.MaxListeners)
	}
	for _, c := range []struct {
		runner string
		want   int
	}{{"b", http.StatusTooManyRequests}, {"a", http.StatusOK}} {
		if status, body := invoked(t, connect, "CONNECT", "c6=", runner, c.runner); status != c.want {
			t.Errorf("%s: %d %s, want %d", c.runner, status, body, c.want)
		}
	}

	// What is no such event fails, and what cannot be noted is not let in.
	for kind, h := range map[string]lambda.Handler{"DISCONNECT": connect, "CONNECT": disconnect} {
		if status, body := invoked(t, h, kind, "c3", runner, "a"); status != 0 {
			t.Errorf("%s went to the other function: %d %s", kind, status, body)
		}
	}
	nowhere, uncounted, _, _ := bell(t, aws, "no such table")
	if status, body := invoked(t, uncounted, "CONNECT", "c4", runner, "a"); status != http.StatusInternalServerError {
		t.Errorf("not counted, and answered %d %s", status, body)
	}
	unnoted, err := DoorbellConnect(nowhere, credentials, everybody{})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := invoked(t, unnoted, "CONNECT", "c4", runner, "a"); status != http.StatusServiceUnavailable {
		t.Errorf("not noted, and answered %d %s", status, body)
	}
	if _, err := DoorbellConnect(dispatch.Bare(), credentials, nil); err == nil {
		t.Error("started without a doorbell")
	}
}
