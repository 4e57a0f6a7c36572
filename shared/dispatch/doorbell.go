package dispatch

import (
	"context"
	"fmt"
	"time"

	"runlease/shared/doorbell"
)

// Benches keeps who waits for a ring (package doorbell has the rules). Reads are
// strongly consistent, and every write is conditional: false means that somebody
// was faster, and nothing was written.
type Benches interface {
	// Benches reads the benches of two numbers and those between.
	Benches(ctx context.Context, from, to int) ([]doorbell.Bench, error)
	// Take takes a connection off a bench if it sits there on this seat. rungAt is
	// when it is rung for that, in milliseconds since 1970, and forget the
	// connection whose ring is forgotten for it; 0: it is not rung. The bench comes
	// back as it is then.
	Take(ctx context.Context, bench int, connection string, seat, rungAt int64, forget string) (now doorbell.Bench, taken bool, err error)
	// Again changes when a connection was rung, if that was when we think; 0: it
	// is not rung any more.
	Again(ctx context.Context, bench int, connection string, was, now int64) (bool, error)
	// Sit gives a connection a seat, in place of the one that it has there, if
	// there is room; it does not count as rung any more.
	Sit(ctx context.Context, bench int, connection string, seat int64) (now doorbell.Bench, sat bool, err error)
	// Chain changes how many benches are open behind the first, if that many were.
	Chain(ctx context.Context, was, more int) (bool, error)
	// Listener returns the connection of a runner; false: it has none. Strongly consistent.
	Listener(ctx context.Context, runner string) (doorbell.Listener, bool, error)
	// Join notes the connection of a runner in place of the one before, which it returns.
	Join(ctx context.Context, l doorbell.Listener) (before doorbell.Listener, replaced bool, err error)
	// Part forgets a connection.
	Part(ctx context.Context, connection string) error
}

// Posts sends messages to connections.
type Posts interface {
	// Post sends one message. gone means that there is no such connection any
	// more; after an error it may have arrived.
	Post(ctx context.Context, connection string, message []byte) (gone bool, err error)
	// Close ends a connection; one that is gone is passed over.
	Close(ctx context.Context, connection string) error
}

const (
	// ringWithin bounds what a request spends on ringing. It never fails for it.
	ringWithin = 500 * time.Millisecond
	ringTries  = 3
	// sampled is how many of the further benches are tried one by one before all
	// of them are read.
	sampled = 2
	// sweepRings bounds what one run of the sweep rings.
	sweepRings = 40
)

// ringRunner rings one waiting runner, after the write that made a job claimable.
// The order matters: a runner that has sat down looks once more after it, so
// either it finds the message or the bench shows it.
func (d *Dispatcher) ringRunner(ctx context.Context) {
	if d.Benches == nil {
		return
	}
	// The job is there, whether or not its producer still listens.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ringWithin)
	defer cancel()
	if _, err := d.ringOne(ctx); err != nil {
		d.Log.WarnContext(ctx, "no runner was rung", "error", err)
	}
}

// ringOne rings one of those who wait, and reports whether one was rung. Where
// others were faster it looks again: when many jobs come at once all see the same
// few seats of the first bench, and the runners for most are on others.
func (d *Dispatcher) ringOne(ctx context.Context) (bool, error) {
	for range ringTries {
		n, bench, err := d.somebody(ctx)
		if err != nil {
			return false, err
		}
		if rang, raced, err := d.ringFrom(ctx, n, bench); err != nil || rang || !raced {
			return rang, err
		}
	}
	return false, nil
}

// somebody returns a bench on which somebody waits; one without anybody if nobody does.
func (d *Dispatcher) somebody(ctx context.Context) (int, doorbell.Bench, error) {
	first, err := d.bench(ctx, 0)
	if err != nil || len(first.Waiting) > 0 || first.More == 0 {
		return 0, first, err
	}
	return d.further(ctx, first.More)
}

// ringFrom rings one who waits on a bench: the seat is taken off first, so that
// nobody else rings for it. A connection that is gone is followed by another one.
// If none was rung, raced reports that others were faster.
func (d *Dispatcher) ringFrom(ctx context.Context, n int, bench doorbell.Bench) (rang, raced bool, err error) {
	for range ringTries {
		sitters := bench.Sitters()
		if len(sitters) == 0 {
			break
		}
		connection := sitters[d.Choose(len(sitters))]
		seat := bench.Waiting[connection]
		now, taken, err := d.Benches.Take(ctx, n, connection, seat, d.Now().UnixMilli(), bench.Forgotten(connection))
		if err != nil {
			return false, false, fmt.Errorf("take a seat off the bench: %w", err)
		}
		bench = now
		if raced = !taken; raced {
			continue
		}
		gone, err := d.Posts.Post(ctx, connection, doorbell.Ring(seat))
		if err != nil {
			return false, false, fmt.Errorf("ring a runner: %w", err) // it may have heard it
		}
		if !gone {
			return true, false, nil
		}
		if err := d.Benches.Part(ctx, connection); err != nil {
			d.Log.WarnContext(ctx, "connection not forgotten", "error", err)
		}
	}
	return false, raced, nil
}

