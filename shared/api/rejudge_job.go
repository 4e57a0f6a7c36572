package api

import "math"

// rejudgeJob is POST /jobs/{id}/rejudge.
func rejudgeJob(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	generation := c.body.integer("generation", 0, math.MaxInt32)
	pool := c.body.pool()
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	j, answer, err := a.dispatch.Rejudge(c.Context(), c.id, int(generation), pool)
	return a.jobReply(c, "rejudge received", j, answer, err)
}
