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
	pools, fault := poolsOf(c.URL.RawQuery, c.pools)
	if fault != "" {
		return refuse(invalidPools, fault), nil
	}
	listing, answer, err := a.dispatch.List(c.Context(), job.Candidate{Runner: c.runner, Version: c.UserAgent(), Pools: pools, Languages: languages, Checkers: checkers}, limit)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	list := jobList{Jobs: make([]listedJob, 0, len(listing.Jobs)), PollSeconds: listing.PollSeconds}
	for _, j := range listing.Jobs {
		list.Jobs = append(list.Jobs, listedJob{j.ID, j.Problem, j.Language, epoch(j.CreatedAt)})
	}
	said := granted("ok", list)
	said.header = http.Header{"Retry-After": {strconv.Itoa(listing.PollSeconds)}}
	return said, nil
}

// limitOf reads ?limit=, which may be given once. Other parameters are ignored.
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
