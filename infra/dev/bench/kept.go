package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"runlease/shared/api"
	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/durable"
	domain "runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/problem"
	"runlease/shared/testkit/figure"
)

// The goals of the embedded server with a folder. Its clients wait for the disk
// most of the time, so there are more of them.
const (
	keptJobsGoal  = 4_000
	keptP99Goal   = 30.0 // ms of a request, at half of that
	keptStartGoal = 2.0  // seconds, with the waiting jobs
	keptJobs      = 1_000_000
	keptWorkers   = 64
	// fillers hand the waiting jobs in, each with one under way.
	fillers = 1000
)

// kept loads the server with an empty folder, and with a folder of a million
// jobs that wait.
func kept(ctx context.Context) ([]figure.Figure, error) {
	dir, err := os.MkdirTemp("", "runlease-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := new(server).serve(ctx, "-data", dir+"/empty", "-rate", "0")
	if err != nil {
		return nil, err
	}
	jobsPerSecond, p99, err := s.best(ctx, keptWorkers, keptJobsGoal/2)
	s.end()
	if err != nil {
		return nil, err
	}
	full, err := fill(ctx, dir+"/full")
	if err != nil {
		return nil, err
	}
	if full, err = full.serve(ctx, "-data", dir+"/full", "-rate", "0"); err != nil {
		return nil, err
	}
	defer full.end()
	waiting, _, err := full.best(ctx, keptWorkers, keptJobsGoal/2)
	if err != nil {
		return nil, err
	}
	return []figure.Figure{
		figure.AtLeast("durable_jobs_per_second", jobsPerSecond, "jobs/s over loopback, on the disk before the reply", keptJobsGoal).Rounded(0),
		figure.AtMost("durable_p99_ms", p99, "ms of a request, at 2,000 jobs/s", keptP99Goal).Rounded(2),
		figure.AtMost("durable_start_seconds_1000000", full.took.Seconds(), "s to the first line, 1,000,000 jobs waiting", keptStartGoal).Rounded(2),
		figure.AtLeast("durable_jobs_per_second_1000000", waiting, "jobs/s with 1,000,000 jobs waiting", keptJobsGoal).Rounded(0),
	}, nil
}

// fill makes a folder with jobs that wait, past the API, and tokens for it.
func fill(ctx context.Context, dir string) (_ *server, err error) {
	db, err := durable.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	queue, err := db.Queue()
	if err != nil {
		return nil, err
	}
	s := new(server)
	for _, t := range []struct {
		into  *string
		grant auth.Grant
	}{
		{&s.RunnerToken, auth.Grant{Kind: auth.Runner, Name: "fleet", Fleet: true}},
		{&s.ProducerToken, auth.Grant{Kind: auth.Producer, Name: "bench", Scopes: []string{api.ScopeJobsWrite, api.ScopeProblemsWrite}}},
	} {
		if *t.into, _, err = auth.Issue(ctx, db.Credentials(), t.grant, time.Now(), rand.Reader); err != nil {
			return nil, err
		}
	}
	store := db.Store()
	published := problem.Problem{
		ID: 1, Version: 1, Revision: 1, WriteID: "0000000000000001",
		Current: problem.Content{Tasks: []judge.Task{{Score: 100, Cases: 1, MemoryLimit: 65536, TimeLimit: 1000}}},
	}
	if _, _, err := store.SaveProblem(ctx, problem.Problem{}, published); err != nil {
		return nil, err
	}
	all, ctx := errgroup.WithContext(ctx)
	for f := range fillers {
		all.Go(func() error {
			for n := f; n < keptJobs; n += fillers {
				if err := waitingJob(ctx, store, queue, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return s, all.Wait()
}

// waitingJob hands in a job as package dispatch does, except for its code.
func waitingJob(ctx context.Context, store dispatch.Store, queue dispatch.Queue, n int) error {
	now := domain.At(time.Now())
	op := domain.CreateOp{Now: now, ID: fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15), Problem: 1, Language: domain.Python3}
	op.Code = domain.Artifact{Size: 2, SHA256: strings.Repeat("ab", 32)}
	j, _ := domain.SubmitOp{Now: now}.Apply(op.New())
	j.Revision, j.WriteID = 1, fmt.Sprintf("%016x", n)
	if err := queue.Ring(ctx, j.Message()); err != nil {
		return err
	}
	_, _, err := store.Create(ctx, j)
	return err
}
