package main

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/roster"
)

// TestExplainAndTimeline ask the API about a job.
func TestExplainAndTimeline(t *testing.T) {
	store, credentials := memory.NewStore(), memory.NewCredentials()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	j := job.Job{ID: "sub-1", Problem: 7, Group: "class", State: job.Queued, CreatedAt: job.At(now), QueuedAt: job.At(now), RungAt: job.At(now.Add(time.Minute)), Revision: 1, Past: []job.Past{
		{Attempt: 1, Runner: "judge-1", ClaimedAt: job.At(now), EndedAt: job.At(now.Add(time.Minute)), How: job.HowReleased, Reason: job.ReasonInfraError, Detail: "no\ndisk\x1b[2J\u202e"},
	}}
	if _, created, err := store.Create(t.Context(), j); err != nil || !created {
		t.Fatal(err)
	}
	token, _, err := auth.Issue(t.Context(), credentials, auth.Grant{Kind: auth.Producer, Name: "ops", Scopes: []string{api.ScopeOpsRead, api.ScopeOpsWrite}}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := dispatch.New(store, memory.NewQueue(time.Now), memory.NewArtifacts("http://127.0.0.1", []byte("secret"), time.Now))
	d.Roster = store
	if _, saved, err := store.SaveProblem(t.Context(), problem.Problem{}, problem.Problem{ID: 7, Revision: 1}); err != nil || !saved {
		t.Fatal(err)
	}
	record := roster.Runner{Name: "judge-1", LastHeard: job.At(now), State: roster.Draining, Why: "old disk", Reports: roster.Reports{Version: "r/1"}, Health: roster.Health{LostLeases: 2, InfraErrors: 1}, Revision: 1}
	if _, saved, err := store.SaveRunner(t.Context(), roster.Runner{}, record); err != nil || !saved {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Dispatch: d, Auth: auth.NewVerifier(credentials), Log: slog.New(slog.DiscardHandler)}).Handler())
	defer server.Close()
	stale := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(stale, []byte(token[:len(token)-1]), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"RUNLEASE_URL": server.URL, "RUNLEASE_PRODUCER_TOKEN": token}
	for _, tc := range []struct {
		args   string
		exit   int
		prints string
	}{
		{"explain sub-1", 0, "queued\n1. no runner was heard of late\n   remedy: start one\n"},
		{"timeline sub-1", 0, "2026-03-01T12:01:00.000Z  released  0           1        judge-1  infra_error: no disk\\u001b[2J\\u202e\n"},
		{"timeline -url " + server.URL + " sub-1", 0, "2026-03-01T12:00:00.000Z  created   0           -        -        -\n"},
		{"runners", 0, "judge-1  draining  2026-03-01T12:00:00.000Z  r/1      default  0,1,2      false     2     1      0         old disk\n"},
		{"pools", 0, "default  1        0        "},
		{"demand -target-seconds 60", 0, "default  0        0        -         0      0\n"},
		{"demand -pool exam", 1, "no such pool"},
		{"disputes", 0, "JOB  PROBLEM  GENERATION"},
		{"jobs -state queued", 0, "sub-1  queued  1h0m0s      class  7        0           0        0         \n"},
		{"jobs -runner judge-1", 0, "HOLDER\n"},
		{"jobs -state asleep", 1, "want queued, claimed or final"},
		{"jobs -table t -state queued", 2, "no -table"},
		{"runner judge-1 retire -why scale-in", 0, "judge-1 is retired\nits machine may go\n"},
		{"runner -why back judge-1 resume", 1, "it is retired for ever"},
		{"runner judge-1", 2, "name a runner and one of"},
		{"pause -why wrong", 0, "all is paused by ops since "},
		{"explain sub-1", 0, "1. all is paused by ops since "},
		{"resume -why mended", 0, "all is not paused any more\n"},
		{"pause -problem 7", 1, "why: want why this is done"},
		{"audit", 0, "  ops  retire  runner:judge-1  scale-in\n"},
		{"audit -max 2", 0, "these are the newest 2, and there are older ones: -max 20 shows more\n"},
		{"audit -max 3 -since 2h", 0, "scale-in\n"},
		{"audit -since 2100-01-01T00:00:00Z", 0, "AT  BY  ACT  TARGET  WHY\n"},
		{"audit -since yesterday", 2, "want a time like 2026-11-28T09:00:00Z or 24h"},
		{"audit -max 0", 2, "want 1 or more"},
		{"rejudge -problem 7 -status WA -from 2026-03-01T12:00:00Z -to 2027-01-01T00:00:00Z -pool default -why tests", 0, " of problem 7, WA, from 2026-03-01T12:00:00.000Z, to 2027-01-01T00:00:00.000Z, in pool default is running: 0 of 0\nit goes on each minute"},
		{"rejudge -problem 7 -why others", 1, "another rejudge of this problem is running: "},
		{"rejudges", 0, "in pool default  running  0     0         0        0       -      ops  tests\n"},
		{"rejudge -stop none -why x", 1, "rejudge not found"},
		{"rejudge -stop none -problem 7 -why x", 2, "-stop goes with -why alone"},
		{"rejudge -why x", 2, "say which -problem"},
		{"rejudge -problem 7 -status ok -why x", 2, "there is no status ok"},
		{"rejudge -problem 7 -from yesterday -why x", 2, "want a time like 2026-11-28T09:00:00Z"},
		{"pause -pool= -why wrong", 1, "pool: "}, // not everything
		{"pause -problem 0 -why wrong", 1, "problemId: want an integer, 1 to"},
		{"resume -problem 0 -why wrong", 1, "problemId: want an integer, 1 to"},
		{"explain sub-1 -url " + server.URL, 0, "queued\n"},
		{"pools -url 127.0.0.1:8080", 1, "must begin with https:// or http://"},
		{"pools -token-file " + stale, 1, "neither expired nor revoked"},
		{"jobs -h", 0, "usage: ctl jobs [flags]\n"},
		{"runner -h", 0, "usage: ctl runner NAME ACT [flags]\n"},
		{"explain sub-2", 1, "submission not found"},
		{"explain", 2, "the job's id"},
		{"timeline sub-1 sub-2", 2, "ctl timeline"},
		{"timeline no/job", 2, "is no id of a job"},
	} {
		var out bytes.Buffer
		op := operator{out: &out, err: &out, now: func() time.Time { return now.Add(time.Hour) }, getenv: func(name string) string { return env[name] }}
		if got := run(t.Context(), op, strings.Fields(tc.args)); got != tc.exit || !strings.Contains(out.String(), tc.prints) {
			t.Errorf("%s: exit %d, printed\n%s", tc.args, got, out.String())
		}
	}
}
