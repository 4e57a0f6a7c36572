package api

import "runlease/shared/roster"

type auditList struct {
	Acts []auditData `json:"acts"` // newest first
	Next *string     `json:"next"` // null: these were the last
}

type auditData struct {
	At     epoch      `json:"at"`
	By     string     `json:"by"`
	Act    roster.Act `json:"act"`
	Target string     `json:"target"`
	Why    string     `json:"why"`
}

// listAudit is GET /ops/audit.
func listAudit(a *API, c *call) (reply, error) {
	after, limit, refusal := pageOf(c.URL.RawQuery, maxPage, "newest", func(s string) bool { return s == "" || roster.ValidKey(s) })
	if refusal != nil {
		return *refusal, nil
	}
	found, more, err := a.dispatch.Audit(c.Context(), after, limit)
	if err != nil {
		return reply{}, err
	}
	list := auditList{Acts: make([]auditData, len(found))}
	for i, e := range found {
		list.Acts[i] = auditData{epoch(e.At), e.By, e.Act, e.Target, e.Why}
	}
	if more {
		list.Next = new(found[len(found)-1].Key())
	}
	return granted("ok", list), nil
}
