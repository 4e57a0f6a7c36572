package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/memory"
	"runlease/shared/problem"
	"runlease/shared/testkit/zips"
)

// jobsRun runs ctl jobs on a store, an hour after the jobs of newJobs began.
func jobsRun(t *testing.T, store openedJobs, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	exit = run(t.Context(), operator{
		out: &out, err: &errs,
		getenv: func(name string) string { return map[string]string{jobsEnv: "jobs-table"}[name] },
		now:    func() time.Time { return jobsBegan.Add(time.Hour) },
		jobs: func(_ context.Context, table string) (openedJobs, error) {
			if table != "jobs-table" {
				t.Errorf("opened %q", table)
			}
			return store, nil
		},
	}, append([]string{"jobs"}, args...))
	return exit, out.String(), errs.String()
}

var jobsBegan = time.Unix(1_700_000_000, 0)

// newJobs has five jobs, queued a minute apart: one held, one whose holder is
// silent and should stop, one finished, and two that wait.
func newJobs(t *testing.T) *memory.Store {
	t.Helper()
	store, clock := memory.NewStore(), jobsBegan
	now := func() time.Time { return clock }
	content := problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}}}
	if _, saved, err := store.SaveProblem(t.Context(), problem.Problem{}, problem.Problem{ID: 17, Version: 1, Current: content, Revision: 1}); err != nil || !saved {
		t.Fatal(saved, err)
	}
	d := dispatch.New(store, memory.NewQueue(now), memory.NewArtifacts("http://127.0.0.1", []byte("secret"), now))
	d.Now = now
	granted := func(answer dispatch.Answer, err error) {
		t.Helper()
		if err != nil || !answer.OK() {
			t.Fatal(answer, err)
		}
	}
	code := zips.Code("")
	for _, id := range []string{"held", "silent", "finished", "waits", "waits-too"} {
		sum := sha256.Sum256(code)
		a := job.Artifact{Size: int64(len(code)), SHA256: hex.EncodeToString(sum[:])}
		_, answer, err := d.Create(t.Context(), dispatch.CreateRequest{CreateOp: job.CreateOp{ID: id, Problem: 17, Group: "class", Code: a}, Inline: code})
		granted(answer, err)
		clock = clock.Add(time.Minute)
	}
	_, answer, err := d.Claim(t.Context(), dispatch.ClaimRequest{ID: "silent", Runner: "judge-2", LeaseSeconds: new(600)})
	granted(answer, err)
	_, answer, err = d.Cancel(t.Context(), "silent")
	granted(answer, err)
	_, answer, err = d.Cancel(t.Context(), "finished")
	granted(answer, err)
	clock = jobsBegan.Add(55 * time.Minute)
	_, answer, err = d.Claim(t.Context(), dispatch.ClaimRequest{ID: "held", Runner: "judge-1", LeaseSeconds: new(600)})
	granted(answer, err)
	return store
}

func TestJobs(t *testing.T) {
	store := newJobs(t)
	exit, out, errs := jobsRun(t, store)
	want := `ID         STATE    QUEUED FOR  GROUP  PROBLEM  GENERATION  ATTEMPT  FAILURES  HOLDER
held       claimed  1h0m0s      class  17       0           1        0         judge-1 (for 5m0s)
silent     claimed  59m0s       class  17       0           1        0         judge-2 (silent for 45m0s, cancel asked)
waits      queued   57m0s       class  17       0           0        0         
waits-too  queued   56m0s       class  17       0           0        0         
`
	if diff := cmp.Diff(want, out); exit != 0 || diff != "" {
		t.Errorf("exit %d: %s%s", exit, errs, diff)
	}
	if exit, out, errs := jobsRun(t, store, "-max", "1"); exit != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "held") {
		t.Errorf("exit %d: %s%s", exit, errs, out)
	}
	if exit, out, _ := jobsRun(t, memory.NewStore()); exit != 0 || strings.Count(out, "\n") != 1 {
		t.Errorf("no jobs: exit %d: %s", exit, out)
	}
}

// behind is a store whose index still has jobs that are over, or gone.
type behind struct{ *memory.Store }

func (b behind) Open(ctx context.Context, shard int, cursor string, limit int) ([]dispatch.OpenJob, string, error) {
	page, next, err := b.Store.Open(ctx, shard, cursor, limit)
	if shard == 0 {
		page = append(page, dispatch.OpenJob{ID: "finished"}, dispatch.OpenJob{ID: "gone"})
	}
	return page, next, err
}

func TestJobsThatAreOverAreLeftOut(t *testing.T) {
	exit, out, errs := jobsRun(t, behind{newJobs(t)})
	if exit != 0 || strings.Contains(out, "finished") || strings.Contains(out, "gone") || strings.Count(out, "\n") != 5 {
		t.Errorf("exit %d: %s%s", exit, errs, out)
	}
}

// jobsAway is a store that fails.
type jobsAway struct{ openedJobs }

func (jobsAway) Open(context.Context, int, string, int) ([]dispatch.OpenJob, string, error) {
	return nil, "", errors.New("table is away")
}

func TestJobsRefused(t *testing.T) {
	if exit, out, errs := jobsRun(t, jobsAway{}); exit != 1 || out != "" || !strings.Contains(errs, "table is away") {
		t.Errorf("exit %d: %s%s", exit, errs, out)
	}
	for _, args := range [][]string{{"-max", "0"}, {"-max", "101"}, {"more"}} {
		if exit, _, _ := jobsRun(t, memory.NewStore(), args...); exit != 2 {
			t.Errorf("%q: exit %d", args, exit)
		}
	}
}
