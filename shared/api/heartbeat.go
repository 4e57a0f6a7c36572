package api

import (
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

type heartbeatData struct {
	Action dispatch.Action `json:"action"`
}

// heartbeat is POST /runner/heartbeat. Without a job it only shows that the
// runner is there.
func heartbeat(a *API, c *call) (reply, error) {
	if c.body == nil || !c.body.has("submissionId") {
		a.dispatch.Heard(c.Context(), c.runner)
		return granted("ok", nil), nil
	}
	id := c.body.text("submissionId")
	if !job.ValidID(id) {
		return refuse(malformedID, "submissionId", job.IDRule), nil
	}
	c.entry.jobID = id
	action, answer, err := a.dispatch.Heartbeat(c.Context(), id, c.runner, c.claimToken())
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("heartbeat received", heartbeatData{action}), nil
}
