package api

// getCode is GET /runner/jobs/{id}/code.
func getCode(a *API, c *call) (reply, error) {
	download, answer, err := a.dispatch.Code(c.Context(), c.id, c.runner, c.claimToken(), c.wantsPlace())
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	if download.Bytes != nil {
		return c.attached(download), nil
	}
	return c.redirect(download), nil
}
