package api

// getJob is GET /jobs/{id}.
func getJob(a *API, c *call) (reply, error) {
	j, answer, err := a.dispatch.Get(c.Context(), c.id)
	return a.jobReply(c, "ok", j, answer, err)
}
