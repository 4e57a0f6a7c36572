package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// steerRunner does something to a runner: ctl runner NAME ACT -why TEXT.
func steerRunner(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl runner", "NAME", "ACT")
	at := apiFlags(f)
	why := whyFlag(f)
	words, err := operands(f, args)
	if err != nil {
		return err
	}
	if len(words) != 2 {
		return misuse(f, "name a runner and one of pause, resume, drain, retire, quarantine, release")
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var got struct {
		Runner  struct{ State string }
		Retired bool
		Holds   []string
		More    bool
	}
	body := map[string]string{"act": words[1], "why": *why}
	if err := api.Call(ctx, http.MethodPost, "/ops/runners/"+url.PathEscape(words[0]), body, &got); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(op.out, "%s is %s\n", words[0], got.Runner.State)
	if len(got.Holds) > 0 {
		_, _ = fmt.Fprintf(op.out, "holds %s\n", strings.Join(got.Holds, ", "))
	}
	switch {
	case got.Retired:
		_, _ = fmt.Fprintln(op.out, "its machine may go")
	case words[1] == "retire":
		_, _ = fmt.Fprintln(op.out, "its machine may not go yet: ask again until it is retired, 80 s at the earliest")
	default:
		_, _ = fmt.Fprintln(op.err, inForce)
	}
	return nil
}

// inForce: each function goes for that long by what it has read.
const inForce = "it is in force everywhere within 60 s"

func pauseJobs(ctx context.Context, op operator, args []string) error {
	return actOnJobs(ctx, op, "pause", args)
}

func resumeJobs(ctx context.Context, op operator, args []string) error {
	return actOnJobs(ctx, op, "resume", args)
}

// actOnJobs pauses or resumes everything, a pool or a problem.
func actOnJobs(ctx context.Context, op operator, verb string, args []string) error {
	f := op.flags("ctl " + verb)
	at := apiFlags(f)
	why := whyFlag(f)
	pool := f.String("pool", "", "`name` of a pool; without it and -problem: everything")
	problem := f.Int("problem", 0, "`id` of a problem")
	if err := parse(f, args); err != nil {
		return err
	}
	api, err := at.open(op)
	if err != nil {
		return err
	}
	body := map[string]any{"why": *why}
	// What is given counts, even if it is empty: without a target it is everything.
	f.Visit(func(given *flag.Flag) {
		switch given.Name {
		case "pool":
			body["pool"] = *pool
		case "problem":
			body["problemId"] = *problem
		}
	})
	var got struct {
		Target string
		Paused *struct {
			At      float64
			By, Why string
		}
	}
	if err := api.Call(ctx, http.MethodPost, "/ops/"+verb, body, &got); err != nil {
		return err
	}
	if got.Paused == nil {
		_, _ = fmt.Fprintf(op.out, "%s is not paused any more\n", got.Target)
	} else {
		_, _ = fmt.Fprintf(op.out, "%s is paused by %s since %s: %s\n", got.Target, got.Paused.By, moment(got.Paused.At), got.Paused.Why)
	}
	_, _ = fmt.Fprintln(op.err, inForce)
	return nil
}

func whyFlag(f *flag.FlagSet) *string {
	return f.String("why", "", "`text` of 1 to 200 characters for the audit: why this is done")
}

// audit prints what operators did, newest first.
func audit(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl audit")
	at := apiFlags(f)
	most := maxFlag(f, "acts")
	var since time.Time
	f.Func("since", "only acts since this `time`, as 2026-11-28T09:00:00Z, or since so long ago, as 24h", func(s string) error {
		ago, err := time.ParseDuration(s)
		if since = op.now().Add(-ago); err != nil {
			since, err = time.Parse(time.RFC3339, s)
		}
		if err != nil {
			return errors.New("want a time like 2026-11-28T09:00:00Z or 24h")
		}
		return nil
	})
	if err := parse(f, args); err != nil {
		return err
	}
	head := []string{"AT", "BY", "ACT", "TARGET", "WHY"}
	return printPages[string](ctx, op, at, "/ops/audit", "acts", most, head, func(a struct {
		At                   float64
		By, Act, Target, Why string
	},
	) []string {
		if time.UnixMilli(int64(a.At*1000 + 0.5)).Before(since) {
			return nil
		}
		return []string{moment(a.At), a.By, a.Act, a.Target, a.Why}
	})
}
