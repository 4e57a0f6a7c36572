package api

import (
	"runlease/shared/job"
	"runlease/shared/roster"
)

type poolList struct {
	Paused   *pauseData      `json:"paused"` // of everything; null: it is not
	Pools    []poolData      `json:"pools"`
	Problems []pausedProblem `json:"problems"` // that are paused
}

type pauseData struct {
	At  epoch  `json:"at"`
	By  string `json:"by"`
	Why string `json:"why"`
}

type pausedProblem struct {
	ProblemID int       `json:"problemId"`
	Paused    pauseData `json:"paused"`
}

type poolData struct {
	Name            string     `json:"name"`
	Paused          *pauseData `json:"paused"`
	Depth           int        `json:"depth"`    // messages that can be received
	InFlight        int        `json:"inFlight"` // messages that are hidden
	Waiting         int        `json:"waiting"`  // jobs
	Running         int        `json:"running"`
	OldestSeconds   *float64   `json:"oldestSeconds"` // since the oldest open job was queued; null: there is none
	Runners         int        `json:"runners"`       // that are there and may have jobs
	Slots           int        `json:"slots"`         // of those
	MeanWaitSeconds *float64   `json:"meanWaitSeconds"`
	P99WaitSeconds  *float64   `json:"p99WaitSeconds"`
}

// listPools is GET /ops/pools.
func listPools(a *API, c *call) (reply, error) {
	pools, err := a.dispatch.Pools(c.Context())
	if err != nil {
		return reply{}, err
	}
	pauses, err := a.dispatch.Pauses(c.Context())
	if err != nil {
		return reply{}, err
	}
	list := poolList{Paused: newPause(pauses.On(roster.Everything)), Pools: make([]poolData, len(pools)), Problems: []pausedProblem{}}
	for i := range pauses {
		if id := pauses[i].Problem(); id != 0 {
			list.Problems = append(list.Problems, pausedProblem{id, *newPause(&pauses[i])})
		}
	}
	now := job.At(a.dispatch.Now())
	for i, p := range pools {
		data := poolData{
			Name: p.Name, Paused: newPause(pauses.On(roster.PoolTarget(p.Name))), Depth: p.Depth.Visible, InFlight: p.Depth.Hidden, Waiting: p.Waiting, Running: p.Running,
			Runners: p.Runners, Slots: p.Slots,
		}
		if p.Oldest != 0 {
			data.OldestSeconds = new(max(0, now.Sub(p.Oldest)).Seconds())
		}
		if p.Waits != nil {
			data.MeanWaitSeconds, data.P99WaitSeconds = new(p.Waits.Mean.Seconds()), new(p.Waits.P99.Seconds())
		}
		list.Pools[i] = data
	}
	return granted("ok", list), nil
}
