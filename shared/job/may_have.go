package job

import "time"

// Candidate is a runner that asks for a job.
type Candidate struct {
	Runner   string
	Checkers bool // it compares outputs as a problem's checker says
}

// Obstacle is why a runner may not have a job now. The zero Obstacle: it may.
type Obstacle struct {
	Why   Why
	Until Time // when that is over by itself
}

// Why is the word for an Obstacle.
type Why string

// BackOff means that the runner has given this job back as unfit for it itself, and others
// come first for a while.
const BackOff Why = "back_off"

// PassedOver is the Outcome of a claim by a runner that may not have the job now.
const PassedOver Outcome = "passed_over"

// backOffs are how long a runner is passed over for a job that it has given back
// with infra_error once, twice and more often. It would else be the first to take
// the job again, and use up its failures alone. A lone runner gets it afterwards.
var backOffs = [...]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// MayHave decides whether a runner may have j now, if j can be claimed at all.
// It needs no register of runners: j's attempts tell.
func (j Job) MayHave(c Candidate, now Time) Obstacle {
	errors, last := 0, Time(0)
	for _, p := range j.Past {
		if p.Generation == j.Generation && p.Runner == c.Runner && p.How == HowReleased && p.Reason == ReasonInfraError {
			errors, last = errors+1, max(last, p.EndedAt)
		}
	}
	if errors > 0 {
		if until := last.Add(backOffs[min(errors, len(backOffs))-1]); now < until {
			return Obstacle{BackOff, until}
		}
	}
	return Obstacle{}
}
