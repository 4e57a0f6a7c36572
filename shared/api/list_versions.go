package api

type listedVersion struct {
	Version int `json:"version"`
	contentData
}

type versionList struct {
	ProblemID int             `json:"problemId"`
	Versions  []listedVersion `json:"versions"`
	Next      *int            `json:"next"` // null: these were the last
}

// listVersions is GET /problems/{id}/versions.
func listVersions(a *API, c *call) (reply, error) {
	after, limit, refusal := numberedPage(c.URL.RawQuery)
	if refusal != nil {
		return *refusal, nil
	}
	found, more, answer, err := a.dispatch.ListVersions(c.Context(), c.number, after, limit)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	list := versionList{ProblemID: c.number, Versions: make([]listedVersion, len(found))}
	for i, v := range found {
		list.Versions[i] = listedVersion{v.Number, newContent(v.Content)}
	}
	if more {
		list.Next = &found[len(found)-1].Number
	}
	return granted("ok", list), nil
}
