package api

// submitJob is POST /jobs/{id}/submit.
func submitJob(a *API, c *call) (reply, error) {
	j, answer, err := a.dispatch.Submit(c.Context(), c.id)
	return a.jobReply(c, "submission submitted", j, answer, err)
}
