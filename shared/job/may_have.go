package job

import "time"

// Candidate is a runner that asks for a job.
type Candidate struct {
	Runner    string
	Languages Languages
	Checkers  bool // it compares outputs as a problem's checker says
}

// Needs is what a job's problem asks of the runner that judges it. The zero Needs
// are those of a problem that has not been read yet.
type Needs struct {
	Checker bool      // outputs are not compared line by line
	Program *Language // the checker is a program in this language; nil: it is none
}

// metBy reports whether a runner can do what a problem asks for.
func (n Needs) metBy(c Candidate) bool {
	return !n.Checker || c.Checkers && (n.Program == nil || c.Languages.Has(*n.Program))
}

// Obstacle is why a runner may not have a job now. The zero Obstacle: it may.
type Obstacle struct {
	Why   Why
	Until Time // when that is over by itself
}

// Why is the word for an Obstacle.
type Why string

// BackOff means that the runner has given this job back as unfit for it itself,
// and others come first for a while.
const BackOff Why = "back_off"

// LacksLanguage means that the runner does not judge the job's language.
const LacksLanguage Why = "lacks_language"

// LacksCheckers means that the runner does not know of checkers, or not the language
// of the problem's. It would compare line by line and judge right answers wrong, or
// give the job back.
const LacksCheckers Why = "lacks_checkers"

// Lasting reports whether no time makes an obstacle go away: only another runner
// can judge the job.
func (o Obstacle) Lasting() bool { return o.Why == LacksLanguage || o.Why == LacksCheckers }

// NoteOp notes what all runners lack that have looked at a job, for people who
// wonder why it waits. A claim takes the note away.
type NoteOp struct{ Lacks Why }

// Apply writes the note, once.
func (op NoteOp) Apply(j Job) (Job, Decision) {
	if j.State != Queued || j.Lacks == op.Lacks {
		return j, unchanged()
	}
	j.Lacks = op.Lacks
	return j, ok()
}

// The Outcomes of a claim by a runner that may not have the job now, and by one
// that cannot judge it.
const (
	PassedOver Outcome = "passed_over"
	Unfit      Outcome = "unfit_runner"
)

// backOffs are how long a runner is passed over for a job that it has given back
// with infra_error once, twice and more often. It would else be the first to take
// the job again, and use up its failures alone. A lone runner gets it afterwards.
var backOffs = [...]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// MayHave decides whether a runner may have j now, if j can be claimed at all.
// It needs no register of runners: j's attempts tell.
func (j Job) MayHave(c Candidate, n Needs, now Time) Obstacle {
	if !c.Languages.Has(j.Language) {
		return Obstacle{Why: LacksLanguage}
	}
	if !n.metBy(c) {
		return Obstacle{Why: LacksCheckers}
	}
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