// further finds a bench behind the first one on which somebody waits. If there
// is none it closes the chain, so that the next ring reads one bench only.
func (d *Dispatcher) further(ctx context.Context, more int) (int, doorbell.Bench, error) {
	if more > sampled {
		for range sampled {
			n := 1 + d.Choose(more)
			bench, err := d.bench(ctx, n)
			if err != nil || len(bench.Waiting) > 0 {
				return n, bench, err
			}
		}
	}
	n, bench, err := d.anyOf(ctx, more)
	if err != nil || len(bench.Waiting) > 0 {
		return n, bench, err
	}
	closed, err := d.Benches.Chain(ctx, more, 0)
	if err != nil || !closed {
		return 0, doorbell.Bench{}, err
	}
	// Whoever has sat down since it was read either is seen now, or sees that the
	// chain was closed and opens it again.
	n, bench, err = d.anyOf(ctx, more)
	if err == nil && len(bench.Waiting) > 0 {
		err = d.reachable(ctx, more)
	}
	return n, bench, err
}

// anyOf reads all benches behind the first one and chooses one on which somebody waits.
func (d *Dispatcher) anyOf(ctx context.Context, more int) (int, doorbell.Bench, error) {
	all, err := d.Benches.Benches(ctx, 1, more)
	if err != nil {
		return 0, doorbell.Bench{}, fmt.Errorf("read benches: %w", err)
	}
	var taken []int
	for i, bench := range all {
		if len(bench.Waiting) > 0 {
			taken = append(taken, i)
		}
	}
	if len(taken) == 0 {
		return 0, doorbell.Bench{}, nil
	}
	i := taken[d.Choose(len(taken))]
	return i + 1, all[i], nil
}

func (d *Dispatcher) bench(ctx context.Context, n int) (doorbell.Bench, error) {
	list, err := d.Benches.Benches(ctx, n, n)
	if err != nil {
		return doorbell.Bench{}, fmt.Errorf("read a bench: %w", err)
	}
	return list[0], nil
}

// openBenches reads the first bench and all that are open behind it.
func (d *Dispatcher) openBenches(ctx context.Context) ([]doorbell.Bench, error) {
	first, err := d.bench(ctx, 0)
	if err != nil || first.More == 0 {
		return []doorbell.Bench{first}, err
	}
	more, err := d.Benches.Benches(ctx, 1, first.More)
	if err != nil {
		return nil, fmt.Errorf("read benches: %w", err)
	}
	return append([]doorbell.Bench{first}, more...), nil
}

// sit gives a connection a seat: on the first bench, on one that is open behind
// it, or on a new one. 0: there is no room.
func (d *Dispatcher) sit(ctx context.Context, connection string) (int64, error) {
	seat, first, err := d.sitOn(ctx, 0, connection)
	if err != nil || seat != 0 {
		return seat, err
	}
	tries := make([]int, 0, sampled+1)
	for range min(sampled, first.More) {
		tries = append(tries, 1+d.Choose(first.More))
	}
	if next := first.More + 1; next < doorbell.Benches {
		tries = append(tries, next)
	}
	for _, n := range tries {
		seat, _, err := d.sitOn(ctx, n, connection)
		if err != nil {
			return 0, err
		}
		if seat != 0 {
			return seat, d.reachable(ctx, n)
		}
	}
	return 0, nil
}

// sitOn tries one bench.
func (d *Dispatcher) sitOn(ctx context.Context, n int, connection string) (int64, doorbell.Bench, error) {
	var random [1]byte
	if _, err := d.Random.Read(random[:]); err != nil {
		return 0, doorbell.Bench{}, fmt.Errorf("make a seat: %w", err)
	}
	seat := doorbell.Seat(d.Now(), random[0], n)
	bench, sat, err := d.Benches.Sit(ctx, n, connection, seat)
	if err != nil {
		return 0, bench, fmt.Errorf("sit down: %w", err)
	}
	if !sat {
		return 0, bench, nil
	}
	return seat, bench, nil
}

