package api

import (
	"runlease/shared/auth"
	"runlease/shared/dispatch"
)

// completeJob is PUT /runner/jobs/{id}/complete.
func completeJob(a *API, c *call) (reply, error) {
	request, refusal := completion(c.id, c.body)
	if refusal != nil {
		return *refusal, nil
	}
	request.Runner = c.runner
	answer, err := a.dispatch.Complete(c.Context(), request)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return completed(c.id), nil
}

// completion reads a result. The tasks are checked behind the claim: a
// runner that does not hold the job learns nothing about it.
func completion(id string, body *fields) (dispatch.CompleteRequest, *reply) {
	switch {
	case body == nil:
		return dispatch.CompleteRequest{}, new(refuse(missingBody))
	case !body.has("token") || !body.has("tasks"):
		return dispatch.CompleteRequest{}, new(refuse(missingTasksOrToken))
	}
	token := body.text("token")
	outputs := body.artifactIn("outputs", dispatch.MaxOutputs)
	if refusal := body.refusal(); refusal != nil {
		return dispatch.CompleteRequest{}, refusal
	}
	return dispatch.CompleteRequest{ID: id, TokenHash: auth.Hash(token), Tasks: body.raw("tasks"), Outputs: outputs}, nil
}

func completed(id string) reply {
	return granted("submission ["+id+"] result received.", nil)
}
