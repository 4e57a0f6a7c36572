package api

// getCode is GET /runner/jobs/{id}/code.
func getCode(a *API, c *call) (reply, error) {
	download, answer, err := a.dispatch.Code(c.Context(), c.id, c.runner, c.claimToken())
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return c.redirect(download), nil
}
