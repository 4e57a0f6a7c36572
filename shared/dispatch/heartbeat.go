package dispatch

import (
	"context"

	"runlease/shared/job"
)

// Action is what a heartbeat tells a runner to do.
type Action string

// The actions.
const (
	ActionContinue Action = "continue"
	ActionCancel   Action = "cancel"
	ActionLost     Action = "lost" // only in sync, where a refusal is an item
)

// Heartbeat extends the lease of the current claim, in the store and then on
// the queue. tokenHash is empty if the runner sent no claim token. Refused with
// NotFound, NotClaimed or InvalidToken.
func (d *Dispatcher) Heartbeat(ctx context.Context, id, runner, tokenHash string) (Action, Answer, error) {
	hidings, action, answer, err := d.heartbeat(ctx, id, runner, tokenHash, d.update)
	d.hide(ctx, hidings)
	return action, answer, err
}

// heartbeat is Heartbeat up to the write. It returns what is left to be done to
// the job's message: at most one hiding.
func (d *Dispatcher) heartbeat(ctx context.Context, id, runner, tokenHash string, update updater) ([]Hiding, Action, Answer, error) {
	op := job.HeartbeatOp{Now: d.now(), Runner: runner, TokenHash: tokenHash}
	c, err := update(ctx, id, apply(op.Apply))
	if err != nil || !c.OK() {
		return nil, "", c.Answer, err
	}
	var hidings []Hiding
	if c.write && c.after.Claim.Handle != "" {
		hidings = []Hiding{hidingFor(c.after.Claim)}
	}
	if c.after.MustCancel(op.Now) {
		return hidings, ActionCancel, granted, nil
	}
	return hidings, ActionContinue, granted, nil
}
