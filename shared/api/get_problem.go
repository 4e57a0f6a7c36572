package api

// getProblem is GET /problems/{id}.
func getProblem(a *API, c *call) (reply, error) {
	p, answer, err := a.dispatch.Problem(c.Context(), c.number)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", newProblem(p)), nil
}
