package job

// ClaimOp gives a job to a runner for the time of a lease.
type ClaimOp struct {
	Now            Time
	Runner         string
	TokenHash      string // of a new token, lower-case hex
	LeaseSeconds   int
	ProblemVersion int
	Handle         string // receipt handle, where the claim comes straight off the queue
}

// Apply claims j if it is queued, or claimed by a runner whose lease has
// expired; then that attempt is noted as lost, and counts as a failure of its runner.
// Refused with NotPending or AlreadyClaimed (also for the same runner).
func (op ClaimOp) Apply(j Job) (Job, Decision) {
	switch {
	case j.Claimable(op.Now):
	case j.State == Claimed && !j.Over(op.Now):
		return j, refused(AlreadyClaimed)
	default:
		return j, refused(NotPending)
	}
	if j.State == Claimed {
		j = j.failed().endClaim(op.Now, HowLost, "", nil)
	}
	j.State, j.Lacks = Claimed, ""
	j.Attempt++
	j.Claim = Claim{
		Runner:         op.Runner,
		TokenHash:      op.TokenHash,
		ProblemVersion: op.ProblemVersion,
		LeaseSeconds:   op.LeaseSeconds,
		LeaseExpiresAt: op.Now + Time(op.LeaseSeconds)*1000,
		ClaimedAt:      op.Now,
		Handle:         op.Handle,
	}
	return j, ok()
}
