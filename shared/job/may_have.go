package job

import "time"

// Candidate is a runner that asks for a job.
type Candidate struct {
	Runner    string
	Version   string // of its program; decides nothing
	Pools     Pools
	Languages Languages
	Checkers  bool // it compares outputs as a problem's checker says
	Barred    Why  // why it may have no job at all; "": it may
}

// Why a runner may have no job, whatever the job is.
const (
	RunnerPaused      Why = "runner_paused"
	RunnerDraining    Why = "runner_draining"
	RunnerRetired     Why = "runner_retired"
	RunnerQuarantined Why = "runner_quarantined"
	RunnerSilent      Why = "runner_silent" // says nothing of what it holds
)

// Needs is what a job's problem asks of the runner that judges it. The zero Needs
// are those of a problem that has not been read yet.
type Needs struct {
	Checker bool      // outputs are not compared line by line
	Program *Language // the checker is a program in this language; nil: it is none
	Paused  bool      // by an operator: its jobs are not given out
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

// BackOff means that the runner has failed at this job, or let go of it more than
// once, and others come first for a while.
const BackOff Why = "back_off"

// LacksPool means that the runner does not serve the job's pool.
const LacksPool Why = "lacks_pool"

// LacksLanguage means that the runner does not judge the job's language.
const LacksLanguage Why = "lacks_language"

// LacksCheckers means that the runner does not know of checkers, or not the language
// of the problem's. It would compare line by line and judge right answers wrong, or
// give the job back.
const LacksCheckers Why = "lacks_checkers"

// OnHold means that an operator has paused the job.
const OnHold Why = "paused"

// Lasting reports whether no time makes an obstacle go away: only another runner
// can judge the job.
func (o Obstacle) Lasting() bool {
	return o.Why == LacksLanguage || o.Why == LacksCheckers || o.Why == LacksPool
}

// NoteOp notes what all runners lacked that looked at a job, to explain why it waits. A
// claim removes the note.
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
	Barred     Outcome = "runner_barred" // it may have no job at all
	JobPaused  Outcome = "job_paused"    // it is not given out
)

// backOffs are how long a runner is passed over for a job at which it has failed
// once, twice and more often. It would else be the first to take the job again, and
// use up its attempts alone: with these pauses ten of them take more than an hour, and
// in each another runner may have the job. A lone runner gets it afterwards. A runner
// that restarts gives back or loses what it holds and is as good as before, so the
// first attempt that it has drained, been preempted in or lost is free.
var backOffs = [...]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// MayHave decides whether a runner may have j now, if j can be claimed at all.
// It needs no register of runners: j's attempts tell.
func (j Job) MayHave(c Candidate, n Needs, now Time) Obstacle {
	if c.Barred != "" {
		return Obstacle{Why: c.Barred}
	}
	if n.Paused {
		return Obstacle{Why: OnHold}
	}
	if !c.Pools.Has(j.Pool) {
		return Obstacle{Why: LacksPool}
	}
	if !c.Languages.Has(j.Language) {
		return Obstacle{Why: LacksLanguage}
	}
	if !n.metBy(c) {
		return Obstacle{Why: LacksCheckers}
	}
	bad, free, last := 0, 1, Time(0)
	for _, p := range j.Past {
		if p.Generation != j.Generation || p.Runner != c.Runner || p.How != HowReleased && p.How != HowLost {
			continue
		}
		if bad++; free > 0 && !p.Reason.failure() {
			bad, free = bad-1, free-1
		}
		last = max(last, p.EndedAt)
	}
	if j.holds(c.Runner) { // and has fallen silent, since it asks as any other
		bad, last = bad+1-free, j.Claim.LeaseExpiresAt
	}
	if bad > 0 {
		if until := last.Add(backOffs[min(bad, len(backOffs))-1]); now < until {
			return Obstacle{BackOff, until}
		}
	}
	return Obstacle{}
}
