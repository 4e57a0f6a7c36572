package dispatch

import (
	"context"

	"runlease/shared/roster"
)

// ListRunners lists up to limit records of runners by name, those with a name after
// another; more reports whether there are any behind them.
func (d *Dispatcher) ListRunners(ctx context.Context, after string, limit int) (page []roster.Runner, more bool, err error) {
	if d.Roster == nil {
		return nil, false, nil
	}
	page, err = d.Roster.Runners(ctx, after, limit+1)
	page, more = cut(page, limit)
	return page, more, err
}

// Present reports whether a runner was heard recently.
func (d *Dispatcher) Present(r roster.Runner) bool { return d.now().Sub(r.LastHeard) <= heardOfLate }
