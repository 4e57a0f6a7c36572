package job

// EndOp ends a claimed job whose runner is silent and which may not be claimed
// again. The receiver of its message applies it, and the sweep.
type EndOp struct{ Now Time }

// Apply makes j cancelled or finished with JE if it is Over, else changes nothing.
func (op EndOp) Apply(j Job) (Job, Outcome) {
	if !j.Over(op.Now) {
		return j, unchanged()
	}
	if j.CancelAsked {
		return j.endClaim(op.Now, Withdrawn, "", nil).end(op.Now, Cancelled), ok()
	}
	j = j.endClaim(op.Now, Lost, "", nil)
	j.Failures++
	return j.endJE(op.Now), ok()
}
