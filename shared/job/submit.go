package job

// SubmitOp queues a created job. Its caller has checked the code.
type SubmitOp struct {
	Now        Time
	CodeInline bool // the code is in the store
}

// Apply queues j. A job that is past that is left as it is, and so is a
// handwritten one: it is kept, never queued.
func (op SubmitOp) Apply(j Job) (Job, Decision) {
	if j.State != Created || j.Language == Handwritten {
		return j, unchanged()
	}
	j.State = Queued
	j.QueuedAt = op.Now
	j.CodeInline = op.CodeInline
	return j.ring(op.Now), ok()
}
