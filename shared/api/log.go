package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// entry collects what the log line of a request says beside its route and
// status. Only what has been checked may go in: never a token, a payload or a
// query string.
type entry struct {
	jobID   string
	problem int
	attempt int
	target  string // of an operator's act
	refusal string // of the credential
	sync    *syncEntry
}

// syncEntry is what the log line of a sync says about its items: how each result
// ended, how many leases were kept, and what was claimed. All ids are checked.
type syncEntry struct {
	Done    []loggedResult `json:"done,omitempty"`
	Kept    int            `json:"kept"`
	Claimed []loggedClaim  `json:"claimed,omitempty"`
}

type loggedResult struct {
	JobID string      `json:"job_id"`
	Code  job.Outcome `json:"code"`
}

type loggedClaim struct {
	JobID   string `json:"job_id"`
	Attempt int    `json:"attempt"`
}

// synced notes a sync.
func (e *entry) synced(data syncData, s dispatch.Synced) {
	e.sync = &syncEntry{}
	for _, d := range data.Done {
		if d.Code != malformedID && d.SubmissionID != nil {
			e.sync.Done = append(e.sync.Done, loggedResult{*d.SubmissionID, d.Code})
		}
	}
	for _, action := range s.Active {
		if action != dispatch.ActionLost {
			e.sync.Kept++
		}
	}
	for _, c := range s.Jobs {
		e.sync.Claimed = append(e.sync.Claimed, loggedClaim{c.Job.ID, c.Job.Attempt})
	}
}

// saw notes a job with its attempt.
func (e *entry) saw(j job.Job) { e.jobID, e.attempt = j.ID, j.Attempt }

// record writes the one line of a request. A reply of 5xx has its cause in it,
// and nowhere else.
func (a *API) record(c *call, status int, code job.Outcome, took time.Duration, cause error) {
	ctx := c.Context()
	route := c.route.Name
	if route == "" {
		route = "not-found"
	}
	attrs := append(make([]slog.Attr, 0, 16),
		slog.String("route", route),
		slog.String("method", KnownMethod(c.Method)),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	)
	if c.route.Caller != "" {
		attrs = append(attrs, slog.String("caller", string(c.route.Caller)))
	}
	if c.runner != "" {
		attrs = append(attrs, slog.String("runner", c.runner))
	}
	if c.sender != "" {
		attrs = append(attrs, slog.String("producer", c.sender))
	}
	if c.entry.target != "" {
		attrs = append(attrs, slog.String("target", c.entry.target))
	}
	if c.entry.refusal != "" {
		attrs = append(attrs, slog.String("refusal", c.entry.refusal))
	}
	if c.entry.jobID != "" {
		attrs = append(attrs, slog.String("job_id", c.entry.jobID))
	}
	if c.entry.problem != 0 {
		attrs = append(attrs, slog.Int("problem_id", c.entry.problem))
	}
	if c.entry.attempt != 0 {
		attrs = append(attrs, slog.Int("attempt", c.entry.attempt))
	}
	if c.entry.sync != nil {
		attrs = append(attrs, slog.Any("sync", c.entry.sync))
	}
	if code != "" {
		attrs = append(attrs, slog.String("code", string(code)))
	}
	level := slog.LevelInfo
	if cause != nil {
		attrs = append(attrs, slog.String("error", cause.Error()))
		level = slog.LevelError
		// The caller went away; the server is not broken.
		if errors.Is(cause, context.Canceled) {
			level = slog.LevelWarn
		}
	}
	a.log.LogAttrs(ctx, level, "request", append(attrs, a.line(ctx)...)...)
}

// KnownMethod returns a method of HTTP, or "other": it keeps a made-up method out of the log.
func KnownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return method
	}
	return "other"
}
