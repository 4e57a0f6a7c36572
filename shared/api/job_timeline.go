package api

type timeline struct {
	SubmissionID string     `json:"submissionId"`
	Steps        []stepData `json:"steps"` // oldest first
}

type stepData struct {
	At         epoch   `json:"at"`
	Step       string  `json:"step"`
	Generation int     `json:"generation"`
	Attempt    *int    `json:"attempt"` // null: of none
	Runner     *string `json:"runner"`
	Detail     *string `json:"detail"`
}

// jobTimeline is GET /jobs/{id}/timeline.
func jobTimeline(a *API, c *call) (reply, error) {
	j, answer, err := a.dispatch.Get(c.Context(), c.id)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	c.entry.saw(j)
	data := timeline{j.ID, []stepData{}}
	for _, s := range j.Timeline() {
		data.Steps = append(data.Steps, stepData{epoch(s.At), s.What, s.Generation, nonZero(s.Attempt), nonZero(s.Runner), nonZero(s.Detail)})
	}
	return granted("ok", data), nil
}
