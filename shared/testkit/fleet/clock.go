package fleet

import (
	"container/heap"
	"runtime"
	"time"
)

// clock is virtual time for many goroutines of which one runs at a time: a
// goroutine runs until it sleeps, and the next is the first to wake.
// The same program gives the same run.
type clock struct {
	now     time.Time
	waiting wakings
	seq     int
	yield   chan struct{} // the running goroutine sleeps or has ended
	stopped bool
}

type waking struct {
	at    time.Time
	seq   int
	place int // in the heap; -1: it is not there any more
	wake  chan struct{}
	from  func() // of a goroutine that has not begun
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), yield: make(chan struct{})}
}

// Now is virtual.
func (c *clock) Now() time.Time { return c.now }

func (c *clock) add(w *waking) {
	c.seq++
	w.seq = c.seq
	heap.Push(&c.waiting, w)
}

// spawn starts a goroutine after a while.
func (c *clock) spawn(after time.Duration, f func()) {
	c.add(&waking{at: c.now.Add(after), from: f})
}

// sleep lets time pass for the goroutine that runs.
func (c *clock) sleep(d time.Duration) { c.wait(&waking{at: c.now.Add(d), wake: make(chan struct{})}) }

// wait is a sleep that rouse may end.
func (c *clock) wait(w *waking) {
	c.add(w)
	c.yield <- struct{}{}
	<-w.wake
	if c.stopped {
		runtime.Goexit()
	}
}

// rouse ends a wait now, if it is not over yet.
func (c *clock) rouse(w *waking) {
	if w.place >= 0 {
		w.at = c.now
		heap.Fix(&c.waiting, w.place)
	}
}

// run lets everything happen that happens within d, and ends what is left.
func (c *clock) run(d time.Duration) {
	end := c.now.Add(d)
	for len(c.waiting) > 0 && !c.waiting[0].at.After(end) {
		w := heap.Pop(&c.waiting).(*waking)
		c.now = w.at
		c.resume(w)
	}
	c.stopped = true
	for len(c.waiting) > 0 {
		if w := heap.Pop(&c.waiting).(*waking); w.from == nil {
			c.resume(w)
		}
	}
}

func (c *clock) resume(w *waking) {
	if w.from == nil {
		w.wake <- struct{}{}
	} else {
		go func() {
			defer func() { c.yield <- struct{}{} }()
			w.from()
		}()
	}
	<-c.yield
}

// wakings is a heap, the first to wake on top.
type wakings []*waking

func (w wakings) Len() int { return len(w) }

func (w wakings) Less(i, k int) bool {
	if !w[i].at.Equal(w[k].at) {
		return w[i].at.Before(w[k].at)
	}
	return w[i].seq < w[k].seq
}

func (w wakings) Swap(i, k int) {
	w[i], w[k] = w[k], w[i]
	w[i].place, w[k].place = i, k
}

// Push is for package heap.
func (w *wakings) Push(x any) {
	x.(*waking).place = len(*w)
	*w = append(*w, x.(*waking))
}

// Pop is for package heap.
func (w *wakings) Pop() any {
	last := len(*w) - 1
	top := (*w)[last]
	top.place = -1
	(*w)[last] = nil
	*w = (*w)[:last]
	return top
}
