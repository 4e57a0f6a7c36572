package bridge

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// line holds the submissions of one stage, the earliest due in front. An entry is a
// hint: it may be there without a reason.
type line struct {
	mu      sync.Mutex
	waiting dues
	entries map[string]*entry
	count   int64
	changed chan struct{}
}

type entry struct {
	id     string
	due    time.Time
	number int64 // first come, first served
	tries  int   // that failed in a row
	busy   bool  // a worker has it
	again  bool  // it was added meanwhile
}

func newLine() *line {
	return &line{entries: map[string]*entry{}, changed: make(chan struct{}, 1)}
}

// add puts a submission into the line. If a worker has it already, it is looked at
// again afterwards.
func (l *line) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, there := l.entries[id]; there {
		if e.busy {
			e.again = true
		}
		return
	}
	l.push(&entry{id: id})
}

func (l *line) push(e *entry) {
	l.count++
	e.number = l.count
	l.entries[e.id] = e
	heap.Push(&l.waiting, e)
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// next waits for a submission that is due. Its caller ends with done or again.
func (l *line) next(ctx context.Context) (id string, tries int, err error) {
	for {
		wait := time.Hour
		l.mu.Lock()
		if len(l.waiting) > 0 {
			if wait = time.Until(l.waiting[0].due); wait <= 0 {
				e, _ := heap.Pop(&l.waiting).(*entry)
				e.busy = true
				if len(l.waiting) > 0 { // for another worker that waits
					select {
					case l.changed <- struct{}{}:
					default:
					}
				}
				l.mu.Unlock()
				return e.id, e.tries, ctx.Err()
			}
		}
		l.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", 0, ctx.Err()
		case <-l.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// done takes a submission out.
func (l *line) done(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	again := l.entries[id].again
	delete(l.entries, id)
	if again {
		l.push(&entry{id: id})
	}
}

// again puts a submission back, after a failure.
func (l *line) again(id string, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	l.push(&entry{id: id, due: due, tries: e.tries + 1})
}

// dues is a heap for container/heap.
type dues []*entry

func (d dues) Len() int { return len(d) }
func (d dues) Less(i, k int) bool {
	if !d[i].due.Equal(d[k].due) {
		return d[i].due.Before(d[k].due)
	}
	return d[i].number < d[k].number
}
func (d dues) Swap(i, k int) { d[i], d[k] = d[k], d[i] }
func (d *dues) Push(e any)   { one, _ := e.(*entry); *d = append(*d, one) }
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = nil
	*d = (*d)[:len(*d)-1]
	return last
}
