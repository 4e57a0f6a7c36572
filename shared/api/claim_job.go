package api

import (
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/judge"
	"runlease/shared/judging"
)

type claimData struct {
	SubmissionID     string       `json:"submissionId"`
	ProblemID        int          `json:"problemId"`
	Language         job.Language `json:"language"`
	Token            string       `json:"token"`
	Meta             claimMeta    `json:"meta"`
	Attempt          int          `json:"attempt"`
	Generation       int          `json:"generation"`
	LeaseSeconds     int          `json:"leaseSeconds"`
	HeartbeatSeconds int          `json:"heartbeatSeconds"`
	Code             downloadData `json:"code"`
	// Testdata is null if the problem has none.
	Testdata *downloadData `json:"testdata"`
}

type claimMeta struct {
	Language job.Language `json:"language"`
	Tasks    []judge.Task `json:"tasks"`
	judging.Rules
}

// claimJob is POST /runner/jobs/{id}/claim. Its body, {leaseSeconds, checkers}, may be
// left out.
func claimJob(a *API, c *call) (reply, error) {
	lease, refusal := askedLease(c.body)
	if refusal != nil {
		return *refusal, nil
	}
	request := dispatch.ClaimRequest{ID: c.id, Runner: c.runner, LeaseSeconds: lease}
	if c.body != nil {
		request.Checkers = c.body.flag("checkers")
		if refusal := c.body.refusal(); refusal != nil {
			return *refusal, nil
		}
	}
	claimed, answer, err := a.dispatch.Claim(c.Context(), request)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	c.entry.saw(claimed.Job)
	return granted("job claimed", claimReply(claimed)), nil
}

// askedLease reads leaseSeconds; it is nil if the client did not send it. The
// bounds are the dispatcher's.
func askedLease(body *fields) (leaseSeconds *int, refusal *reply) {
	if body == nil || !body.has("leaseSeconds") {
		return nil, nil
	}
	n := body.anyInteger("leaseSeconds")
	return &n, body.refusal()
}

func claimReply(claimed dispatch.Claimed) claimData {
	j := claimed.Job
	data := claimData{
		SubmissionID:     j.ID,
		ProblemID:        j.Problem,
		Language:         j.Language,
		Token:            claimed.Token,
		Meta:             claimMeta{j.Language, claimed.Content.Tasks, claimed.Content.Rules},
		Attempt:          j.Attempt,
		Generation:       j.Generation,
		LeaseSeconds:     j.Claim.LeaseSeconds,
		HeartbeatSeconds: claimed.HeartbeatSeconds,
		Code:             newDownload(claimed.CodeURL, j.Code),
	}
	if claimed.TestdataURL != "" {
		testdata := newDownload(claimed.TestdataURL, claimed.Content.Testdata)
		data.Testdata = &testdata
	}
	return data
}
