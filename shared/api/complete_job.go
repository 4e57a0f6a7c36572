package api

import (
	"runlease/shared/auth"
	"runlease/shared/dispatch"
)

// completeJob is PUT /runner/jobs/{id}/complete. The tasks are checked behind
// the claim: who does not hold the job learns nothing about it.
func completeJob(a *API, c *call) (reply, error) {
	switch {
	case c.body == nil:
		return refuse(missingBody), nil
	case !c.body.has("token") || !c.body.has("tasks"):
		return refuse(missingTasksOrToken), nil
	}
	token := c.body.text("token")
	outputs := c.body.artifactIn("outputs", dispatch.MaxOutputs)
	if refusal := c.body.refusal(); refusal != nil {
		return *refusal, nil
	}
	if token == "" {
		return refuse(missingTasksOrToken), nil
	}
	answer, err := a.dispatch.Complete(c.Context(), dispatch.CompleteRequest{
		ID:        c.id,
		Runner:    c.runner,
		TokenHash: auth.Hash(token),
		Tasks:     c.body.raw["tasks"],
		Outputs:   outputs,
	})
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("submission ["+c.id+"] result received.", nil), nil
}
