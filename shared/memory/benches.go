package memory

import (
	"context"
	"maps"
	"sync"

	"runlease/shared/dispatch"
	"runlease/shared/doorbell"
)

// Benches is dispatch.Benches in memory. What it holds dies with the process, as
// the connections do.
type Benches struct {
	*hall
	benches *[doorbell.Benches]doorbell.Bench
}

// hall is what all chains share.
type hall struct {
	mu        sync.Mutex
	chains    map[string]*Benches
	listeners map[string]doorbell.Listener // by runner
	runners   map[string]string            // by connection
}

// NewBenches returns empty benches.
func NewBenches() *Benches {
	h := &hall{chains: make(map[string]*Benches), listeners: make(map[string]doorbell.Listener), runners: make(map[string]string)}
	return h.of("")
}

func (h *hall) of(chain string) *Benches {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.chains[chain] == nil {
		h.chains[chain] = &Benches{h, new([doorbell.Benches]doorbell.Bench)}
	}
	return h.chains[chain]
}

// Of returns the benches of another chain.
func (h *hall) Of(chain string) dispatch.Benches { return h.of(chain) }

// Beside changes which chains stand beside this one.
func (b *Benches) Beside(_ context.Context, was, now map[string]bool) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !maps.Equal(b.benches[0].Beside, was) {
		return false, nil
	}
	b.benches[0].Beside = maps.Clone(now)
	return true, nil
}

// Benches reads benches from one number up to another.
func (b *Benches) Benches(_ context.Context, from, to int) ([]doorbell.Bench, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]doorbell.Bench, 0, to-from+1)
	for n := from; n <= to; n++ {
		list = append(list, b.benches[n].Clone())
	}
	return list, nil
}

// Take takes a seat off a bench, and notes when its connection was rung; 0 if it was not.
func (b *Benches) Take(_ context.Context, n int, connection string, seat, rungAt int64, forget string) (doorbell.Bench, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := &b.benches[n]
	if seat == 0 || at.Waiting[connection] != seat {
		return at.Clone(), false, nil
	}
	delete(at.Waiting, connection)
	if rungAt != 0 {
		if at.Rung == nil {
			at.Rung = make(map[string]int64)
		}
		delete(at.Rung, forget)
		at.Rung[connection] = rungAt
	}
	return at.Clone(), true, nil
}

// Again notes a second ring of a connection.
func (b *Benches) Again(_ context.Context, n int, connection string, was, now int64) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rung := b.benches[n].Rung
	if at, known := rung[connection]; !known || at != was {
		return false, nil
	}
	if now == 0 {
		delete(rung, connection)
	} else {
		rung[connection] = now
	}
	return true, nil
}

// Sit gives a connection a seat, if there is room.
func (b *Benches) Sit(_ context.Context, n int, connection string, seat int64) (doorbell.Bench, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := &b.benches[n]
	if _, sits := at.Waiting[connection]; !sits && len(at.Waiting) >= doorbell.Seats {
		return at.Clone(), false, nil
	}
	if at.Waiting == nil {
		at.Waiting = make(map[string]int64)
	}
	at.Waiting[connection] = seat
	delete(at.Rung, connection)
	return at.Clone(), true, nil
}

// Chain changes how many benches are open behind the first one.
func (b *Benches) Chain(_ context.Context, was, more int) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.benches[0].More != was {
		return false, nil
	}
	b.benches[0].More = more
	return true, nil
}

// Listener returns the connection of a runner.
func (h *hall) Listener(_ context.Context, runner string) (doorbell.Listener, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, found := h.listeners[runner]
	return l, found, nil
}

// Join notes a connection, and returns its runner's earlier one.
func (h *hall) Join(_ context.Context, l doorbell.Listener) (before doorbell.Listener, replaced bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, replaced = h.listeners[l.Runner]
	h.listeners[l.Runner] = l
	delete(h.runners, before.Connection)
	h.runners[l.Connection] = l.Runner
	return before, replaced, nil
}

// Move notes the chain of a connection.
func (h *hall) Move(_ context.Context, l doorbell.Listener) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners[l.Runner].Connection != l.Connection {
		return false, nil
	}
	h.listeners[l.Runner] = l
	return true, nil
}

// Part forgets a connection, and returns its listener.
func (h *hall) Part(_ context.Context, connection string) (doorbell.Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	runner, known := h.runners[connection]
	if !known {
		return doorbell.Listener{}, nil
	}
	delete(h.runners, connection)
	l := h.listeners[runner]
	if l.Connection != connection {
		return doorbell.Listener{}, nil
	}
	delete(h.listeners, runner)
	return l, nil
}
