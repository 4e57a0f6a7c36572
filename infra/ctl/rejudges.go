package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"runlease/shared/judge"
)

// rejudged is a rejudge of many as the API shows it.
type rejudged struct {
	ID     string
	Filter struct {
		ProblemID int
		Status    *judge.Status
		From, To  *float64
	}
	Pool                               *string
	Why, By, State                     string
	Matched, Rejudged, Skipped, Failed int
	StartedAt                          float64
	EndedAt                            *float64
}

// of describes the jobs of a rejudge in a line.
func (r rejudged) of() string {
	words := []string{"problem " + strconv.Itoa(r.Filter.ProblemID)}
	if r.Filter.Status != nil {
		words = append(words, r.Filter.Status.String())
	}
	if r.Filter.From != nil {
		words = append(words, "from "+moment(*r.Filter.From))
	}
	if r.Filter.To != nil {
		words = append(words, "to "+moment(*r.Filter.To))
	}
	if r.Pool != nil {
		words = append(words, "in pool "+*r.Pool)
	}
	return strings.Join(words, ", ")
}

// rejudgeMany begins a rejudge of the final jobs of a problem, or stops one.
func rejudgeMany(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl rejudge")
	at := apiFlags(f)
	why := whyFlag(f)
	body := map[string]any{}
	f.Func("problem", "`id` of the problem whose jobs are judged again", func(s string) (err error) {
		body["problemId"], err = strconv.Atoi(s)
		return err
	})
	f.Func("status", fmt.Sprintf("only jobs with this `status`, one of %v", judge.Statuses()), func(s string) error {
		status, known := judge.ParseStatus(s)
		if !known {
			return fmt.Errorf("there is no status %s", s)
		}
		body["status"] = int(status)
		return nil
	})
	momentFlag(f, body, "from", "only jobs that ended at this `time` or later, as 2026-11-28T09:00:00Z")
	momentFlag(f, body, "to", "only jobs that ended before this `time`")
	f.Func("pool", "`name` of the pool where they are judged; without it each where it was", func(s string) error {
		body["pool"] = s
		return nil
	})
	stop := f.String("stop", "", "stop the rejudge of this `id` in place of beginning one")
	if err := parse(f, args); err != nil {
		return err
	}
	path := "/ops/rejudges"
	switch {
	case *stop != "" && len(body) > 0:
		return misuse(f, "-stop goes with -why alone")
	case *stop != "":
		path += "/" + url.PathEscape(*stop) + "/stop"
	case body["problemId"] == nil:
		return misuse(f, "say which -problem is judged again")
	}
	body["why"] = *why
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var r rejudged
	if err := api.Call(ctx, http.MethodPost, path, body, &r); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(op.out, "%s of %s is %s: %d of %d\n", r.ID, r.of(), r.State, r.Rejudged, r.Matched)
	if r.State == "running" {
		_, _ = fmt.Fprintln(op.err, "it goes on each minute, from one minute after its beginning; ctl rejudges shows how far it is")
	}
	return nil
}

func momentFlag(f *flag.FlagSet, body map[string]any, name, usage string) {
	f.Func(name, usage, func(s string) error {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return fmt.Errorf("want a time like 2026-11-28T09:00:00Z")
		}
		body[name] = float64(t.UnixMilli()) / 1000
		return nil
	})
}

// rejudges prints the rejudges of many, the last that began in front.
func rejudges(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl rejudges")
	at := apiFlags(f)
	most := maxFlag(f, "rejudges")
	if err := parse(f, args); err != nil {
		return err
	}
	head := []string{"ID", "OF", "STATE", "JOBS", "REJUDGED", "SKIPPED", "FAILED", "ENDED", "BY", "WHY"}
	return printPages[string](ctx, op, at, "/ops/rejudges", "rejudges", most, head, func(r rejudged) []string {
		ended := "-"
		if r.EndedAt != nil {
			ended = moment(*r.EndedAt)
		}
		return []string{
			r.ID, r.of(), r.State, strconv.Itoa(r.Matched), strconv.Itoa(r.Rejudged), strconv.Itoa(r.Skipped), strconv.Itoa(r.Failed), ended, r.By, r.Why,
		}
	})
}
