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
	Code             *codeData    `json:"code"` // null: it is short, and the caller did not ask for inline
	// Testdata is null if the problem has none.
	Testdata *downloadData `json:"testdata"`
}

// codeData is where to get the code, or the code itself.
type codeData struct {
	URL       string `json:"url,omitempty"`
	Inline    []byte `json:"inline,omitempty"`   // base64 on the wire
	Size      int64  `json:"size"`               // bytes
	SHA256    string `json:"sha256"`             // lower-case hex
	ExpiresIn int    `json:"expiresIn,omitzero"` // seconds, of the URL
}

type claimMeta struct {
	Language job.Language `json:"language"`
	Tasks    []judge.Task `json:"tasks"`
	judging.Rules
}

// claimJob is POST /runner/jobs/{id}/claim. Its body, {leaseSeconds, checkers,
// inline, languages}, may be left out.
func claimJob(a *API, c *call) (reply, error) {
	lease, refusal := askedLease(c.body)
	if refusal != nil {
		return *refusal, nil
	}
	request := dispatch.ClaimRequest{ID: c.id, Runner: c.runner, Version: c.UserAgent(), LeaseSeconds: lease, Pools: job.PoolsOf(c.pools...)}
	if c.body != nil {
		request.Checkers = c.body.flag("checkers")
		request.Inline = c.body.flag("inline")
		request.Languages = c.body.languages()
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

// newCode is nil, null on the wire, if the caller has to ask get-code.
func newCode(claimed dispatch.Claimed) *codeData {
	d := newDownload(claimed.CodeURL, claimed.Job.Code)
	switch {
	case claimed.CodeURL != "":
		return &codeData{URL: d.URL, Size: d.Size, SHA256: d.SHA256, ExpiresIn: d.ExpiresIn}
	case claimed.Code != nil:
		return &codeData{Inline: claimed.Code, Size: d.Size, SHA256: d.SHA256}
	}
	return nil
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
		Code:             newCode(claimed),
	}
	if claimed.TestdataURL != "" {
		testdata := newDownload(claimed.TestdataURL, claimed.Content.Testdata)
		data.Testdata = &testdata
	}
	return data
}
