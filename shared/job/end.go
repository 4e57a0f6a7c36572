package job

// EndOp ends a claimed job whose runner is silent and which may not be claimed
// again. The receiver of its message applies it, and the sweep.
type EndOp struct{ Now Time }

// Apply makes j cancelled or finished with JE if it is Over, else changes nothing.
func (op EndOp) Apply(j Job) (Job, Decision) {
	if !j.Over(op.Now) {
		return j, unchanged()
	}
	if j.CancelRequested {
		return j.endClaim(op.Now, HowCancelled, "", nil).end(op.Now, Cancelled), ok()
	}
	return j.failed().endClaim(op.Now, HowLost, "", nil).endJE(op.Now), ok()
}
