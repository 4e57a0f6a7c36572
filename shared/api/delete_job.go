package api

// deleteJob is DELETE /jobs/{id}.
func deleteJob(a *API, c *call) (reply, error) {
	answer, err := a.dispatch.Delete(c.Context(), c.id)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("submission deleted", nil), nil
}
