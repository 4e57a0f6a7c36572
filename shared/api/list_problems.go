package api

import (
	"math"
	"strconv"
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
	after, limit, refusal := numberedPage(c.URL.RawQuery)
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

// numberedPage is pageOf for a list by number.
func numberedPage(query string) (after, limit int, refusal *reply) {
	said, limit, refusal := pageOf(query, defaultPage, "first", func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && n >= 0 && n <= math.MaxInt32 && strconv.Itoa(n) == s
	})
	after, _ = strconv.Atoi(said) // legal, or absent
	return after, limit, refusal
}
