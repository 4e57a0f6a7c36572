package job

// HeartbeatOp extends the lease of the current claim.
type HeartbeatOp struct {
	Now       Time
	Runner    string
	TokenHash string // empty: the runner did not say
}

// HeartbeatEvery returns the seconds between two heartbeats on a lease. It
// leaves room for two of them to be lost. Existing clients send one a minute on
// a lease of ten.
func HeartbeatEvery(leaseSeconds int) int { return max(1, min(leaseSeconds/3, 60)) }

// Apply moves the lease to now + LeaseSeconds, even if it has expired: late
// is not lost. A claim older than MaxRun is left as it is, so that it ends. A
// heartbeat in less than half of the time that runners are told to wait writes
// nothing: the lease is as good as new, and how often a runner sends does not
// decide how much it makes us write. Refused with NotClaimed or InvalidToken.
func (op HeartbeatOp) Apply(j Job) (Job, Decision) {
	if code := j.HeldBy(op.Runner, op.TokenHash); code != OK {
		return j, refused(code)
	}
	until := op.Now + Time(j.Claim.LeaseSeconds)*1000
	early := Time(HeartbeatEvery(j.Claim.LeaseSeconds)) * 1000 / 2
	// A handler whose clock is behind must not take back what another one gave.
	if j.RunTooLong(op.Now) || until < j.Claim.LeaseExpiresAt+early {
		return j, unchanged()
	}
	j.Claim.LeaseExpiresAt = until
	return j, ok()
}

// RunTooLong reports whether the current claim has had all the time there is.
func (j Job) RunTooLong(now Time) bool {
	return j.State == Claimed && now.Sub(j.Claim.ClaimedAt) > MaxRun
}

// MustCancel reports whether the holder's heartbeat is answered with `cancel`.
func (j Job) MustCancel(now Time) bool {
	return j.State == Claimed && (j.CancelRequested || j.RunTooLong(now))
}
