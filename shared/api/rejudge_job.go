package api

import "math"

// rejudgeJob is POST /jobs/{id}/rejudge.
func rejudgeJob(a *API, c *call) (reply, error) {
	if c.body == nil {
		return refuse(missingBody), nil
	}
	generation := c.body.integer("generation", 0, math.MaxInt32)
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	j, answer, err := a.dispatch.Rejudge(c.Context(), c.id, int(generation))
	return a.jobReply(c, "rejudge received", j, answer, err)
}
