package job

// HeartbeatOp extends the lease of the current claim.
type HeartbeatOp struct {
	Now       Time
	Runner    string
	TokenHash string // empty: the runner did not say
}

// Apply moves the lease to now + LeaseSeconds, even one that has expired: late
// is not lost. A claim older than MaxRun is left as it is, so that it ends.
// Refused with NotClaimed or InvalidToken.
func (op HeartbeatOp) Apply(j Job) (Job, Decision) {
	if code := j.HeldBy(op.Runner, op.TokenHash); code != OK {
		return j, refused(code)
	}
	until := op.Now + Time(j.Claim.LeaseSeconds)*1000
	// A handler whose clock is behind must not take back what another one gave.
	if j.RunTooLong(op.Now) || until <= j.Claim.LeaseExpiresAt {
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
