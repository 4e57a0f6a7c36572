package api

import "runlease/shared/job"

type publishReply struct {
	ProblemID int  `json:"problemId"`
	Version   int  `json:"version"`
	Changed   bool `json:"changed"`
	// Warnings are what its author should know of the current version.
	Warnings []string `json:"warnings,omitempty"`
}

// noTestData is a warning, not a refusal: the contract allows a problem whose
// test data are with its runners.
const noTestData = "this version has no test data: a runner that fetches them, as runlease-runner does, judges every job of it JE"

// publishProblem is POST /problems/{id}/publish.
func publishProblem(a *API, c *call) (reply, error) {
	p, changed, answer, err := a.dispatch.Publish(c.Context(), c.number)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	published := publishReply{ProblemID: p.ID, Version: p.Version, Changed: changed}
	if p.Current.Testdata == (job.Artifact{}) {
		published.Warnings = []string{noTestData}
	}
	return granted("published", published), nil
}
