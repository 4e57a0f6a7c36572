package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"runlease/shared/doorbell"
	"runlease/shared/job"
)

// chain is the benches of the runners that serve the same pools. A ring for a pool
// looks on the chain of that pool alone first, whose runners are of use for nothing
// else, and then on those beside.
type chain struct {
	*Dispatcher
	benches Benches
	name    string
	pools   []job.Pool
}

// chainOf returns the chain of runners that serve these pools, whatever their order.
func (d *Dispatcher) chainOf(pools ...job.Pool) chain {
	if len(pools) == 1 && pools[0] == "" {
		return chain{d, d.Benches, "", pools}
	}
	names := make([]string, len(pools))
	for i, pool := range pools {
		names[i] = pool.Name()
	}
	slices.Sort(names)
	name := strings.Join(names, ",")
	return chain{d, d.Benches.Of(name), name, pools}
}

// named returns the chain of a name.
func (d *Dispatcher) named(name string) chain {
	return d.chainOf(job.PoolsIn(name).List()...)
}

// somebody returns a bench with a waiting runner that serves the pool of the chain, and
// the chain of that bench. If no such runner waits, the bench is empty.
func (c chain) somebody(ctx context.Context) (chain, int, doorbell.Bench, error) {
	n, bench, first, err := c.here(ctx)
	if err != nil || len(bench.Waiting) > 0 {
		return c, n, bench, err
	}
	open := first.Open()
	if len(open) == 0 {
		return c, n, bench, nil
	}
	for i, from := 0, c.Choose(len(open)); i < len(open); i++ {
		other := c.named(open[(from+i)%len(open)])
		n, bench, _, err := other.here(ctx)
		if err == nil && len(bench.Waiting) == 0 { // the next ring for the pool is not to read it
			n, bench, err = c.close(ctx, other)
		}
		if err != nil || len(bench.Waiting) > 0 {
			return other, n, bench, err
		}
	}
	return c, 0, doorbell.Bench{}, nil
}

// close closes a chain beside that has no waiting runner. A runner that has sat down
// since the read either is seen now, or sees the closed chain and opens it again.
func (c chain) close(ctx context.Context, other chain) (int, doorbell.Bench, error) {
	if err := c.stand(ctx, other.name, false); err != nil {
		return 0, doorbell.Bench{}, err
	}
	n, bench, _, err := other.here(ctx)
	if err == nil && len(bench.Waiting) > 0 {
		err = c.stand(ctx, other.name, true)
	}
	return n, bench, err
}

// besideAll makes sure that a chain of several pools stands beside that of each.
func (c chain) besideAll(ctx context.Context) error {
	if len(c.pools) < 2 {
		return nil
	}
	for _, pool := range c.pools {
		if err := c.chainOf(pool).stand(ctx, c.name, true); err != nil {
			return err
		}
	}
	return nil
}

// stand opens or closes a chain beside this one. It writes nothing if that is so already.
func (c chain) stand(ctx context.Context, name string, open bool) error {
	for range 1 + maxConflicts {
		first, err := c.bench(ctx, 0)
		if err != nil || first.Beside[name] == open {
			return err
		}
		next, room := first.Stand(name, open)
		if !room {
			return fmt.Errorf("runners that serve %s hear no ring: there are %d such chains for one of their pools", name, doorbell.MaxBeside)
		}
		if done, err := c.benches.Beside(ctx, first.Beside, next); err != nil || done {
			return err
		}
	}
	return fmt.Errorf("open or close a chain of benches: %w", errContended)
}

// passOn rings for a ring that a runner has swallowed, which may have been for any of
// some pools: one runner of each.
func (d *Dispatcher) passOn(ctx context.Context, pools ...job.Pool) error {
	for _, pool := range pools {
		if _, err := d.ringOne(ctx, pool); err != nil {
			return err
		}
	}
	return nil
}

// ringEach is ringRunner for each of some pools.
func (d *Dispatcher) ringEach(ctx context.Context, pools ...job.Pool) {
	for _, pool := range pools {
		d.ringRunner(ctx, pool)
	}
}
