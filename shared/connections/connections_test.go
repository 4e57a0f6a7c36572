package connections_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"runlease/shared/connections"
)

// TestPosts has a server answer whatever API Gateway may. The signatures are those
// that service/apigatewaymanagementapi v1.31.0 makes of the same calls; a
// connection's id ends with "=".
func TestPosts(t *testing.T) {
	const post, del = "136cc88571e6b7d82e764769a14d7ecd39831354f505b776affd4cfdbf38783a", "b617c4698593e380492c66b6597c5138161936453b89caf07f30259c51977cad"
	var status, calls atomic.Int32
	var deadline context.CancelFunc // of the call
	var used sync.Map               // connections
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A connection is used once and dead then, as after a function was frozen.
		if _, again := used.LoadOrStore(r.RemoteAddr, true); again {
			panic(http.ErrAbortHandler)
		}
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		want, signed := `POST /prod/@connections/L0SM9cOFvHcCIhw%3D {"ring":7}`, post
		if r.Method == http.MethodDelete {
			want, signed = `DELETE /prod/@connections/L0SM9cOFvHcCIhw%3D `, del
		}
		if got := r.Method + " " + r.URL.EscapedPath() + " " + string(body); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if r.Header.Values("Idempotency-Key") != nil {
			t.Error("what is for the transport is sent")
		}
		if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+signed) {
			t.Errorf("%s: %s", r.Method, got)
		}
		answer := int(status.Load())
		if answer == 0 { // it hangs, and the caller's time is over
			deadline()
			select {
			case <-r.Context().Done():
			case <-time.After(3 * time.Second):
			}
			answer = http.StatusOK
		}
		w.WriteHeader(answer)
	}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}}}
	defer client.CloseIdleConnections()
	c, err := connections.New(aws.Config{
		Region: "eu-central-1", HTTPClient: client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "the-secret", SessionToken: "the-session"}, nil
		}),
	}, "http://abc.execute-api.eu-central-1.amazonaws.com/prod/")
	if err != nil {
		t.Fatal(err)
	}
	c.Now = func() time.Time { return time.Unix(1763937600, 0) }
	for _, tc := range []struct {
		status      int32
		gone, fails bool
	}{{200, false, false}, {410, true, false}, {400, true, false}, {403, false, true}, {429, false, true}, {500, false, true}, {503, false, true}, {0, false, true}} {
		status.Store(tc.status)
		calls.Store(0)
		ctx, cancel := context.WithCancel(t.Context())
		deadline = cancel
		gone, err := c.Post(ctx, "L0SM9cOFvHcCIhw=", []byte(`{"ring":7}`))
		if gone != tc.gone || (err != nil) != tc.fails || calls.Load() != 1 {
			t.Errorf("%d: gone %v, %v after %d calls", tc.status, gone, err, calls.Load())
		}
		if failed := c.Close(ctx, "L0SM9cOFvHcCIhw="); (failed != nil) != tc.fails {
			t.Errorf("%d: closed with %v", tc.status, failed)
		}
		cancel()
		for _, secret := range []string{"AKID", "the-secret", "the-session", post} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%d: the error tells %s: %v", tc.status, secret, err)
			}
		}
	}
	if _, err := connections.New(aws.Config{}, "/prod"); err == nil {
		t.Error("a stage without a host was taken")
	}
}
