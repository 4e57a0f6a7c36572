package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"runlease/shared/job"
)

// foundJob is a job as GET /ops/jobs shows it, as far as it is printed.
type foundJob struct {
	SubmissionID, State           string
	ProblemID, Language           int
	Group, Runner, Lacks          *string
	Generation, Attempt, Failures int
	QueuedAt, LeaseExpiresAt      *float64
	CancelRequested               bool
}

// foundJobs prints the jobs that the API finds, up to limit.
func foundJobs(ctx context.Context, op operator, at apiAt, filter url.Values, limit int) error {
	api, err := at.open(op)
	if err != nil {
		return err
	}
	now := job.At(op.now())
	var rows [][]string
	filter.Set("limit", strconv.Itoa(limit))
	type list struct {
		Jobs []foundJob
		Next *string
	}
	err = eachPage(ctx, api, "/ops/jobs", filter, func(page list) (next *string, err error) {
		for _, f := range page.Jobs[:min(len(page.Jobs), limit-len(rows))] {
			j := job.Job{
				ID: f.SubmissionID, State: job.State(f.State), Problem: f.ProblemID, Language: job.Language(f.Language), Group: *cmp.Or(f.Group, new("")),
				Generation: f.Generation, Attempt: f.Attempt, Failures: f.Failures, CancelRequested: f.CancelRequested, Lacks: job.Why(*cmp.Or(f.Lacks, new(""))),
				QueuedAt: millis(f.QueuedAt), Claim: job.Claim{Runner: *cmp.Or(f.Runner, new("")), LeaseExpiresAt: millis(f.LeaseExpiresAt)},
			}
			rows = append(rows, jobRow(j, now))
		}
		if len(rows) == limit {
			return nil, nil
		}
		return page.Next, nil
	})
	if err != nil {
		return err
	}
	return printTable(op.out, jobsHead, rows)
}

// eachPage asks for a list page by page until see, which returns where the next one
// begins, a number or a text, returns nil.
func eachPage[P, C any](ctx context.Context, api client, path string, query url.Values, see func(P) (next *C, err error)) error {
	for next := new(C); next != nil; {
		var page P
		query.Set("after", fmt.Sprint(*next))
		err := api.Call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page)
		if err == nil {
			next, err = see(page)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func jobRow(j job.Job, now job.Time) []string {
	queued := "-" // it has ended
	if j.Open() {
		queued = now.Sub(j.QueuedAt).Round(time.Second).String()
	}
	return []string{
		j.ID, string(j.State), queued, j.Group, strconv.Itoa(j.Problem),
		strconv.Itoa(j.Generation), strconv.Itoa(j.Attempt), strconv.Itoa(j.Failures), holder(j, now),
	}
}

func millis(seconds *float64) job.Time {
	if seconds == nil {
		return 0
	}
	return job.Time(*seconds*1000 + 0.5)
}

// pools prints how each pool stands.
func pools(ctx context.Context, op operator, args []string) error {
	var found struct {
		Pools []struct {
			Name                                              string
			Paused                                            *struct{ By, Why string }
			Depth, InFlight, Waiting, Running, Runners, Slots int
			OldestSeconds, MeanWaitSeconds, P99WaitSeconds    *float64
		}
	}
	if err := op.ask(ctx, "pools", args, "/ops/pools", nil, &found); err != nil {
		return err
	}
	var rows [][]string
	for _, p := range found.Pools {
		paused := "-"
		if p.Paused != nil {
			paused = p.Paused.By + ": " + p.Paused.Why
		}
		rows = append(rows, []string{
			p.Name, strconv.Itoa(p.Waiting), strconv.Itoa(p.Running), seconds(p.OldestSeconds), strconv.Itoa(p.Runners), strconv.Itoa(p.Slots),
			seconds(p.MeanWaitSeconds), seconds(p.P99WaitSeconds), paused,
		})
	}
	return printTable(op.out, []string{"POOL", "WAITING", "RUNNING", "OLDEST", "RUNNERS", "SLOTS", "MEAN WAIT", "P99 WAIT", "PAUSED"}, rows)
}

// seconds prints a time that may not be known.
func seconds(s *float64) string {
	if s == nil {
		return "-"
	}
	return time.Duration(*s * float64(time.Second)).Round(time.Second / 10).String()
}

// demand prints how many slots a pool needs.
func demand(ctx context.Context, op operator, args []string) error {
	var d struct {
		Pool                            string
		Waiting, Running, Slots, Wanted int
		MeanRunSeconds                  *float64
	}
	if err := op.ask(ctx, "demand", args, "/ops/demand", map[string]string{
		"pool": "the `pool`; else default", "targetSeconds": "how many `seconds` a job should wait at most; else 30",
	}, &d); err != nil {
		return err
	}
	return printTable(op.out, []string{"POOL", "WAITING", "RUNNING", "MEAN RUN", "SLOTS", "WANTED"}, [][]string{{
		d.Pool, strconv.Itoa(d.Waiting), strconv.Itoa(d.Running), seconds(d.MeanRunSeconds), strconv.Itoa(d.Slots), strconv.Itoa(d.Wanted),
	}})
}

// disputes prints the jobs whose verdict a late result denies.
func disputes(ctx context.Context, op operator, args []string) error {
	var found struct {
		Disputes []struct {
			SubmissionID                         string
			ProblemID, Generation, Status, Score int
			EndedAt                              float64
			Late                                 []struct {
				Runner        string
				At            float64
				Status, Score int
			}
		}
		Next *string
	}
	if err := op.ask(ctx, "disputes", args, "/ops/disputes", map[string]string{"after": "go on behind this `cursor`"}, &found); err != nil {
		return err
	}
	var rows [][]string
	for _, d := range found.Disputes {
		for _, l := range d.Late {
			rows = append(rows, []string{
				d.SubmissionID, strconv.Itoa(d.ProblemID), strconv.Itoa(d.Generation), moment(d.EndedAt), job.Verdict{Status: d.Status, Score: d.Score}.String(),
				l.Runner, moment(l.At), job.Verdict{Status: l.Status, Score: l.Score}.String(),
			})
		}
	}
	if err := printTable(op.out, []string{"JOB", "PROBLEM", "GENERATION", "ENDED", "VERDICT", "LATE RUNNER", "AT", "LATE RESULT"}, rows); err != nil {
		return err
	}
	if found.Next != nil {
		_, _ = fmt.Fprintf(op.err, "there are more: -after %s\n", *found.Next)
	}
	return nil
}

// ask reads flags, which are sent as parameters of their names, and asks the API.
func (op operator) ask(ctx context.Context, verb string, args []string, path string, parameters map[string]string, data any) error {
	f := op.flags("ctl " + verb)
	at := apiFlags(f)
	query := url.Values{}
	for name, usage := range parameters {
		f.Func(flagName(name), usage, func(v string) error {
			query.Set(name, v)
			return nil
		})
	}
	if err := parse(f, args); err != nil {
		return err
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return api.Call(ctx, http.MethodGet, path, nil, data)
}

var capital = regexp.MustCompile(`[A-Z]`)

// flagName returns the flag of a query parameter: target-seconds for targetSeconds.
func flagName(parameter string) string {
	return strings.ToLower(capital.ReplaceAllString(parameter, "-$0"))
}
