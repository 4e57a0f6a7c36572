package dispatch

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"runlease/shared/doorbell"
	"runlease/shared/job"
)

// Benches keeps the connections that wait for a ring (package doorbell has the rules).
// Reads are strongly consistent, and every write is conditional: false means that
// another writer was faster, and nothing was written.
type Benches interface {
	// Of returns the benches of another chain; "": of the default pool.
	Of(chain string) Benches
	// Beside changes which chains stand beside this one, if those did.
	Beside(ctx context.Context, was, now map[string]bool) (bool, error)
	// Benches reads the benches of two numbers and those between.
	Benches(ctx context.Context, from, to int) ([]doorbell.Bench, error)
	// Take takes a connection off a bench if it sits there on this seat. rungAt is the
	// time of its ring, in milliseconds since 1970, or 0 if it is not rung; forget is the
	// connection whose ring is forgotten for it. The bench comes
	// back as it is then.
	Take(ctx context.Context, bench int, connection string, seat, rungAt int64, forget string) (now doorbell.Bench, taken bool, err error)
	// Again changes when a connection was rung, if that was when we think; 0: it
	// is not rung any more.
	Again(ctx context.Context, bench int, connection string, was, now int64) (bool, error)
	// Sit gives a connection a seat, in place of its seat there, if there is room. The
	// connection does not count as rung any more.
	Sit(ctx context.Context, bench int, connection string, seat int64) (now doorbell.Bench, sat bool, err error)
	// Chain changes how many benches are open behind the first, if that many were.
	Chain(ctx context.Context, was, more int) (bool, error)
	// Listener returns the connection of a runner; false if it has none. Strongly consistent.
	Listener(ctx context.Context, runner string) (doorbell.Listener, bool, error)
	// Join notes the connection of a runner in place of the one before, which it returns.
	Join(ctx context.Context, l doorbell.Listener) (before doorbell.Listener, replaced bool, err error)
	// Move notes the chain on which the connection of a runner sits, if it still is its
	// connection.
	Move(ctx context.Context, l doorbell.Listener) (bool, error)
	// Part forgets a connection, and returns its listener; zero if its runner has
	// another one.
	Part(ctx context.Context, connection string) (doorbell.Listener, error)
}

