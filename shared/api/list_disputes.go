package api

import (
	"cmp"

	"runlease/shared/job"
)

type disputeList struct {
	Disputes []disputeData `json:"disputes"`
	Next     *string       `json:"next"` // null: these were the last
}

type disputeData struct {
	SubmissionID string      `json:"submissionId"`
	ProblemID    int         `json:"problemId"`
	Generation   int         `json:"generation"`
	EndedAt      epoch       `json:"endedAt"`
	Status       int         `json:"status"` // of the verdict
	Score        int         `json:"score"`
	Late         []lateEntry `json:"late"` // results that came after their attempts had ended
}

type lateEntry struct {
	Runner string `json:"runner"`
	lateData
}

// listDisputes is GET /ops/disputes.
func listDisputes(a *API, c *call) (reply, error) {
	q := queryOf(c)
	after, limit := q.page(c)
	if q.fault != nil {
		return *q.fault, nil
	}
	found, next, answer, err := a.dispatch.FinalJobs(c.Context(), 0, after, limit)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	list := disputeList{Disputes: make([]disputeData, len(found)), Next: nonZero(next)}
	for i, j := range found {
		verdict := *cmp.Or(j.Result, &job.Result{})
		data := disputeData{j.ID, j.Problem, j.Generation, epoch(j.EndedAt), verdict.Status, verdict.Score, []lateEntry{}}
		for _, p := range j.Past {
			if p.Late != nil && p.Generation == j.Generation {
				data.Late = append(data.Late, lateEntry{p.Runner, lateData{epoch(p.Late.At), verdictData{p.Late.Verdict.Status, p.Late.Verdict.Score}}})
			}
		}
		list.Disputes[i] = data
	}
	return granted("ok", list), nil
}
