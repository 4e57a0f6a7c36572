package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/language"
)

// The stack's output and the variable that name the jobs table.
const (
	jobsOutput = "JobsTable"
	jobsEnv    = "RUNLEASE_JOBS_TABLE"
)

// openedJobs is as much of a deployment's store as is read here.
type openedJobs interface {
	Open(ctx context.Context, shard int, cursor string, limit int) (page []dispatch.OpenJob, next string, err error)
	GetMany(ctx context.Context, ids []string) (map[string]job.Job, error)
}

// maxOpen is how many jobs GetMany reads at once.
const maxOpen = 100

// jobs prints the oldest open jobs: what a person looks for after an alarm that a
// job waits too long. By a producer's token it asks the API, which can narrow them;
// without one, or by -table, it reads the table.
func jobs(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl jobs")
	at := apiFlags(f)
	table := f.String("table", "", "`name` of the jobs table, which is read in place of the API (else from -outputs or $"+jobsEnv+", if there is no token)")
	limit := f.Int("max", 20, "print at most `n` jobs")
	filter := url.Values{}
	for name, usage := range map[string]string{
		"state": "only jobs in this `state`: queued, claimed or final (those of -problem, the last that ended first)", "pool": "only jobs of this `pool`",
		"runner": "only jobs that this `runner` holds", "problem": "only jobs of the problem of this `number`",
	} {
		f.Func(name, usage, func(v string) error {
			filter.Set(name, v)
			return nil
		})
	}
	if err := parse(f, args); err != nil {
		return err
	}
	if *limit < 1 || *limit > maxOpen {
		return misuse(f, "-max: want 1 to %d", maxOpen)
	}
	if byAPI := *at.tokenFile != "" || op.getenv(producerTokenEnv) != ""; *table == "" && byAPI {
		return foundJobs(ctx, op, at, filter, *limit)
	}
	if len(filter) > 0 {
		return misuse(f, "-state, -pool, -runner and -problem take a producer's token with the scope ops:read, and no -table")
	}
	return jobsOfTable(ctx, op, where{table, at.outputs, at.stack, "jobs", jobsOutput, jobsEnv}, *limit)
}

// jobsOfTable reads them with the operator's own AWS credentials.
func jobsOfTable(ctx context.Context, op operator, at where, limit int) error {
	table, err := named(op, *at.table, *at.outputs, *at.stack, at.output, at.variable)
	if err != nil {
		return err
	}
	if table == "" {
		return errors.New("whose jobs? To ask the API give -url, -outputs or $" + apiEnv + ", and -token-file or $" + producerTokenEnv + "; to read the table of a deployment, -table or -outputs")
	}
	store, err := op.jobs(ctx, table)
	if err != nil {
		return err
	}
	oldest, err := oldestOpen(ctx, store, limit)
	if err != nil {
		return err
	}
	now := job.At(op.now())
	rows := make([][]string, 0, len(oldest))
	for _, j := range oldest {
		rows = append(rows, jobRow(j, now))
	}
	return printTable(op.out, jobsHead, rows)
}

var jobsHead = []string{"ID", "STATE", "QUEUED FOR", "GROUP", "PROBLEM", "GENERATION", "ATTEMPT", "FAILURES", "HOLDER"}

// holder describes a job's holder, the end of its lease, and what it was asked to
// do; or what all runners lack that have looked at the job.
func holder(j job.Job, now job.Time) string {
	switch {
	case j.Lacks == job.LacksLanguage:
		return strings.TrimSuffix(fmt.Sprintf("no runner judges language %d (%s)", j.Language, language.Name(int(j.Language))), " ()")
	case j.Lacks == job.LacksCheckers:
		return fmt.Sprintf("no runner that judges language %d runs the checker of its problem", j.Language)
	case j.State != job.Claimed:
		return ""
	}
	lease := "for " + j.Claim.LeaseExpiresAt.Sub(now).Round(time.Second).String()
	if j.LeaseExpired(now) {
		lease = "silent for " + now.Sub(j.Claim.LeaseExpiresAt).Round(time.Second).String()
	}
	if j.CancelRequested {
		lease += ", cancel asked"
	}
	return j.Claim.Runner + " (" + lease + ")"
}

// oldestOpen reads the jobs that have been queued for longest. The index of open
// jobs may lag: what has ended meanwhile is left out.
func oldestOpen(ctx context.Context, store openedJobs, limit int) ([]job.Job, error) {
	var entries []dispatch.OpenJob
	for shard := range dispatch.Shards {
		page, _, err := store.Open(ctx, shard, "", limit)
		if err != nil {
			return nil, err
		}
		entries = append(entries, page...)
	}
	slices.SortFunc(entries, func(a, b dispatch.OpenJob) int {
		return cmp.Or(cmp.Compare(a.QueuedAt, b.QueuedAt), cmp.Compare(a.ID, b.ID))
	})
	entries = entries[:min(len(entries), limit)]
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := store.GetMany(ctx, ids)
	if err != nil {
		return nil, err
	}
	var open []job.Job
	for _, id := range ids {
		if j, exists := found[id]; exists && j.Open() {
			open = append(open, j)
		}
	}
	return open, nil
}