// Posts sends messages to connections.
type Posts interface {
	// Post sends one message. gone means that there is no such connection any
	// more; after an error it may have arrived.
	Post(ctx context.Context, connection string, message []byte) (gone bool, err error)
	// Close ends a connection. It is no error if the connection is gone.
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

// ringRunner rings one waiting runner of a pool, after the write that made a job of
// it claimable. The order matters: a runner that has sat down looks once more after
// it, so either it finds the message or the bench shows it.
func (d *Dispatcher) ringRunner(ctx context.Context, pool job.Pool) {
	if d.Benches == nil {
		return
	}
	// The job is there, whether or not its producer still listens.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ringWithin)
	defer cancel()
	rung, err := d.ringOne(ctx, pool)
	if err == nil && rung.oneMore {
		_, err = d.ringOne(ctx, pool)
	}
	if err != nil {
		d.Log.WarnContext(ctx, "no runner was rung", "error", err)
	}
}

// ringForAct rings a runner about which an operator has decided, whether it waits or not.
// Without the ring it would hear of the act by its slow poll. No seat is taken off: the
// runner names its seat, and leaves it if it may have no job.
func (d *Dispatcher) ringForAct(ctx context.Context, runner string) {
	if d.Benches == nil {
		return
	}
	// The act is done, whether or not its operator still listens.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ringWithin)
	defer cancel()
	l, listens, err := d.Benches.Listener(ctx, runner)
	if err == nil && listens { // if the connection is gone, the runner hears of the act by its next poll
		_, err = d.Posts.Post(ctx, l.Connection, doorbell.Ring(0))
	}
	if err != nil {
		d.Log.WarnContext(ctx, "runner not rung for an act", "runner", runner, "error", err)
	}
}

// ringing is what came of a ring. If done holds, neither raced nor gone does.
type ringing struct {
	done    bool // somebody was rung
	raced   bool // others were faster
	gone    bool // the connection of the seat was gone
	oneMore bool // ring another beside
}

// ringOne rings one waiting runner. If others were faster it looks again: when many
// jobs come at once, all writers see the same few seats of the first bench, and the
// runners for most jobs are on others. It also looks again if the connections of the
// bench were gone: others may sit on another bench.
func (d *Dispatcher) ringOne(ctx context.Context, pool job.Pool) (ringing, error) {
	for range ringTries {
		c, n, bench, err := d.chainOf(pool).somebody(ctx)
		if err != nil {
			return ringing{}, err
		}
		if rung, err := c.ringFrom(ctx, n, bench); err != nil || !rung.raced && !rung.gone {
			return rung, err
		}
	}
	return ringing{}, nil
}

// here returns a bench of the chain on which a runner waits, or an empty one if none
// does, and the first bench.
func (c chain) here(ctx context.Context) (n int, bench, first doorbell.Bench, err error) {
	first, err = c.bench(ctx, 0)
	if err != nil || len(first.Waiting) > 0 || first.More == 0 {
		return 0, first, first, err
	}
	n, bench, err = c.further(ctx, first.More)
	return n, bench, first, err
}

// ringFrom rings one runner of a bench: the seat is taken off first, so that
// no other writer rings for it. If the connection is gone, the next seat is rung.
func (c chain) ringFrom(ctx context.Context, n int, bench doorbell.Bench) (rung ringing, err error) {
	for range ringTries {
		sitters := bench.Sitters()
		if len(sitters) == 0 {
			break
		}
		connection := sitters[c.Choose(len(sitters))]
		seat := bench.Waiting[connection]
		at := c.Now()
		now, taken, err := c.benches.Take(ctx, n, connection, seat, at.UnixMilli(), bench.Forgotten(connection))
		if err != nil {
			return ringing{}, fmt.Errorf("take a seat off the bench: %w", err)
		}
		bench = now
		if rung.raced = !taken; rung.raced {
			continue
		}
		gone, err := c.Posts.Post(ctx, connection, doorbell.Ring(seat))
		if err != nil {
			return ringing{}, fmt.Errorf("ring a runner: %w", err) // it may have heard it
		}
		if !gone {
			return ringing{done: true, oneMore: bench.OneMore(connection, seat, at)}, nil
		}
		if _, err := c.benches.Part(ctx, connection); err != nil {
			c.Log.WarnContext(ctx, "connection not forgotten", "error", err)
		}
		rung.gone = true
	}
	return rung, nil
}

// further finds a bench behind the first one on which somebody waits. If there
// is none it closes the chain, so that the next ring reads one bench only.
func (c chain) further(ctx context.Context, more int) (int, doorbell.Bench, error) {
	if more > sampled {
		for range sampled {
			n := 1 + c.Choose(more)
			bench, err := c.bench(ctx, n)
			if err != nil || len(bench.Waiting) > 0 {
				return n, bench, err
			}
		}
	}
	n, bench, err := c.anyOf(ctx, more)
	if err != nil || len(bench.Waiting) > 0 {
		return n, bench, err
	}
	closed, err := c.benches.Chain(ctx, more, 0)
	if err != nil || !closed {
		return 0, doorbell.Bench{}, err
	}
	// A runner that has sat down since it was read either is seen now, or sees that the
	// chain was closed and opens it again.
	n, bench, err = c.anyOf(ctx, more)
	if err == nil && len(bench.Waiting) > 0 {
		err = c.reaches(ctx, more)
	}
	return n, bench, err
}

// anyOf reads all benches behind the first one and chooses one on which somebody waits.
func (c chain) anyOf(ctx context.Context, more int) (int, doorbell.Bench, error) {
	all, err := c.benches.Benches(ctx, 1, more)
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
	i := taken[c.Choose(len(taken))]
	return i + 1, all[i], nil
}

func (c chain) bench(ctx context.Context, n int) (doorbell.Bench, error) {
	list, err := c.benches.Benches(ctx, n, n)
	if err != nil {
		return doorbell.Bench{}, fmt.Errorf("read a bench: %w", err)
	}
	return list[0], nil
}

// openBenches reads the first bench and all that are open behind it.
func (c chain) openBenches(ctx context.Context) ([]doorbell.Bench, error) {
	first, err := c.bench(ctx, 0)
	if err != nil || first.More == 0 {
		return []doorbell.Bench{first}, err
	}
	more, err := c.benches.Benches(ctx, 1, first.More)
	if err != nil {
		return nil, fmt.Errorf("read benches: %w", err)
	}
	return append([]doorbell.Bench{first}, more...), nil
}

// sit gives a connection a seat: on the first bench, on an open one behind it, or on a
// new one. It returns 0 if there is no room.
func (c chain) sit(ctx context.Context, connection string) (int64, error) {
	seat, first, err := c.sitOn(ctx, 0, connection)
	if err != nil {
		return 0, err
	}
	if seat != 0 {
		return seat, c.reachable(ctx, 0)
	}
	tries := make([]int, 0, sampled+1)
	for range min(sampled, first.More) {
		tries = append(tries, 1+c.Choose(first.More))
	}
	if next := first.More + 1; next < doorbell.Benches {
		tries = append(tries, next)
	}
	for _, n := range tries {
		seat, _, err := c.sitOn(ctx, n, connection)
		if err != nil {
			return 0, err
		}
		if seat != 0 {
			return seat, c.reachable(ctx, n)
		}
	}
	return 0, nil
}

// sitOn tries one bench.
func (c chain) sitOn(ctx context.Context, n int, connection string) (int64, doorbell.Bench, error) {
	var random [8]byte
	if _, err := io.ReadFull(c.Random, random[:]); err != nil {
		return 0, doorbell.Bench{}, fmt.Errorf("make a seat: %w", err)
	}
	seat := doorbell.Seat(binary.BigEndian.Uint64(random[:]), n)
	bench, sat, err := c.benches.Sit(ctx, n, connection, seat)
	if err != nil {
		return 0, bench, fmt.Errorf("sit down: %w", err)
	}
	if !sat {
		return 0, bench, nil
	}
	return seat, bench, nil
}

// reachable makes sure that a ring finds a bench. It is called after a runner sat down
// there, and by every slow poll from there.
func (c chain) reachable(ctx context.Context, n int) error {
	if err := c.reaches(ctx, n); err != nil {
		return err
	}
	return c.besideAll(ctx)
}

// reaches makes sure that the chain goes as far as a bench.
func (c chain) reaches(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	for range 1 + maxConflicts {
		first, err := c.bench(ctx, 0)
		if err != nil || first.More >= n {
			return err
		}
		if opened, err := c.benches.Chain(ctx, first.More, n); err != nil || opened {
			return err
		}
	}
	return fmt.Errorf("open a bench: %w", errContended)
}

// sits reports whether a seat is still on its bench. It writes nothing.
func (c chain) sits(ctx context.Context, seat int64) (bool, error) {
	n := doorbell.BenchOf(seat)
	bench, err := c.bench(ctx, n)
	if err != nil {
		return false, err
	}
	if _, there := bench.On(seat); !there {
		return false, nil
	}
	return true, c.reachable(ctx, n)
}

// leave takes a runner off the bench that has got a job. If its seat is gone it
// was rung meanwhile, for a job that it will not take: that ring is passed on.
func (c chain) leave(ctx context.Context, seat int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ringWithin)
	defer cancel()
	n := doorbell.BenchOf(seat)
	left := false
	bench, err := c.bench(ctx, n)
	if connection, there := bench.On(seat); err == nil && there {
		_, left, err = c.benches.Take(ctx, n, connection, seat, 0, "")
	}
	if err == nil && !left {
		err = c.passOn(ctx, c.pools...)
	}
	if err != nil {
		c.Log.WarnContext(ctx, "bench not left", "error", err)
	}
}

