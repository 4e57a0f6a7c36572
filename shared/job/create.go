package job

// CreateOp makes a new job. It is the only Op without a Job to apply to.
type CreateOp struct {
	Now      Time
	ID       string
	Problem  int
	Language Language
	Group    string
	Code     Artifact
	// CodeInline: the code is in the store. It is where the code is kept and not
	// what was asked for, so Repeats does not look at it.
	CodeInline bool
	// Pool is where the job is judged. A rejudge may change it, so Repeats does not
	// look at it either.
	Pool Pool
}

// New returns the job as created: its code is not checked yet, so it is not queued.
func (op CreateOp) New() Job {
	return Job{
		ID:         op.ID,
		Problem:    op.Problem,
		Language:   op.Language,
		Group:      op.Group,
		Pool:       op.Pool,
		Code:       op.Code,
		CodeInline: op.CodeInline,
		State:      Created,
		CreatedAt:  op.Now,
	}
}

// Repeats reports whether op asks for what j already is. A job that exists with
// another content is a JobConflict.
func (op CreateOp) Repeats(j Job) Decision {
	if j.Problem == op.Problem && j.Language == op.Language && j.Group == op.Group && j.Code == op.Code {
		return unchanged()
	}
	return refused(JobConflict)
}
