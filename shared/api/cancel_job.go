package api

// cancelJob is POST /jobs/{id}/cancel.
func cancelJob(a *API, c *call) (reply, error) {
	j, answer, err := a.dispatch.Cancel(c.Context(), c.id)
	return a.jobReply(c, "cancel received", j, answer, err)
}
