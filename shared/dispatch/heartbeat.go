package dispatch

import (
	"context"

	"runlease/shared/job"
	"runlease/shared/roster"
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
	d.Heard(ctx, runner)
	hidings := make(hidings)
	action, answer, err := d.heartbeat(ctx, id, runner, tokenHash, d.update, hidings)
	d.hideAll(ctx, hidings)
	return action, answer, err
}

// hidings are of messages, by the pool whose queue they are in.
type hidings map[job.Pool][]Hiding

// heartbeat is Heartbeat up to the write. It adds what is left to be done to the
// job's message: at most one hiding.
func (d *Dispatcher) heartbeat(ctx context.Context, id, runner, tokenHash string, update updater, left hidings) (Action, Answer, error) {
	d.heardOf(runner, id, (*roster.Conduct).Heard)
	op := job.HeartbeatOp{Now: d.now(), Runner: runner, TokenHash: tokenHash}
	c, err := update(ctx, id, apply(op.Apply))
	if err != nil || !c.OK() {
		return "", c.Answer, err
	}
	if pool := c.after.Pool; c.write && c.after.Claim.Handle != "" {
		left[pool] = append(left[pool], hidingFor(c.after.Claim))
	}
	if c.after.MustCancel(op.Now) {
		return ActionCancel, granted, nil
	}
	return ActionContinue, granted, nil
}
