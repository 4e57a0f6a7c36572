package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"runlease/shared/job"
)

// explain prints why a job has no verdict yet.
func explain(ctx context.Context, op operator, args []string) error {
	var found struct {
		State   string
		Reasons []struct {
			Reason, Remedy string
			Until          *float64
		}
	}
	if err := askOfJob(ctx, op, "explain", args, &found); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(op.out, found.State)
	for i, r := range found.Reasons {
		until := ""
		if r.Until != nil {
			until = ", until " + moment(*r.Until)
		}
		_, _ = fmt.Fprintf(op.out, "%d. %s%s\n   remedy: %s\n", i+1, r.Reason, until, r.Remedy)
	}
	return nil
}

// timeline prints what has happened to a job.
func timeline(ctx context.Context, op operator, args []string) error {
	var found struct {
		Steps []struct {
			At             float64
			Step           string
			Generation     int
			Attempt        *int
			Runner, Detail *string
		}
	}
	if err := askOfJob(ctx, op, "timeline", args, &found); err != nil {
		return err
	}
	var rows [][]string
	for _, s := range found.Steps {
		attempt := "-"
		if s.Attempt != nil {
			attempt = strconv.Itoa(*s.Attempt)
		}
		rows = append(rows, []string{moment(s.At), s.Step, strconv.Itoa(s.Generation), attempt, orDash(s.Runner), orDash(s.Detail)})
	}
	return printTable(op.out, []string{"AT", "STEP", "GENERATION", "ATTEMPT", "RUNNER", "DETAIL"}, rows)
}

// askOfJob asks the API about the job that the arguments name.
func askOfJob(ctx context.Context, op operator, verb string, args []string, data any) error {
	f := op.flags("ctl "+verb, "JOB")
	at := apiFlags(f)
	id, err := parseJob(f, args)
	if err != nil {
		return err
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	return api.Call(ctx, http.MethodGet, "/jobs/"+id+"/"+verb, nil, data)
}

// parseJob reads flags and the id of a job.
func parseJob(f *flag.FlagSet, args []string) (string, error) {
	id, err := parseOne(f, args, "the job's id")
	if err == nil && !job.ValidID(id) {
		return "", misuse(f, "%q is no id of a job: %s", id, job.IDRule)
	}
	return id, err
}

func moment(seconds float64) string {
	return time.UnixMilli(int64(seconds * 1000)).UTC().Format("2006-01-02T15:04:05.000Z")
}

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
