package job

// Reason is why a runner gives a job back.
type Reason string

// The reasons of the wire contract.
const (
	ReasonDrain      Reason = "drain"       // the runner shuts down
	ReasonPreempted  Reason = "preempted"   // the runner is needed for something else
	ReasonInfraError Reason = "infra_error" // the runner is at fault; a failure
	ReasonCancelled  Reason = "cancelled"   // the runner was told to stop, and has
)

// Reasons lists every legal reason.
func Reasons() []Reason {
	return []Reason{ReasonDrain, ReasonPreempted, ReasonInfraError, ReasonCancelled}
}

// failure reports whether to give a job back for r, without a cancel, is to fail at it.
func (r Reason) failure() bool { return r == ReasonInfraError || r == ReasonCancelled }

// ReleaseOp gives a job back at once.
type ReleaseOp struct {
	Now       Time
	Runner    string
	TokenHash string
	Reason    Reason
	Detail    string // of the Reason, at most MaxDetail characters
}

// MaxDetail is how many characters a release may say beside its reason.
const MaxDetail = 300

// Apply queues j again with a new bell, or ends it: cancelled if that was
// asked, with JE if its failures or attempts are used up. A runner that was
// told to stop without a cancel had run for MaxRun; that is a failure.
// Repeated, it changes nothing. Refused with NotClaimed or InvalidToken.
func (op ReleaseOp) Apply(j Job) (Job, Decision) {
	if standing := j.Stand(op.Runner, op.TokenHash); standing.Outcome != OK || standing.Accepted {
		if i, found := j.past(op.Runner, op.TokenHash); found && j.gaveBack(j.Past[i]) {
			return j, unchanged()
		}
		if standing.Accepted {
			return j, refused(NotClaimed)
		}
		return j, refused(standing.Outcome)
	}
	cancel := j.CancelRequested
	how := HowReleased
	if cancel {
		how = HowCancelled
	}
	if !cancel && op.Reason.failure() {
		j = j.failed()
	}
	j = j.endClaim(op.Now, how, op.Reason, nil)
	j.Past[len(j.Past)-1].Detail = op.Detail // of the new list
	if cancel {
		return j.end(op.Now, Cancelled), ok()
	}
	if j.Failures >= MaxFailures || j.AttemptsUsed() >= MaxAttempts {
		return j.endJE(op.Now), ok()
	}
	j.State = Queued
	return j.ring(op.Now), ok()
}

// gaveBack reports whether an attempt of the current generation ended because its
// runner let go of it.
func (j Job) gaveBack(past Past) bool {
	return past.Generation == j.Generation && (past.How == HowReleased || past.How == HowCancelled && past.Reason != "")
}
