package api

import (
	"time"

	"runlease/shared/auth"
	"runlease/shared/ident"
	"runlease/shared/roster"
)

type demandData struct {
	Pool           string   `json:"pool"`
	Waiting        int      `json:"waiting"`
	Running        int      `json:"running"`
	Slots          int      `json:"slots"`
	Wanted         int      `json:"wanted"`
	MeanRunSeconds *float64 `json:"meanRunSeconds"` // null: no job has ended recently
}

// maxTarget bounds targetSeconds, in seconds.
const maxTarget = 3600

// getDemand is GET /ops/demand.
func getDemand(a *API, c *call) (reply, error) {
	q := queryOf(c)
	pool := q.text("pool", poolRule, auth.ValidName)
	target := q.number("targetSeconds", "want whole seconds, 1 to 3600", 1, maxTarget, int(roster.TargetWait.Seconds()))
	if q.fault != nil {
		return *q.fault, nil
	}
	if pool == "" {
		pool = ident.DefaultPool
	}
	d, answer, err := a.dispatch.Demand(c.Context(), pool, time.Duration(target)*time.Second)
	if err != nil || !answer.OK() {
		return refusedOr(answer, err)
	}
	data := demandData{Pool: pool, Waiting: d.Waiting, Running: d.Running, Slots: d.Slots, Wanted: d.Wanted}
	if d.MeanRun > 0 {
		data.MeanRunSeconds = new(d.MeanRun.Seconds())
	}
	return granted("ok", data), nil
}
