package job

// RejudgeOp starts a new generation.
type RejudgeOp struct {
	Now        Time
	Generation int // the one to replace
}

// Apply queues j again with generation + 1, the claim cleared and a fresh
// budget; it takes a cancel back. Attempt, the fence, goes on: no result of an
// older generation can land. Repeated, it changes nothing; a job that was never
// submitted is refused with NotSubmitted, any other generation with
// GenerationConflict.
func (op RejudgeOp) Apply(j Job) (Job, Outcome) {
	switch {
	// A job cancelled before it was submitted has no checked code either.
	case j.QueuedAt == 0:
		return j, refused(NotSubmitted)
	case j.Generation == op.Generation+1:
		return j, unchanged()
	case j.Generation != op.Generation:
		return j, refused(GenerationConflict)
	}
	if j.State == Claimed {
		j = j.endClaim(op.Now, Superseded, "", nil)
	}
	j.State = Queued
	j.Generation++
	j.FirstFence = j.Attempt
	j.Failures = 0
	j.CancelAsked = false
	j.Result = nil
	j.Disputed = false
	j.QueuedAt = op.Now
	j.EndedAt = 0
	return j.ring(op.Now), ok()
}
