package api

import (
	"net/url"
	"strconv"
	"time"

	"runlease/shared/dispatch"
)

type outputsData struct {
	URL       string `json:"url"`
	ExpiresIn int    `json:"expiresIn"` // seconds
}

type caseOutputsData struct {
	Task      int    `json:"task"` // from 0
	Case      int    `json:"case"` // from 0
	Stdout    string `json:"stdout"`
	Stderr    string `json:"stderr"`
	StdoutCut bool   `json:"stdoutCut"`
	StderrCut bool   `json:"stderrCut"`
}

// getOutputs is GET /jobs/{id}/outputs.
func getOutputs(a *API, c *call) (reply, error) {
	task, one, asked, legal := whichCase(c.URL.RawQuery)
	switch {
	case !legal:
		return refuse(invalidCase, "want task and case, each 0 to 99"), nil
	case asked:
		o, answer, err := a.dispatch.CaseOutputs(c.Context(), c.id, task, one)
		if err != nil || !answer.OK() {
			return refusedOr(answer, err)
		}
		return granted("ok", caseOutputsData{task, one, o.Stdout, o.Stderr, o.StdoutCut, o.StderrCut}), nil
	}
	download, answer, err := a.dispatch.Outputs(c.Context(), c.id)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	return granted("ok", outputsData{download.URL, int(dispatch.URLLife / time.Second)}), nil
}

// whichCase reads ?task= and &case=, which come together or not at all. Other
// parameters are ignored.
func whichCase(query string) (task, one int, asked, legal bool) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, false, false
	}
	if !values.Has("task") && !values.Has("case") {
		return 0, 0, false, true
	}
	task, is := index(values["task"])
	one, also := index(values["case"])
	return task, one, true, is && also
}

// index reads a number from 0 to 99, which may be given once.
func index(said []string) (int, bool) {
	if len(said) != 1 {
		return 0, false
	}
	n, err := strconv.Atoi(said[0])
	return n, err == nil && n >= 0 && n <= 99 && strconv.Itoa(n) == said[0]
}
