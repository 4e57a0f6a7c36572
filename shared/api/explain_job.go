package api

import "runlease/shared/job"

type explanation struct {
	SubmissionID string      `json:"submissionId"`
	State        job.State   `json:"state"`
	Reasons      []delayData `json:"reasons"` // what matters most first; never empty
}

type delayData struct {
	Code   job.DelayCode `json:"code"`
	Reason string        `json:"reason"`
	Remedy string        `json:"remedy"`
	Until  *epoch        `json:"until"`  // when it is over by itself; null: unknown
	Runner *string       `json:"runner"` // that it is about; null: several, or none
}

// explainJob is GET /jobs/{id}/explain.
func explainJob(a *API, c *call) (reply, error) {
	j, delays, answer, err := a.dispatch.Explain(c.Context(), c.id)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	c.entry.saw(j)
	data := explanation{j.ID, j.State, make([]delayData, len(delays))}
	for i, d := range delays {
		data.Reasons[i] = delayData{d.Code, d.Reason, d.Remedy, orNull(d.Until), nonZero(d.Runner)}
	}
	return granted("ok", data), nil
}
