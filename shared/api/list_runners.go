package api

import (
	"runlease/shared/auth"
	"runlease/shared/job"
	"runlease/shared/roster"
)

type runnerList struct {
	Runners []runnerData `json:"runners"`
	Next    *string      `json:"next"` // null: these were the last
}

type runnerData struct {
	Name       string         `json:"name"`
	State      roster.State   `json:"state"`
	Since      *epoch         `json:"since"` // of the state; null: from the beginning
	By         *string        `json:"by"`    // the credential that changed the state
	Why        *string        `json:"why"`
	Present    bool           `json:"present"`
	FirstHeard epoch          `json:"firstHeard"`
	LastHeard  epoch          `json:"lastHeard"`
	Version    *string        `json:"version"`
	Languages  []job.Language `json:"languages"`
	Checkers   bool           `json:"checkers"`
	Pools      []string       `json:"pools"` // that it asked for last, in its order
	Health     runnerHealth   `json:"health"`
}

// runnerHealth is what is known of a runner's bad ends.
type runnerHealth struct {
	BadEnds     int          `json:"badEnds"` // in a row, as far as is known
	LostLeases  int          `json:"lostLeases"`
	InfraErrors int          `json:"infraErrors"`
	ProbeAt     *epoch       `json:"probeAt"` // null: it is not quarantined by the health rules
	LastEnds    []badEndData `json:"lastEnds"`
}

type badEndData struct {
	SubmissionID string `json:"submissionId"`
	Attempt      int    `json:"attempt"`
	At           epoch  `json:"at"`
	How          string `json:"how"`
}

func newHealth(r roster.Runner) runnerHealth {
	row := r.InARow()
	h := runnerHealth{BadEnds: len(row), LostLeases: r.LostLeases, InfraErrors: r.InfraErrors, LastEnds: make([]badEndData, len(row))}
	if r.State == roster.Quarantined {
		h.ProbeAt = orNull(r.ProbeAt)
	}
	for i, e := range row {
		h.LastEnds[i] = badEndData{e.Job, e.Attempt, epoch(e.At), e.How()}
	}
	return h
}

// listRunners is GET /ops/runners.
func listRunners(a *API, c *call) (reply, error) {
	after, limit, refusal := pageOf(c.URL.RawQuery, maxPage, "first", func(s string) bool { return s == "" || auth.ValidName(s) })
	if refusal != nil {
		return *refusal, nil
	}
	found, more, err := a.dispatch.ListRunners(c.Context(), after, limit)
	if err != nil {
		return reply{}, err
	}
	list := runnerList{Runners: make([]runnerData, len(found))}
	for i, r := range found {
		list.Runners[i] = a.runnerData(r)
	}
	if more {
		list.Next = &found[len(found)-1].Name
	}
	return granted("ok", list), nil
}

func (a *API) runnerData(r roster.Runner) runnerData {
	return runnerData{
		r.Name, r.State, orNull(r.Since), nonZero(r.By), nonZero(r.Why), a.dispatch.Present(r),
		epoch(r.FirstHeard), epoch(r.LastHeard), nonZero(r.Version), r.Languages.List(), r.Checkers, r.Pools.Names(), newHealth(r),
	}
}
