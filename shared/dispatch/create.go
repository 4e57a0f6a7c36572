package dispatch

import (
	"bytes"
	"context"

	"runlease/shared/job"
)

// CreateRequest hands a job in. Create sets the Now and the Pool of its Op.
type CreateRequest struct {
	job.CreateOp
	PoolName string // "": the job goes to its problem's pool
	Inline   []byte // the code itself; nil: it will be uploaded
}

// Created is a new job, or the existing job with the same content.
type Created struct {
	Job    job.Job
	New    bool
	Upload *Upload // where to put the code, while it is still awaited
}

// Create makes a job. With its code inline it is queued in one call: the code
// is stored, the bell rung, the job written. Refused with ProblemNotFound,
// UnknownPool, InvalidCode or JobConflict.
func (d *Dispatcher) Create(ctx context.Context, r CreateRequest) (Created, Answer, error) {
	pool, answer, err := d.published(ctx, r.Problem)
	if err != nil || !answer.OK() {
		return Created{}, answer, err
	}
	if r.PoolName != "" {
		if pool = job.PoolOf(r.PoolName); !d.Queues.has(pool) {
			return Created{}, d.noPool(r.PoolName), nil
		}
	}
	if r.Pool = pool; !d.Queues.has(pool) {
		r.Pool = ""
	}
	r.Now = d.now()
	r.CodeInline = r.Inline != nil && len(r.Inline) <= MaxCodeInline && !d.CodeAsObjects
	submit := job.SubmitOp{Now: r.Now, CodeInline: r.CodeInline}
	j := r.New()
	if r.Inline != nil {
		// A job that exists must not get another message and another object for
		// every repetition, so it is looked for first.
		there, found, err := d.Store.Get(ctx, r.ID)
		if err != nil {
			return Created{}, Answer{}, err
		}
		if found {
			if out := r.Repeats(there); out.Outcome != job.OK || there.State != job.Created || there.Language == job.Handwritten {
				return Created{Job: there}, Answer{Outcome: out.Outcome}, nil
			}
		}
		if answer, err := lookAtCode(bytes.NewReader(r.Inline), r.Code.Size, r.Language); err != nil || !answer.OK() {
			return Created{}, answer, err
		}
		if err := d.storeCode(ctx, j, r.Inline, r.CodeInline); err != nil {
			return Created{}, Answer{}, err
		}
		if found {
			c, err := d.updateFrom(ctx, there, apply(submit.Apply))
			if err == nil && c.rang() {
				d.ringRunner(ctx, d.InPool(c.after))
			}
			return Created{Job: c.after}, c.Answer, err
		}
		j, _ = submit.Apply(j)
		if j.Bell > 0 {
			if err := d.ring(ctx, j); err != nil {
				return Created{}, Answer{}, err
			}
		}
	}
	j.Revision = 1
	if j.WriteID, err = d.writeID(); err != nil {
		return Created{}, Answer{}, err
	}
	current, created, err := d.Store.Create(ctx, j)
	if err != nil {
		return Created{}, Answer{}, err
	}
	if !created { // since we looked
		if out := r.Repeats(current); out.Outcome != job.OK {
			return Created{}, Answer{Outcome: out.Outcome}, nil
		}
		j = current
		if r.Inline != nil && j.State == job.Created {
			c, err := d.updateFrom(ctx, j, apply(submit.Apply))
			if err != nil {
				return Created{}, Answer{}, err
			}
			if c.rang() {
				d.ringRunner(ctx, d.InPool(c.after))
			}
			j = c.after
		}
	}
	if created && j.Bell > 0 {
		d.ringRunner(ctx, d.InPool(j))
	}
	reply := Created{Job: j, New: created}
	if r.Inline == nil && j.State == job.Created {
		up, err := d.URLs.PutURL(ctx, codeKey(r.ID, r.Code.SHA256), r.Code)
		if err != nil {
			return Created{}, Answer{}, err
		}
		reply.Upload = &up
	}
	return reply, granted, nil
}
