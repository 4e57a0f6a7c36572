package api

import (
	"net/http"
	"net/url"
	"strconv"

	"runlease/shared/job"
)

// The bounds of a list.
const (
	defaultLimit = 4
	maxLimit     = 10
)

type listedJob struct {
	SubmissionID string       `json:"submissionId"`
	ProblemID    int          `json:"problemId"`
	Language     job.Language `json:"language"`
	Timestamp    epoch        `json:"timestamp"` // when it was created
}

type jobList struct {
	Jobs        []listedJob `json:"jobs"`
	PollSeconds int         `json:"pollSeconds"`
}

// listJobs is GET /runner/jobs.
func listJobs(a *API, c *call) (reply, error) {
	limit, legal := limitOf(c.URL.RawQuery, defaultLimit, maxLimit)
	if !legal {
		return refuse(invalidLimit, "want 1 to 10"), nil
	}
	languages, checkers, legal := ableOf(c.URL.RawQuery)
	if !legal {
		return refuse(invalidLanguages, languagesRule), nil
	}
	listing, err := a.dispatch.List(c.Context(), job.Candidate{Runner: c.runner, Languages: languages, Checkers: checkers}, limit)
	if err != nil {
		return reply{}, err
	}
	list := jobList{Jobs: make([]listedJob, 0, len(listing.Jobs)), PollSeconds: listing.PollSeconds}
	for _, j := range listing.Jobs {
		list.Jobs = append(list.Jobs, listedJob{j.ID, j.Problem, j.Language, epoch(j.CreatedAt)})
	}
	answer := granted("ok", list)
	answer.header = http.Header{"Retry-After": {strconv.Itoa(listing.PollSeconds)}}
	return answer, nil
}

// limitOf reads ?limit=, which may be said once. Other parameters are ignored.
func limitOf(query string, usual, most int) (int, bool) {
	values, err := url.ParseQuery(query)
	limits := values["limit"]
	switch {
	case err != nil, len(limits) > 1:
		return 0, false
	case len(limits) == 0:
		return usual, true
	}
	n, err := strconv.Atoi(limits[0])
	return n, err == nil && n >= 1 && n <= most && strconv.Itoa(n) == limits[0]
}
