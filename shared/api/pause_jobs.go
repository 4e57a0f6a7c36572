package api

import (
	"math"

	"runlease/shared/auth"
	"runlease/shared/roster"
)

type pausedTarget struct {
	Target string     `json:"target"`
	Paused *pauseData `json:"paused"`
}

func newPause(p *roster.Pause) *pauseData {
	if p == nil {
		return nil
	}
	return &pauseData{epoch(p.At), p.By, p.Why}
}

// pauseJobs is POST /ops/pause.
func pauseJobs(a *API, c *call) (reply, error) {
	target, o, refusal := c.targeted()
	if refusal != nil {
		return *refusal, nil
	}
	p, answer, err := a.dispatch.PauseJobs(c.Context(), target, o)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", pausedTarget{target, newPause(p)}), nil
}

// resumeJobs is POST /ops/resume.
func resumeJobs(a *API, c *call) (reply, error) {
	target, o, refusal := c.targeted()
	if refusal != nil {
		return *refusal, nil
	}
	answer, err := a.dispatch.ResumeJobs(c.Context(), target, o)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", pausedTarget{target, nil}), nil
}

// targeted reads what an act on jobs is about: a pool, a problem or everything.
func (c *call) targeted() (target string, o roster.Order, refusal *reply) {
	if c.body == nil {
		return "", o, new(refuse(missingBody))
	}
	target = roster.Everything
	if c.body.has("pool") {
		pool := c.body.text("pool")
		if !auth.ValidName(pool) {
			c.body.fail("pool", auth.NameRule)
		}
		target = roster.PoolTarget(pool)
	}
	if c.body.has("problemId") {
		if c.body.has("pool") {
			c.body.fail("problemId", "want a pool or a problem, not both")
		}
		target = roster.ProblemTarget(int(c.body.integer("problemId", 1, math.MaxInt32)))
	}
	o = roster.Order{By: c.sender, Why: c.body.why()}
	c.entry.target = target
	return target, o, c.body.refusal()
}

// retireRunner is POST /runner/retire.
func retireRunner(a *API, c *call) (reply, error) {
	s, err := a.dispatch.RetireRunner(c.Context(), c.runner)
	if err != nil {
		return reply{}, err
	}
	return granted("ok", retiredRunner{s.State == roster.Retired, ids(s.Holds)}), nil
}

type retiredRunner struct {
	Retired bool     `json:"retired"`
	Holds   []string `json:"holds"`
}

// ids is a list that is never null.
func ids(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
