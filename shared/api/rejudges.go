package api

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

type rejudgeList struct {
	Rejudges []rejudgeData `json:"rejudges"` // the last that began in front
	Next     *string       `json:"next"`     // null: these were the last
}

type rejudgeData struct {
	ID        string        `json:"id"`
	Filter    rejudgeFilter `json:"filter"`
	Pool      *string       `json:"pool"` // null: each job where it was
	Why       string        `json:"why"`
	By        string        `json:"by"`
	State     rejudge.State `json:"state"`
	Matched   int           `json:"matched"` // as far as it has counted
	Rejudged  int           `json:"rejudged"`
	Skipped   int           `json:"skipped"` // deleted or rejudged by another meanwhile
	Failed    int           `json:"failed"`  // could not be written
	StartedAt epoch         `json:"startedAt"`
	UpdatedAt epoch         `json:"updatedAt"`
	EndedAt   *epoch        `json:"endedAt"`
}

type rejudgeFilter struct {
	ProblemID int    `json:"problemId"`
	Status    *int   `json:"status"`
	From      *epoch `json:"from"`
	To        *epoch `json:"to"`
}

func newRejudge(m rejudge.Many) rejudgeData {
	return rejudgeData{
		m.ID,
		rejudgeFilter{m.Problem, m.Status, orNull(m.From), orNull(m.To)},
		nonZero(m.Pool), m.Why, m.By, m.State,
		max(m.Matched, m.Rejudged+m.Skipped+m.Failed), m.Rejudged, m.Skipped, m.Failed, epoch(m.StartedAt), epoch(m.UpdatedAt), orNull(m.EndedAt),
	}
}

func rejudgeReply(m rejudge.Many, answer dispatch.Answer, err error) (reply, error) {
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", newRejudge(m)), nil
}

// beginRejudge is POST /ops/rejudges.
func beginRejudge(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	f := rejudge.Filter{Problem: int(c.body.integer("problemId", 1, math.MaxInt32)), From: c.body.moment("from"), To: c.body.moment("to")}
	if c.body.has("status") {
		f.Status = new(int(c.body.integer("status", int64(judge.AC), int64(slices.Max(judge.Statuses())))))
	}
	if f.From != 0 && f.To != 0 && f.From >= f.To {
		c.body.fail("to", "want a time after from")
	}
	pool := c.body.pool()
	o := roster.Order{By: c.sender, Why: c.body.why()}
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	m, answer, err := a.dispatch.RejudgeMany(c.Context(), f, pool, o)
	c.entry.target = rejudge.Target(m.ID)
	return rejudgeReply(m, answer, err)
}

// lastMoment is the last time that the key of a rejudge and a cursor can have: in the year 2286.
const lastMoment = 9_999_999_999

// moment reads an optional time, in seconds since 1970. It returns 0 if there is none.
func (f *fields) moment(name string) job.Time {
	if !f.has(name) {
		return 0
	}
	s, err := strconv.ParseFloat(string(f.raw(name)), 64)
	if err != nil || !(s > 0 && s <= lastMoment) {
		f.fail(name, fmt.Sprintf("want a time in seconds since 1970, more than 0 and at most %d", lastMoment))
		return 0
	}
	return job.Time(math.Round(s * 1000))
}

// stopRejudge is POST /ops/rejudges/{id}/stop.
func stopRejudge(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	o := roster.Order{By: c.sender, Why: c.body.why()}
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	return rejudgeReply(a.dispatch.StopRejudge(c.Context(), c.id, o))
}

// getRejudge is GET /ops/rejudges/{id}.
func getRejudge(a *API, c *call) (reply, error) {
	return rejudgeReply(a.dispatch.FindRejudge(c.Context(), c.id))
}

// listRejudges is GET /ops/rejudges.
func listRejudges(a *API, c *call) (reply, error) {
	after, limit, refusal := pageOf(c.URL.RawQuery, maxPage, "newest", func(s string) bool { return s == "" || job.ValidID(s) })
	if refusal != nil {
		return *refusal, nil
	}
	found, more, err := a.dispatch.ListRejudges(c.Context(), after, limit)
	if err != nil {
		return reply{}, err
	}
	list := rejudgeList{Rejudges: make([]rejudgeData, len(found))}
	for i, m := range found {
		list.Rejudges[i] = newRejudge(m)
	}
	if more {
		list.Next = &found[len(found)-1].ID
	}
	return granted("ok", list), nil
}
