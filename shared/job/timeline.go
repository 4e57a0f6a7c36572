package job

import (
	"cmp"
	"fmt"
	"slices"

	"runlease/shared/judge"
)

// Step is one thing that has happened to a job.
type Step struct {
	At         Time
	What       string // created, queued, claimed, heard, completed, released, lost, rejudged, cancelled, late_result, rung, finished
	Generation int
	Attempt    int    // 0: of none
	Runner     string // "": none
	Detail     string
}

// Timeline lists what j's record knows of its life, oldest first. Of generations
// before the current one it knows the attempts, and when the job was created.
func (j Job) Timeline() []Step {
	var steps []Step
	add := func(s Step) {
		if s.At != 0 {
			steps = append(steps, s)
		}
	}
	add(Step{At: j.CreatedAt, What: "created"})
	add(Step{At: j.QueuedAt, What: "queued", Generation: j.Generation})
	for _, p := range j.Past {
		of := Step{Generation: p.Generation, Attempt: p.Attempt, Runner: p.Runner}
		of.At, of.What = p.ClaimedAt, "claimed"
		add(of)
		if p.HeartbeatAt > p.ClaimedAt && p.How != HowCompleted {
			of.At, of.What = p.HeartbeatAt, "heard"
			add(of)
		}
		of.At, of.What, of.Detail = p.EndedAt, string(p.How), detail(p)
		add(of)
		if p.Late != nil {
			of.At, of.What, of.Detail = p.Late.At, "late_result", p.Late.Verdict.String()
			add(of)
		}
	}
	if j.State == Claimed {
		of := Step{At: j.Claim.ClaimedAt, What: "claimed", Generation: j.Generation, Attempt: j.Attempt, Runner: j.Claim.Runner}
		add(of)
		if of.At = j.Claim.HeartbeatAt(); of.At > j.Claim.ClaimedAt {
			of.What = "heard"
			add(of)
		}
	}
	if j.Open() && j.RungAt != j.QueuedAt {
		add(Step{At: j.RungAt, What: "rung", Generation: j.Generation})
	}
	if j.Final() {
		end := Step{At: j.EndedAt, What: string(j.State), Generation: j.Generation}
		if j.Result != nil {
			end.Attempt, end.Detail = j.Result.Attempt, Verdict{j.Result.Status, j.Result.Score}.String()
		}
		add(end)
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return steps
}

// String is for people.
func (v Verdict) String() string { return fmt.Sprintf("%s, score %d", judge.Status(v.Status), v.Score) }

// detail is what an attempt's end says beside how.
func detail(p Past) string {
	switch {
	case p.Detail != "":
		return string(p.Reason) + ": " + p.Detail
	case p.Reason != "":
		return string(p.Reason)
	case p.Verdict != nil:
		return p.Verdict.String()
	}
	return ""
}
