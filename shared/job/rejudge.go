package job

// RejudgeOp starts a new generation.
type RejudgeOp struct {
	Now        Time
	Generation int // the one to replace
	// Pool is where the next generation is judged; nil: where this one was. A rejudge of
	// thousands can so keep out of the pool that they were handed in for.
	Pool *Pool
}

// Apply queues j again with generation + 1, the claim cleared and a fresh
// budget; it takes a cancel back. Attempt, the fence, goes on: no result of an
// older generation can land. A job that was cancelled before it was submitted
// is as it was created: its code is not checked yet. Repeated, it changes
// nothing; a job that was neither submitted nor cancelled is refused with
// NotSubmitted, any other generation with GenerationConflict.
func (op RejudgeOp) Apply(j Job) (Job, Decision) {
	switch {
	case j.Generation == op.Generation+1:
		return j, unchanged()
	case j.State == Created:
		return j, refused(NotSubmitted)
	case j.Generation != op.Generation:
		return j, refused(GenerationConflict)
	}
	if j.State == Claimed {
		j = j.endClaim(op.Now, HowRejudged, "", nil)
	}
	j.Generation++
	j.FirstFence = j.Attempt
	j.Failures = 0
	j.CancelRequested = false
	j.Result = nil
	j.Disputed = false
	j.EndedAt = 0
	if j.QueuedAt == 0 {
		j.State = Created
		return j, ok()
	}
	j.State = Queued
	j.QueuedAt = op.Now
	if op.Pool != nil {
		j.Pool = *op.Pool
	}
	return j.ring(op.Now), ok()
}
