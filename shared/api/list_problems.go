package api

import (
	"math"
	"net/url"
	"strconv"

	"runlease/shared/dispatch"
)

// The bounds of a list of problems or versions.
const (
	defaultPage = 50
	maxPage     = 100
)

type listedProblem struct {
	ProblemID int `json:"problemId"`
	Version   int `json:"version"` // 0: never published
}

type problemList struct {
	Problems []listedProblem `json:"problems"`
	Next     *int            `json:"next"` // null: these were the last
}

// listProblems is GET /problems.
func listProblems(a *API, c *call) (reply, error) {
	after, limit, refusal := page(c.URL.RawQuery)
	if refusal != nil {
		return *refusal, nil
	}
	found, more, err := a.dispatch.ListProblems(c.Context(), after, limit)
	if err != nil {
		return reply{}, err
	}
	list := problemList{Problems: make([]listedProblem, len(found))}
	for i, p := range found {
		list.Problems[i] = listedProblem{p.ID, p.Version}
	}
	if more {
		list.Next = &found[len(found)-1].ID
	}
	return granted("ok", list), nil
}

// page reads ?after= and ?limit=, each of which may be said once. Other
// parameters are ignored.
func page(query string) (after, limit int, refusal *reply) {
	limit, legal := limitOf(query, defaultPage, maxPage)
	if !legal {
		return 0, 0, new(refuse(invalidLimit, "want 1 to 100"))
	}
	values, _ := url.ParseQuery(query) // limitOf has seen that it can be read
	said := values["after"]
	if len(said) == 0 {
		return 0, limit, nil
	}
	after, err := strconv.Atoi(said[0])
	if len(said) > 1 || err != nil || after < 0 || after > math.MaxInt32 || strconv.Itoa(after) != said[0] {
		return 0, 0, new(refuse(dispatch.InvalidCursor, "want the next of an earlier reply, or none to begin with the first"))
	}
	return after, limit, nil
}
