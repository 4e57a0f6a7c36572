package api

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"runlease/shared/auth"
	"runlease/shared/job"
)

// releaseJob is POST /runner/jobs/{id}/release.
func releaseJob(a *API, c *call) (reply, error) {
	token, refusal := c.bodyToken()
	if refusal != nil {
		return *refusal, nil
	}
	reason := job.Reason(c.body.text("reason"))
	if !slices.Contains(job.Reasons(), reason) {
		return refuse(invalidReason, "want one of "+legalReasons()), nil
	}
	detail := c.body.text("detail")
	if n := utf8.RuneCountInString(detail); n > job.MaxDetail {
		return refuse(invalidBody, fmt.Sprintf("detail: want at most %d characters, got %d", job.MaxDetail, n)), nil
	}
	answer, err := a.dispatch.Release(c.Context(), c.id, c.runner, auth.Hash(token), reason, detail)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("job released", nil), nil
}

func legalReasons() string {
	var names []string
	for _, r := range job.Reasons() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