// ringForVisible is the sweep's: while messages of a pool can be received it rings the
// waiting runners, and then the runners that were rung and have not been seen since. It mends
// what rings cannot know: a lapsed lease, a message that a receive missed, a
// connection that is dead and does not look it.
func (d *Dispatcher) ringForVisible(ctx context.Context, pool job.Pool, visible int) error {
	if d.Benches == nil || visible <= 0 {
		return nil
	}
	rings := min(visible, sweepRings)
	for ; rings > 0; rings-- {
		rung, err := d.ringOne(ctx, pool)
		if err != nil {
			return err
		}
		if !rung.done {
			break
		}
	}
	if rings == 0 {
		return nil
	}
	home := d.chainOf(pool)
	first, err := home.ringAgain(ctx, &rings)
	for _, name := range slices.Sorted(maps.Keys(first.Beside)) {
		if err == nil {
			_, err = d.named(name).ringAgain(ctx, &rings)
		}
	}
	return err
}

// ringAgain rings the runners of a chain that were rung and have not been seen since,
// and returns its first bench.
func (c chain) ringAgain(ctx context.Context, rings *int) (doorbell.Bench, error) {
	benches, err := c.openBenches(ctx)
	if err != nil {
		return doorbell.Bench{}, err
	}
	for n, bench := range benches {
		for _, connection := range bench.Unheard(c.Now()) {
			if *rings == 0 {
				return benches[0], nil
			}
			*rings--
			gone, err := c.Posts.Post(ctx, connection, doorbell.Ring(0))
			if err != nil {
				c.Log.WarnContext(ctx, "runner not rung again", "error", err)
			}
			next := c.Now().UnixMilli()
			if gone {
				next = 0
			}
			if _, err := c.benches.Again(ctx, n, connection, bench.Rung[connection], next); err != nil {
				return benches[0], err
			}
		}
	}
	return benches[0], nil
}

