package api

import (
	"math"
	"net/url"
	"strconv"

	"runlease/shared/judge"
	"runlease/shared/judging"
)

// versionData is a version that was published.
type versionData struct {
	ProblemID int           `json:"problemId"`
	Version   int           `json:"version"`
	Tasks     []judge.Task  `json:"tasks"`
	Testdata  *downloadData `json:"testdata"`
	judging.Rules
}

// getProblem is GET /problems/{id}.
func getProblem(a *API, c *call) (reply, error) {
	switch number, asked, legal := whichVersion(c.URL.RawQuery); {
	case !legal:
		return refuse(invalidVersion, "want 1 to 2147483647"), nil
	case asked:
		return a.versionReply(c, number)
	}
	p, answer, err := a.dispatch.Problem(c.Context(), c.number)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", newProblem(p)), nil
}

func (a *API) versionReply(c *call, number int) (reply, error) {
	content, testdata, answer, err := a.dispatch.ProblemVersion(c.Context(), c.number, number)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	data := versionData{ProblemID: c.number, Version: number, Tasks: content.Tasks, Rules: content.Rules}
	if testdata.URL != "" {
		data.Testdata = new(newDownload(testdata.URL, testdata.Artifact))
	}
	return granted("ok", data), nil
}

// whichVersion reads ?version=, which may be given once. Other parameters are
// ignored.
func whichVersion(query string) (number int, asked, legal bool) {
	values, err := url.ParseQuery(query)
	said := values["version"]
	switch {
	case err != nil, len(said) > 1:
		return 0, false, false
	case len(said) == 0:
		return 0, false, true
	}
	number, err = strconv.Atoi(said[0])
	return number, true, err == nil && number >= 1 && number <= math.MaxInt32 && strconv.Itoa(number) == said[0]
}
