package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"runlease/shared/testkit/until"
)

// receiver is a webhook that verifies what it gets by the library of the
// specification.
type receiver struct {
	t        *testing.T
	verifier *standardwebhooks.Webhook

	mu     sync.Mutex
	answer map[string]int // status by webhook-id; 204 where there is none
	got    []received
}

type received struct {
	id     string
	status int // that it was answered with
	data   map[string]any
}

// ServeHTTP is for http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	text, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		err = r.verifier.Verify(text, req.Header)
	}
	var body struct {
		Type string
		Data map[string]any
	}
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil || body.Type != "job.final" && body.Type != "webhook.test" {
		r.t.Errorf("delivered %q with %s: %v", text, req.Header.Get("webhook-signature"), err)
	}
	id, status := req.Header.Get("webhook-id"), http.StatusNoContent
	if asked, given := r.answer[id]; given {
		status = asked
	}
	r.got = append(r.got, received{id, status, body.Data})
	w.WriteHeader(status)
}

// await waits until a message was answered with a status, and returns its data; nil
// if that does not happen in time.
func (r *receiver) await(id string, status int, within time.Duration) map[string]any {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		r.mu.Lock()
		for _, m := range r.got {
			if m.id == id && m.status == status {
				r.mu.Unlock()
				return m.data
			}
		}
		r.mu.Unlock()
	}
	return nil
}

func (r *receiver) answers(id string, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer[id] = status
}

// ctl runs the operator's command on the deployment and returns what it prints.
func ctl(t *testing.T, command string, args ...string) string {
	t.Helper()
	endpoint, _, _ := strings.Cut(at.URL, "/_aws/")
	outputs := strings.TrimSuffix(os.Getenv("RUNLEASE_TARGET"), ".json") + ".outputs.json"
	run := exec.CommandContext(t.Context(), "go", append([]string{"run", "runlease/infra/ctl", "webhook", command, "-outputs", outputs}, args...)...)
	run.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Run(); err != nil {
		t.Fatalf("ctl webhook %s: %v\n%s", command, err, &errs)
	}
	return out.String() + errs.String()
}

// TestWebhook follows announcements from the table's stream to a receiver: one is
// delivered at once, one by a retry, and one is given up and sent back.
func TestWebhook(t *testing.T) {
	able(t, "webhook")
	t.Parallel()
	c := newClient(t)
	r := &receiver{t: t, answer: map[string]int{}}
	server := httptest.NewUnstartedServer(r)
	var added struct{ ID, Secret string }
	if err := json.Unmarshal([]byte(ctl(t, "add", "http://"+server.Listener.Addr().String())), &added); err != nil {
		t.Fatal(err)
	}
	defer ctl(t, "remove", added.ID)
	var err error
	if r.verifier, err = standardwebhooks.NewWebhook(added.Secret); err != nil {
		t.Fatal(err)
	}
	server.Start()
	defer server.Close()
	ctl(t, "test", added.ID)

	problem := c.published()
	// A job that becomes final, and whose announcement is answered with a status.
	final := func(status int) (job, message string) {
		job = c.queued(problem)
		message = job + "-0"
		r.answers(message, status)
		c.want(200, "", request{"POST", "/jobs/" + job + "/cancel", nil, producer()})
		return job, message
	}
	// A function that runs already calls a new webhook after half a minute.
	var data map[string]any
	for end := time.Now().Add(2 * time.Minute); data == nil; {
		job, message := final(http.StatusNoContent)
		if data = r.await(message, http.StatusNoContent, 5*time.Second); data == nil && time.Now().After(end) {
			t.Fatal("no job is announced")
		}
		if diff := cmp.Diff(c.job(job), data); data != nil && diff != "" {
			t.Errorf("announced (-GET /jobs/{id} +data):\n%s", diff)
		}
	}

	// The first try fails; what the minute's rule drains is delivered, or is refused
	// for good and waits for the operator.
	_, retried := final(http.StatusServiceUnavailable)
	buried, refused := final(http.StatusServiceUnavailable)
	const failed, twoDrains = http.StatusServiceUnavailable, 4 * time.Minute
	if r.await(retried, failed, patience) == nil && r.await(refused, failed, 0) == nil { // one may find the webhook parked
		t.Fatal("neither is tried at once")
	}
	r.answers(retried, http.StatusOK)
	r.answers(refused, http.StatusGone)
	if r.await(retried, http.StatusOK, twoDrains) == nil || r.await(refused, http.StatusGone, twoDrains) == nil {
		t.Fatal("the queue of announcements is not drained")
	}
	dead := func(id string) bool { return strings.Contains(ctl(t, "dead"), id) }
	until.True(t, patience, buried+" is among the dead letters", func() bool { return dead(buried) })
	r.answers(refused, http.StatusOK)
	if said := ctl(t, "send-back", "-webhook", added.ID); !strings.Contains(said, "1 sent back") || dead(buried) {
		t.Errorf("sent back: %s", said)
	}
	if r.await(refused, http.StatusOK, twoDrains) == nil {
		t.Error("what was sent back is not delivered")
	}
	_, after := final(http.StatusNoContent)
	if r.await(after, http.StatusNoContent, twoDrains) == nil {
		t.Error("what comes after a failure is not delivered")
	}
}
