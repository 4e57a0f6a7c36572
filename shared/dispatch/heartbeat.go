package dispatch

import (
	"context"
	"time"

	"runlease/shared/job"
)

// Action is what a heartbeat tells a runner to do.
type Action string

// The actions.
const (
	Continue  Action = "continue"
	Stop      Action = "cancel"
	LeaseLost Action = "lost" // only in sync, where a refusal is an item
)

// Heartbeat extends the lease of the current claim, in the store and then on
// the queue. tokenHash is empty if the runner did not say. Refused with
// NotFound, NotClaimed or InvalidToken.
func (d *Dispatcher) Heartbeat(ctx context.Context, id, runner, tokenHash string) (Action, Answer, error) {
	op := job.HeartbeatOp{Now: d.now(), Runner: runner, TokenHash: tokenHash}
	c, err := d.update(ctx, id, apply(op.Apply))
	if err != nil || c.Code != job.OK {
		return "", c.answer(), err
	}
	claim := c.after.Claim
	if c.Write && claim.Handle != "" {
		lease := time.Duration(claim.LeaseSeconds) * time.Second
		if err := d.Queue.Hide(ctx, []Hiding{{claim.Handle, lease}}); err != nil {
			d.Log.WarnContext(ctx, "message not hidden", "job_id", id, "error", err)
		}
	}
	if c.after.MustStop(op.Now) {
		return Stop, granted, nil
	}
	return Continue, granted, nil
}
