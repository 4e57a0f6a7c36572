package api

type publishReply struct {
	ProblemID int  `json:"problemId"`
	Version   int  `json:"version"`
	Changed   bool `json:"changed"`
}

// publishProblem is POST /problems/{id}/publish.
func publishProblem(a *API, c *call) (reply, error) {
	p, changed, answer, err := a.dispatch.Publish(c.Context(), c.number)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("published", publishReply{p.ID, p.Version, changed}), nil
}