// reachable makes sure that the chain goes as far as a bench. It is asked for
// after sitting down there, and by every slow poll from there.
func (d *Dispatcher) reachable(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	for range 1 + maxConflicts {
		first, err := d.bench(ctx, 0)
		if err != nil || first.More >= n {
			return err
		}
		if opened, err := d.Benches.Chain(ctx, first.More, n); err != nil || opened {
			return err
		}
	}
	return fmt.Errorf("open a bench: %w", errContended)
}

// sits reports whether a seat is still on its bench. It writes nothing.
func (d *Dispatcher) sits(ctx context.Context, seat int64) (bool, error) {
	n := doorbell.BenchOf(seat)
	bench, err := d.bench(ctx, n)
	if err != nil {
		return false, err
	}
	if _, there := bench.On(seat); !there {
		return false, nil
	}
	return true, d.reachable(ctx, n)
}

// leave takes a runner off the bench that has got a job. If its seat is gone it
// was rung meanwhile, for a job that it will not take: that ring is passed on.
func (d *Dispatcher) leave(ctx context.Context, seat int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ringWithin)
	defer cancel()
	n := doorbell.BenchOf(seat)
	left := false
	bench, err := d.bench(ctx, n)
	if connection, there := bench.On(seat); err == nil && there {
		_, left, err = d.Benches.Take(ctx, n, connection, seat, 0, "")
	}
	if err == nil && !left {
		_, err = d.ringOne(ctx)
	}
	if err != nil {
		d.Log.WarnContext(ctx, "bench not left", "error", err)
	}
}

// ringForVisible is the sweep's: while messages can be received it rings those who
// wait, and then those who were rung and have not been seen since. It mends
// what rings cannot know: a lapsed lease, a message that a receive missed, a
// connection that is dead and does not look it.
func (d *Dispatcher) ringForVisible(ctx context.Context, visible int) error {
	if d.Benches == nil || visible <= 0 {
		return nil
	}
	rings := min(visible, sweepRings)
	for ; rings > 0; rings-- {
		rang, err := d.ringOne(ctx)
		if err != nil {
			return err
		}
		if !rang {
			break
		}
	}
	if rings == 0 {
		return nil
	}
	benches, err := d.openBenches(ctx)
	if err != nil {
		return err
	}
	for n, bench := range benches {
		for _, connection := range bench.Unheard(d.Now()) {
			if rings == 0 {
				return nil
			}
			rings--
			gone, err := d.Posts.Post(ctx, connection, doorbell.Ring(0))
			if err != nil {
				d.Log.WarnContext(ctx, "runner not rung again", "error", err)
			}
			next := d.Now().UnixMilli()
			if gone {
				next = 0
			}
			if _, err := d.Benches.Again(ctx, n, connection, bench.Rung[connection], next); err != nil {
				return err
			}
		}
	}
	return nil
}

// Connected notes the connection of a runner. One that it had before is taken off
// its bench and closed: there is one for each name.
func (d *Dispatcher) Connected(ctx context.Context, l doorbell.Listener) error {
	before, replaced, err := d.Benches.Join(ctx, l)
	if err != nil || !replaced || before.Connection == l.Connection {
		return err
	}
	if err := d.Posts.Close(ctx, before.Connection); err != nil {
		d.Log.WarnContext(ctx, "the connection before was not closed", "runner", l.Runner, "error", err)
	}
	return d.forget(ctx, before.Connection)
}

// Disconnected forgets a connection, and its seat.
func (d *Dispatcher) Disconnected(ctx context.Context, connection string) error {
	if err := d.Benches.Part(ctx, connection); err != nil {
		return err
	}
	return d.forget(ctx, connection)
}

// forget takes a connection off the benches, wherever it sits. If it was rung a
// moment ago nobody has heard that: the ring is passed on.
func (d *Dispatcher) forget(ctx context.Context, connection string) error {
	benches, err := d.openBenches(ctx)
	if err != nil {
		return err
	}
	for n, bench := range benches {
		if seat := bench.Waiting[connection]; seat != 0 {
			_, taken, err := d.Benches.Take(ctx, n, connection, seat, 0, "")
			if err != nil {
				return err
			}
			if !taken {
				d.ringRunner(ctx)
			}
		}
		if at, rung := bench.Rung[connection]; rung {
			forgotten, err := d.Benches.Again(ctx, n, connection, at, 0)
			if err != nil {
				return err
			}
			if forgotten && d.Now().UnixMilli()-at < doorbell.RungAgain.Milliseconds() {
				d.ringRunner(ctx)
			}
		}
	}
	return nil
}
