package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"runlease/shared/auth"
	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// attack is what a runner does instead of judging, with one request each step.
type attack func(w *world) (next func())

func lists(w *world) func() {
	looks, wide := 0, time.Time{}
	return func() {
		l, _, err := w.List(w.ctx, job.Candidate{Runner: "evil"}, 10)
		if looks++; err != nil {
			w.t.Fatal(err)
		}
		if len(l.Jobs) > 1 { // while it is served it hides what it is shown
			if looks > 6 && w.clock.Sub(wide) < 3*time.Second {
				w.t.Fatalf("look %d: %d jobs", looks, len(l.Jobs))
			}
			wide = w.clock
		}
	}
}

// takes claims as many jobs as a sync gives, and gives them back for a reason; "": it
// says nothing more.
func takes(reason job.Reason, lease int) attack {
	return func(w *world) func() {
		var holds []dispatch.Claimed
		return func() {
			if len(holds) > 0 && reason != "" {
				answer, err := w.Release(w.ctx, holds[0].Job.ID, "evil", auth.Hash(holds[0].Token), reason, "")
				w.granted(answer, err)
				holds = holds[1:]
				return
			}
			s, answer, err := w.Sync(w.ctx, dispatch.SyncRequest{Runner: "evil", Slots: 10, LeaseSeconds: &lease})
			w.granted(answer, err)
			holds = s.Jobs
		}
	}
}

// honest has jobs of 300 ms judged in two slots for two minutes, and returns how many
// and when it was done with the first hundred.
func (w *world) honest(evil func()) (done int, hundred time.Time) {
	const tick = 50 * time.Millisecond
	type running struct {
		dispatch.Claimed
		until time.Time
	}
	var runs []running
	var ask time.Time
	for end := w.clock.Add(2 * time.Minute); w.clock.Before(end); w.pass(tick) {
		evil()
		r := dispatch.SyncRequest{Runner: "honest", Slots: 2}
		for ; len(runs) > 0 && !w.clock.Before(runs[0].until); runs = runs[1:] {
			r.Done = append(r.Done, report(runs[0].Claimed, result("AC")))
		}
		if r.Slots -= len(runs); len(r.Done) == 0 && (r.Slots == 0 || w.clock.Before(ask)) {
			continue
		}
		s, answer, err := w.Sync(w.ctx, r)
		w.granted(answer, err)
		for _, answer := range s.Done {
			w.granted(answer, nil)
			if done++; done == 100 {
				hundred = w.clock
			}
		}
		for _, c := range s.Jobs {
			runs = append(runs, running{c, w.clock.Add(300 * time.Millisecond)})
		}
		ask = w.clock.Add(time.Duration(s.PollSeconds) * time.Second)
	}
	return done, hundred
}

// TestOneRunnerStarvesNobody: one that misuses its token, 20 requests a second under one
// name, costs the other at most a fifth of its throughput, and ends no job.
func TestOneRunnerStarvesNobody(t *testing.T) {
	const jobs = 120
	rate := func(a attack) (done int, perSecond float64) {
		w, _ := watched(t)
		for i := range jobs {
			w.create(fmt.Sprintf("j%d", i))
		}
		began := w.clock
		done, hundred := w.honest(a(w))
		for i := range jobs {
			if j := w.get(fmt.Sprintf("j%d", i)); j.Final() && j.Result.Attempt == 0 {
				t.Errorf("%s ended as JE: %+v", j.ID, j.Past)
			}
		}
		return done, 100 / hundred.Sub(began).Seconds()
	}
	_, alone := rate(func(*world) func() { return func() {} })
	for name, c := range map[string]struct {
		attack
		least int // jobs that are left to the honest one
	}{
		"list":                       {lists, jobs},
		"hoard":                      {takes("", 900), jobs - 10},
		"hoard, the shortest leases": {takes("", 30), jobs},
		"burn":                       {takes(job.ReasonInfraError, 900), jobs},
		"burn, by drains":            {takes(job.ReasonDrain, 900), jobs},
		"burn, as if told to stop":   {takes(job.ReasonCancelled, 900), jobs},
	} {
		done, perSecond := rate(c.attack)
		t.Logf("%-26s %.2f jobs/s beside %.2f alone: %.0f %%, %d of %d jobs", name, perSecond, alone, 100*perSecond/alone, done, jobs)
		if done < c.least || perSecond < 0.8*alone {
			t.Errorf("%s: too few", name)
		}
	}
}