// Connected notes the connection of a runner. An earlier connection of the runner is
// taken off its bench and closed: there is one for each name.
func (d *Dispatcher) Connected(ctx context.Context, l doorbell.Listener) error {
	d.Heard(ctx, l.Runner)
	before, replaced, err := d.Benches.Join(ctx, l)
	if err != nil || !replaced || before.Connection == l.Connection {
		return err
	}
	if err := d.Posts.Close(ctx, before.Connection); err != nil {
		d.Log.WarnContext(ctx, "the connection before was not closed", "runner", l.Runner, "error", err)
	}
	return d.forget(ctx, before)
}

// Disconnected forgets a connection, and its seat.
func (d *Dispatcher) Disconnected(ctx context.Context, connection string) error {
	l, err := d.Benches.Part(ctx, connection)
	if err != nil {
		return err
	}
	l.Connection = connection
	return d.forget(ctx, l)
}

// forget takes a connection off the benches of its chain, wherever it sits. If it was
// rung a moment ago, the ring was not heard and is passed on.
func (d *Dispatcher) forget(ctx context.Context, l doorbell.Listener) error {
	c, connection := d.named(l.Chain), l.Connection
	benches, err := c.openBenches(ctx)
	if err != nil {
		return err
	}
	for n, bench := range benches {
		if seat := bench.Waiting[connection]; seat != 0 {
			_, taken, err := c.benches.Take(ctx, n, connection, seat, 0, "")
			if err != nil {
				return err
			}
			if !taken {
				c.ringEach(ctx, c.pools...)
			}
		}
		if at, rung := bench.Rung[connection]; rung {
			forgotten, err := c.benches.Again(ctx, n, connection, at, 0)
			if err != nil {
				return err
			}
			if forgotten && c.Now().UnixMilli()-at < doorbell.RungAgain.Milliseconds() {
				c.ringEach(ctx, c.pools...)
			}
		}
	}
	return nil
}
