package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
)

// Faults are the shares of what is lost.
type Faults struct {
	Rings    float64 // of the posted ones
	Dead     float64 // of connections, from their beginning on: nothing that is posted is heard, and nothing reports it
	Always   bool    // that share is dead at any moment, instead
	Misses   float64 // of receives, of a lone message
	Messages float64 // of the first messages of jobs
}

// The runner's: it finds out that its line is dead by a message that is not
// answered, takes a new one in any case, and asks again after a ring in vain.
const (
	aliveEvery   = 8 * time.Minute
	answerWithin = 20 * time.Second
	renewEvery   = 105 * time.Minute
	lookAgain    = 2 * time.Second
	// sweepEvery is how often the sweep runs.
	sweepEvery = time.Minute
	credential = "fleet"
)

// lines is dispatch.Posts: who hears a ring.
type lines struct {
	net    network
	heard  map[string]*hearing // by connection
	faults Faults
	random *rand.Rand
}

// Post is for dispatch.Posts.
func (l *lines) Post(_ context.Context, connection string, message []byte) (bool, error) {
	l.net.call()
	defer l.net.call()
	h := l.heard[connection]
	if h == nil {
		return true, nil
	}
	h.run.out.Rings++
	var seat int64
	if _, err := fmt.Sscanf(string(message), `{"ring":%d}`, &seat); err != nil {
		return false, err
	}
	if l.random.Float64() >= l.faults.Rings {
		h.run.clock.spawn(0, func() {
			l.net.trip()
			if h.connection == connection && !h.dead {
				h.rung(seat)
			}
		})
	}
	return false, nil
}

// Close is for dispatch.Posts.
func (l *lines) Close(_ context.Context, connection string) error {
	delete(l.heard, connection)
	return nil
}

// hearing is a runner that hears the doorbell, by the rules of package runner:
// it sits on the seat of the last reply until that is rung, and a ring or a new
// connection has it ask at once.
type hearing struct {
	run        *run
	name       string
	connection string
	line       int
	dead       bool
	seat       int64
	heard      []int64
	look, rang bool
	rest       *waking // while it waits for its next poll
}

func (h *hearing) rung(seat int64) {
	h.rang = true
	h.heard = append(h.heard, seat)
	if seat == h.seat {
		h.seat = 0
	}
	h.asks()
}

func (h *hearing) asks() {
	if h.look = true; h.rest != nil {
		h.run.clock.rouse(h.rest)
	}
}

// connect opens a connection in place of the one before.
func (h *hearing) connect(ctx context.Context) error {
	h.line++
	h.connection = fmt.Sprint(h.name, "#", h.line)
	h.run.lines.heard[h.connection] = h
	err := h.run.dispatch.Connected(ctx, doorbell.Listener{Connection: h.connection, Runner: h.name, Credential: credential})
	h.dead = false
	h.asks()
	return err
}

// live replaces connections when they are old, or when the runner finds out that
// they are dead.
func (h *hearing) live(ctx context.Context) {
	r, share := h.run, h.run.Faults.Dead
	h.dead = r.random.Float64() < share
	for {
		switch notice := aliveEvery + answerWithin; {
		case r.Faults.Always: // it dies between two messages, as often as makes this the share of dead ones
			if !h.dead {
				mean := aliveEvery/2 + answerWithin
				r.clock.sleep(time.Duration(r.random.ExpFloat64() * float64(mean) * (1 - share) / share))
			}
			h.dead = true
			r.clock.sleep(notice - time.Duration(r.random.Int64N(int64(aliveEvery))))
		case h.dead:
			r.clock.sleep(notice)
		default:
			r.clock.sleep(renewEvery)
		}
		r.note(h.connect(ctx)) // which is alive
		h.dead = !r.Faults.Always && r.random.Float64() < share
	}
}

// hear is sync of a runner with one slot that hears the doorbell, until its instance goes.
func (r *run) hear(ctx context.Context, name string, on *instance) error {
	h := &hearing{run: r, name: name}
	on.hearing = h
	if err := h.connect(ctx); err != nil {
		return err
	}
	if r.Faults.Dead > 0 {
		r.clock.spawn(0, func() { h.live(ctx) })
	}
	var done []dispatch.CompleteRequest
	for {
		rung := h.rang
		h.rang = false
		h.look = false
		line := h.line
		say := dispatch.SyncRequest{Runner: name, Slots: 1, Done: done, Seat: h.seat, Credential: credential}
		if on.leaving {
			if say.Slots = 0; len(done) == 0 {
				delete(r.lines.heard, h.connection)
				return r.dispatch.Disconnected(ctx, h.connection)
			}
		}
		s, err := r.call(ctx, say)
		if err != nil {
			return err
		}
		if h.seat = s.Seat; line != h.line || slices.Contains(h.heard, s.Seat) {
			h.seat = 0
		}
		h.heard = h.heard[max(0, len(h.heard)-16):]
		if done = nil; len(s.Jobs) > 0 {
			if r.judge(); on.cut {
				return nil
			}
			done = append(done, result(name, s.Jobs[0]))
			continue
		}
		wait := time.Duration(s.PollSeconds) * time.Second
		if h.seat != s.Seat {
			wait = min(wait, 15*time.Second)
		}
		if rung {
			wait = min(wait, lookAgain)
		}
		if !h.look {
			h.rest = &waking{at: r.clock.now.Add(r.jitter(wait)), wake: make(chan struct{})}
			r.clock.wait(h.rest)
			h.rest = nil
		}
	}
}

// sweep is the sweep's schedule.
func (r *run) sweep(ctx context.Context) {
	for {
		r.clock.sleep(sweepEvery)
		_, err := r.dispatch.Sweep(ctx)
		r.note(err)
	}
}

// benches are benches behind a network.
type benches struct {
	slowBenches
	net network
}

// Take is for dispatch.Benches.
func (b benches) Take(ctx context.Context, n int, connection string, seat, rungAt int64, forget string) (doorbell.Bench, bool, error) {
	b.net.call()
	defer b.net.call()
	return b.slowBenches.Take(ctx, n, connection, seat, rungAt, forget)
}

// Sit is for dispatch.Benches.
func (b benches) Sit(ctx context.Context, n int, connection string, seat int64) (doorbell.Bench, bool, error) {
	b.net.call()
	defer b.net.call()
	return b.slowBenches.Sit(ctx, n, connection, seat)
}

// Listener is for dispatch.Benches.
func (b benches) Listener(ctx context.Context, runner string) (doorbell.Listener, bool, error) {
	b.net.call()
	defer b.net.call()
	return b.slowBenches.Listener(ctx, runner)
}

// Benches is for dispatch.Benches.
func (b benches) Benches(ctx context.Context, from, to int) ([]doorbell.Bench, error) {
	b.net.call()
	defer b.net.call()
	return b.slowBenches.Benches(ctx, from, to)
}

// slowBenches has another name than its method.
type slowBenches = dispatch.Benches
