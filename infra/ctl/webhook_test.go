package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"runlease/shared/announce"
	"runlease/shared/durable"
	"runlease/shared/job"
)

// TestWebhooksOfAFolder goes through every verb, on a folder that no server has.
func TestWebhooksOfAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db, err := durable.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	secret, taken := "", 0
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil || verifier.Verify(body, r.Header) != nil || !strings.Contains(string(body), `"webhook.test"`) {
			t.Errorf("got %s, %v", body, err)
		}
		taken++
	}))
	defer receiver.Close()
	d := newDesk()
	d.now = time.Now()
	ctl := func(want int, args ...string) (out, errs string) {
		t.Helper()
		out, errs, exit := d.ctl(t, append([]string{"webhook"}, args...)...)
		if exit != want {
			t.Fatalf("%v: exit %d, %s", args, exit, errs)
		}
		return out, errs
	}
	out, errs := ctl(0, "add", receiver.URL, "-data", dir)
	var added shownHook
	if err := json.Unmarshal([]byte(out), &added); err != nil || added.Secret == "" || strings.Contains(errs, added.Secret) {
		t.Fatalf("printed %s and %s, %v", out, errs, err)
	}
	secret = added.Secret
	for _, tc := range []struct{ url, why string }{
		{receiver.URL, "already"},
		{"http://judge.example.com", "-webhook-hosts"},
		{"https://10.0.0.1", "no public address"},
	} {
		if _, errs := ctl(1, "add", "-data", dir, tc.url); !strings.Contains(errs, tc.why) {
			t.Errorf("%s is refused by %q, want %q in it", tc.url, errs, tc.why)
		}
	}
	ctl(0, "add", "-data", dir, "-webhook-hosts", "10.0.0.1", "http://10.0.0.1/verdicts")
	out, _ = ctl(0, "list", "-data", dir)
	if strings.Count(out, "\n") != 3 || !strings.Contains(out, added.ID) || strings.Contains(out, "whsec_") {
		t.Errorf("listed %s", out)
	}
	ctl(0, "test", added.ID, "-data", dir)
	file := filepath.Join(t.TempDir(), "secret")
	if out, _ = ctl(0, "rotate", added.ID, "-data", dir, "-secret-file", file); strings.Contains(out, "whsec_") {
		t.Errorf("printed %s", out)
	}
	ctl(0, "test", added.ID, "-data", dir) // by the former secret too
	fresh, err := os.ReadFile(file)
	if err != nil || string(fresh) == secret+"\n" {
		t.Errorf("the file holds %q, %v", fresh, err)
	}
	secret = strings.TrimSpace(string(fresh))
	ctl(0, "test", added.ID, "-data", dir)
	receiver.Close()
	if _, errs := ctl(1, "test", added.ID, "-data", dir); !strings.Contains(errs, "not taken") || taken != 3 {
		t.Errorf("%d taken, then %s", taken, errs)
	}

	// A dead letter, as a server leaves it.
	if db, err = durable.Open(dir, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	hooks, err := db.Webhooks()
	if err != nil {
		t.Fatal(err)
	}
	if err := hooks.Add(t.Context(), announce.LettersFor(job.Job{ID: "j1"}, []announce.Endpoint{{ID: added.ID}}, d.now)); err != nil {
		t.Fatal(err)
	}
	held, err := hooks.Due(t.Context())
	if err != nil || len(held) != 1 {
		t.Fatal(held, err)
	}
	held[0].Failure = "the endpoint answers 503, want 2xx"
	if err := hooks.Bury(t.Context(), held[0]); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if out, _ = ctl(0, "dead", "-data", dir); !strings.Contains(out, "j1") || !strings.Contains(out, "503") {
		t.Errorf("dead: %s", out)
	}
	if _, errs = ctl(0, "send-back", "-data", dir, "-webhook", added.ID); !strings.HasPrefix(errs, "1 sent back") {
		t.Errorf("send-back: %s", errs)
	}
	if out, _ = ctl(0, "dead", "-data", dir); strings.Contains(out, "j1") {
		t.Errorf("dead still: %s", out)
	}
	ctl(0, "remove", added.ID, "-data", dir)
	if _, errs := ctl(1, "remove", added.ID, "-data", dir); !strings.Contains(errs, "no webhook") {
		t.Errorf("removed twice: %s", errs)
	}
}
