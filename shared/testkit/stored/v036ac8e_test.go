package stored

import (
	"runlease/shared/job"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// v036ac8e is what the version of that commit stores: pools, records of runners, what
// operators did, and rejudges of many are new.
func v036ac8e() meaning {
	m := ve3fb212()
	const t0 = job.Time(1_793_612_412_345)
	for i := range m.jobs {
		if m.jobs[i].ID == "queued_again" {
			m.jobs[i].Pool = "exam"
		}
	}
	m.runners = []roster.Runner{
		{
			Name: "judge-07", FirstHeard: t0, LastHeard: t0 + 9, State: roster.Serving, Revision: 1, WriteID: "00000000000000b1",
			Reports: roster.Reports{Version: "runlease-runner/1.0", Languages: job.LanguagesOf(1<<0 | 1<<40), Checkers: true, Slots: 4, Pools: job.PoolsIn("exam,default")},
		},
		{
			Name: "judge-08", FirstHeard: t0, LastHeard: t0 + 9, State: roster.Quarantined, Since: t0 + 8, By: "ops", Why: "its disk is full", Revision: 7, WriteID: "00000000000000b2",
			Health: roster.Health{
				LostLeases: 2, InfraErrors: 1, Probe: "queued", Probes: 3, ProbeAt: t0 + 20,
				Row: roster.Row{{Job: "queued_again", Attempt: 3, ClaimedAt: t0 + 1, At: t0 + 3, Lost: true}, {Job: "queued", Attempt: 1, ClaimedAt: t0 + 4, At: t0 + 5}},
			},
		},
	}
	m.pauses = []roster.Pause{
		{Target: roster.Everything, At: t0, By: "ops", Why: "the network is down", WriteID: "00000000000000c1"},
		{Target: roster.PoolTarget("exam"), At: t0 + 1, By: "ops", Why: "it begins at nine", WriteID: "00000000000000c2"},
		{Target: roster.ProblemTarget(17), At: t0 + 2, By: "ops", Why: "a wrong case", WriteID: "00000000000000c3"},
	}
	for _, p := range m.pauses {
		m.audit = append(m.audit, roster.Order{Act: roster.ActPause, By: p.By, Why: p.Why, At: p.At}.Entry(p.Target, p.WriteID))
	}
	order := func(at job.Time, writeID string, f rejudge.Filter, pool string) rejudge.Many {
		o := roster.Order{Act: rejudge.ActBegin, By: "ops", Why: "a wrong case", At: at}
		r := rejudge.Begin(f, pool, o, writeID)
		m.audit = append(m.audit, o.Entry(rejudge.Target(r.ID), writeID))
		r.Revision, r.UpdatedAt = 5, at+60_000
		return r
	}
	done := order(t0+3, "00000000000000d1", rejudge.Filter{Problem: 17, Status: new(0), From: t0 - 9, To: t0 - 1}, "exam")
	done.Matched, done.Counted, done.Rejudged, done.Skipped, done.Failed = 9, true, 6, 2, 1
	done = done.Finish(t0 + 90_000)
	running := order(t0+4, "00000000000000d2", rejudge.Filter{Problem: 18}, "")
	running.Matched, running.Counted, running.Rejudged, running.Cursor, running.Tries, running.Step, running.RungIn = 100, true, 3, "1793612412345.finished", 1, 100, "exam"
	running.Pending = []rejudge.Pending{{Job: "finished", Generation: 2}, {Job: "finished_outputs"}}
	m.rejudges = []rejudge.Many{done, running}
	return m
}
