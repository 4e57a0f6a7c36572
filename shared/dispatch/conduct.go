package dispatch

import (
	"context"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// What this process has seen of a runner decides how long it keeps from others what it
// looks at, and how many jobs more it may claim. Before either is less than usual, a
// few jobs are read: another process may have heard more of the runner.

// looked notes what a runner was shown, and returns how long it is kept from others.
func (d *Dispatcher) looked(ctx context.Context, runner string, shown []job.Job) (hide time.Duration) {
	if d.Roster == nil {
		return listHide
	}
	var read []string
	look := func(c *roster.Conduct) { read, hide = c.Look(shown, listHide, d.now()), c.Hides(listHide) }
	if d.conduct.change(runner, look); len(read) > 0 && d.saw(ctx, runner, read) {
		d.conduct.change(runner, func(c *roster.Conduct) { hide = c.Hides(listHide) })
	}
	return hide
}

// othersHide is how long a message is hidden if its job waits for another runner than
// its receiver: with a doorbell that other runner is rung at once.
func (d *Dispatcher) othersHide(receiver string) time.Duration {
	if d.Benches != nil {
		return 0
	}
	c, _ := d.conduct.get(receiver)
	return c.Hides(listHide)
}

// glimpses reports whether a runner looks so often without a claim that it is shown one
// job only this time.
func (d *Dispatcher) glimpses(runner string) (one bool) {
	if _, known := d.conduct.get(runner); known {
		d.conduct.change(runner, func(c *roster.Conduct) { one = c.Glimpse(listHide, d.now()) })
	}
	return one
}

// reserve lets a runner claim up to want jobs; settle ends that.
func (d *Dispatcher) reserve(ctx context.Context, runner string, want int) (granted int) {
	if d.Roster == nil {
		return want
	}
	var read []string
	try := func(c *roster.Conduct) { granted, read = c.Reserve(want, d.now()) }
	if d.conduct.change(runner, try); len(read) > 0 {
		d.saw(ctx, runner, read)
		d.conduct.change(runner, try) // reads nothing: it has just done so
	}
	return granted
}

// settle ends a reservation by what the runner has claimed.
func (d *Dispatcher) settle(runner string, granted int, claimed ...Claimed) {
	if d.Roster == nil {
		return
	}
	d.conduct.change(runner, func(c *roster.Conduct) {
		c.Settle(granted)
		for _, one := range claimed {
			c.Claimed(one.Job)
		}
	})
}

// heardOf notes that a runner has reported on a job; what is a method of Conduct.
func (d *Dispatcher) heardOf(runner, id string, what func(*roster.Conduct, string)) {
	if _, known := d.conduct.get(runner); known {
		d.conduct.change(runner, func(c *roster.Conduct) { what(c, id) })
	}
}

// saw reads jobs for what they tell of a runner's conduct.
func (d *Dispatcher) saw(ctx context.Context, runner string, read []string) bool {
	jobs, err := d.Store.GetMany(ctx, read)
	if err != nil {
		d.Log.WarnContext(ctx, "jobs of a runner not read", "runner", runner, "error", err)
		return false
	}
	d.conduct.change(runner, func(c *roster.Conduct) { c.Saw(runner, jobs, d.now()) })
	return true
}
