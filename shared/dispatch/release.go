package dispatch

import (
	"context"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// Release gives a job back at once; detail says more about the reason. Refused with NotFound, NotClaimed or InvalidToken.
func (d *Dispatcher) Release(ctx context.Context, id, runner, tokenHash string, reason job.Reason, detail string) (Answer, error) {
	d.heardOf(runner, id, (*roster.Conduct).GaveBack)
	op := job.ReleaseOp{Now: d.now(), Runner: runner, TokenHash: tokenHash, Reason: reason, Detail: detail}
	c, err := d.update(ctx, id, apply(op.Apply))
	if err != nil {
		return Answer{}, err
	}
	if c.write {
		// Queued again or final: either way the old message is spent.
		d.deleteSpentBy(ctx, c)
	}
	return c.Answer, nil
}
