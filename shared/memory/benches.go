package memory

import (
	"context"
	"sync"

	"runlease/shared/doorbell"
)

// Benches is dispatch.Benches in memory. What it holds dies with the process, as
// the connections do.
type Benches struct {
	mu        sync.Mutex
	benches   [doorbell.Benches]doorbell.Bench
	listeners map[string]doorbell.Listener // by runner
	runners   map[string]string            // by connection
}

// NewBenches returns benches on which nobody sits.
func NewBenches() *Benches {
	return &Benches{listeners: make(map[string]doorbell.Listener), runners: make(map[string]string)}
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

// Take takes a seat off a bench, and notes when its connection was rung; 0: it was not.
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
func (b *Benches) Listener(_ context.Context, runner string) (doorbell.Listener, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, found := b.listeners[runner]
	return l, found, nil
}

// Join notes a connection, and returns the one that its runner had before.
func (b *Benches) Join(_ context.Context, l doorbell.Listener) (before doorbell.Listener, replaced bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, replaced = b.listeners[l.Runner]
	b.listeners[l.Runner] = l
	delete(b.runners, before.Connection)
	b.runners[l.Connection] = l.Runner
	return before, replaced, nil
}

// Part forgets a connection.
func (b *Benches) Part(_ context.Context, connection string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	runner, known := b.runners[connection]
	if !known {
		return nil
	}
	delete(b.runners, connection)
	if b.listeners[runner].Connection == connection {
		delete(b.listeners, runner)
	}
	return nil
}
