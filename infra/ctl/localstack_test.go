//go:build localstack

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dynamo"
	"runlease/shared/job"
	"runlease/shared/testkit/tables"
	"runlease/shared/testkit/until"
)

// This test runs the command as an operator does, against a DynamoDB API:
// LocalStack on this machine, or the one that AWS_ENDPOINT_URL names. If there
// is none it fails.

// emulated points the SDK's own configuration at the emulator, and away from
// any account of this machine's user.
func emulated(t *testing.T) {
	t.Helper()
	here := os.Getenv("AWS_ENDPOINT_URL") == ""
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
	} {
		if here || os.Getenv(name) == "" {
			t.Setenv(name, value)
		}
	}
	for _, name := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_DYNAMODB"} {
		t.Setenv(name, "")
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, os.DevNull)
	}
}

func TestOnDynamoDB(t *testing.T) {
	emulated(t)
	table := tables.For(t, dynamo.Tables{Credentials: "ctl"}).Credentials
	store, err := openCredentials(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	ctl := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		exit := run(t.Context(), operator{
			in: strings.NewReader(""), out: &out, err: &errs,
			getenv: func(string) string { return "" }, now: time.Now, random: rand.Reader, credentials: openCredentials,
		}, append(args, "-table", table))
		if exit != 0 {
			t.Fatalf("%q: exit %d: %s", args, exit, errs.String())
		}
		return out.String()
	}
	issue := func(args ...string) (got issued) {
		t.Helper()
		if err := json.Unmarshal([]byte(ctl(append([]string{"token", "issue"}, args...)...)), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	bound := issue("-kind", "runner", "-name", "judge-1", "-expires", "90d")
	fleet := issue("-kind", "runner", "-fleet", "-expires", "never")
	web := issue("-kind", "producer", "-scopes", "jobs:read,jobs:write", "-name", "web")

	// Every use has its own verifier: what is tested here is what is stored.
	if name, _, err := auth.NewVerifier(store).Runner(t.Context(), bound.Token, ""); name != "judge-1" || err != nil {
		t.Errorf("bound: %q, %v", name, err)
	}
	if name, _, err := auth.NewVerifier(store).Runner(t.Context(), fleet.Token, "any"); name != "any" || err != nil {
		t.Errorf("fleet: %q, %v", name, err)
	}
	if name, err := auth.NewVerifier(store).Producer(t.Context(), web.Token, "jobs:write"); name != "web" || err != nil {
		t.Errorf("producer: %q, %v", name, err)
	}
	if _, err := auth.NewVerifier(store).Producer(t.Context(), web.Token, "problems:write"); !errors.Is(err, auth.ErrScope) {
		t.Errorf("a scope that was not given: %v", err)
	}

	list := listedWithin(t, 15*time.Second, func() string { return ctl("token", "list") }, bound.ID, fleet.ID, web.ID)
	for _, secret := range []string{bound.Token, fleet.Token, web.Token} {
		if strings.Contains(list, secret) || strings.Contains(list, auth.Hash(secret)) {
			t.Error("the list contains a token or its hash")
		}
	}

	ctl("token", "revoke", "-id", fleet.ID)
	if _, _, err := auth.NewVerifier(store).Runner(t.Context(), fleet.Token, "any"); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	if _, _, err := auth.NewVerifier(store).Runner(t.Context(), bound.Token, ""); err != nil {
		t.Errorf("another than the revoked: %v", err)
	}
}

// listedWithin waits until the index shows all ids, and returns the list.
func listedWithin(t *testing.T, patience time.Duration, list func() string, ids ...string) (text string) {
	t.Helper()
	until.NoError(t, patience, func() error {
		text = list()
		for _, id := range ids {
			if !strings.Contains(text, id) {
				return errors.New("not listed: " + id)
			}
		}
		return nil
	})
	return text
}

func TestTableThatIsNotThereIsTold(t *testing.T) {
	emulated(t)
	var out, errs bytes.Buffer
	exit := run(t.Context(), operator{
		out: &out, err: &errs, now: time.Now, random: rand.Reader, credentials: openCredentials,
	}, []string{"token", "issue", "-kind", "runner", "-name", "a", "-table", "credentials-" + strings.ToLower(rand.Text())})
	if exit != 1 || out.Len() > 0 || !strings.Contains(errs.String(), "store credential") {
		t.Errorf("exit %d, stdout %d bytes, stderr %q", exit, out.Len(), errs.String())
	}
}

// TestJobsOnDynamoDB: a job that waits is listed, from the index of open jobs.
func TestJobsOnDynamoDB(t *testing.T) {
	emulated(t)
	table := tables.For(t, dynamo.Tables{Jobs: "ctl"}).Jobs
	store, err := openStore(t.Context(), dynamo.Tables{Jobs: table})
	if err != nil {
		t.Fatal(err)
	}
	at := job.At(time.Now().Add(-time.Hour))
	waits := job.Job{
		ID: "waits", Problem: 17, Group: "class", State: job.Queued, Bell: 1, RungAt: at, CreatedAt: at, QueuedAt: at,
		Code: job.Artifact{Size: 2, SHA256: strings.Repeat("0", 64)}, Revision: 1, WriteID: "00000000000000aa",
	}
	if _, created, err := store.Create(t.Context(), waits); err != nil || !created {
		t.Fatal(created, err)
	}
	listedWithin(t, 15*time.Second, func() string {
		var out, errs bytes.Buffer
		exit := run(t.Context(), operator{out: &out, err: &errs, getenv: func(string) string { return "" }, now: time.Now, jobs: openJobs},
			[]string{"jobs", "-table", table})
		if exit != 0 {
			t.Fatalf("exit %d: %s", exit, errs.String())
		}
		return out.String()
	}, "waits", "1h0m", "class")
}
