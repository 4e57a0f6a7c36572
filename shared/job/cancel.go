package job

// CancelOp asks for the end of a job.
type CancelOp struct{ Now Time }

// Apply cancels a job without a holder at once; a holder is told by its next
// heartbeat, and the job is final when the holder gives up, completes or falls
// silent for a lease. Repeated, it changes nothing. A finished job is refused
// with JobFinished.
func (op CancelOp) Apply(j Job) (Job, Decision) {
	switch {
	case j.State == Finished:
		return j, refused(JobFinished)
	case j.State == Cancelled:
		return j, unchanged()
	case j.LeaseExpired(op.Now):
		return j.endClaim(op.Now, HowCancelled, "", nil).end(op.Now, Cancelled), ok()
	case j.State == Claimed && j.CancelRequested:
		return j, unchanged()
	case j.State == Claimed:
		j.CancelRequested = true
		return j, ok()
	}
	return j.end(op.Now, Cancelled), ok()
}
