package job

// Needs is what a problem asks of the runner that judges it.
type Needs struct {
	Checker bool // outputs are not compared line by line
}

// LacksCheckers means that the runner does not know of checkers. It would compare line by
// line and judge right answers wrong.
const LacksCheckers Why = "lacks_checkers"

// Unfit is the Outcome of a claim by a runner that cannot judge the problem.
const Unfit Outcome = "unfit_runner"

// Lacks decides whether a runner can judge a problem at all.
func (c Candidate) Lacks(n Needs) Obstacle {
	if n.Checker && !c.Checkers {
		return Obstacle{Why: LacksCheckers}
	}
	return Obstacle{}
}
