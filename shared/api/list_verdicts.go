package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"runlease/shared/job"
)

const maxVerdicts = 100

type endedJob struct {
	SubmissionID string    `json:"submissionId"`
	Generation   int       `json:"generation"`
	State        job.State `json:"state"` // finished or cancelled
	EndedAt      epoch     `json:"endedAt"`
}

type verdictList struct {
	Jobs        []endedJob `json:"jobs"`
	Next        string     `json:"next"`
	PollSeconds int        `json:"pollSeconds"`
}

// listVerdicts is GET /verdicts.
func listVerdicts(a *API, c *call) (reply, error) {
	limit, legal := limitOf(c.URL.RawQuery, maxVerdicts, maxVerdicts)
	if !legal {
		return refuse(invalidLimit, "want 1 to 100"), nil
	}
	values, _ := url.ParseQuery(c.URL.RawQuery) // limitOf has seen that it can be read
	after := strings.Join(values["after"], ",") // two of them are no cursor
	found, answer, err := a.dispatch.Verdicts(c.Context(), after, limit)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	list := verdictList{Jobs: make([]endedJob, 0, len(found.Jobs)), Next: found.Next, PollSeconds: found.PollSeconds}
	for _, j := range found.Jobs {
		list.Jobs = append(list.Jobs, endedJob{j.ID, j.Generation, j.State, epoch(j.EndedAt)})
	}
	answered := granted("ok", list)
	answered.header = http.Header{"Retry-After": {strconv.Itoa(found.PollSeconds)}}
	return answered, nil
}
