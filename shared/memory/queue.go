package memory

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// longestHide is how long SQS can hide a message from its receive.
const longestHide = 12 * time.Hour

// Queue is dispatch.Queue in memory: messages that come back by themselves when
// their time is up, each with a handle that is good until the next receive. It
// gives out what has been visible longest.
type Queue struct {
	mu      sync.Mutex
	now     func() time.Time
	byTime  messageHeap
	handles map[string]*message
	sent    int64
}

type message struct {
	job.Message
	visibleAt time.Time
	sentAt    time.Time
	seq       int64 // ties are broken by who was sent first
	receives  int
	handle    string // of the last receive
	index     int    // in the heap
}

// NewQueue returns an empty Queue whose clock is now.
func NewQueue(now func() time.Time) *Queue {
	return &Queue{now: now, handles: make(map[string]*message)}
}

// Ring sends a message.
func (q *Queue) Ring(_ context.Context, m job.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	now := q.now()
	heap.Push(&q.byTime, &message{Message: m, visibleAt: now, sentAt: now, seq: q.sent})
	return nil
}

// Receive gives out up to limit visible messages and hides them.
func (q *Queue) Receive(_ context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	var received []job.Received
	var taken []*message
	for len(received) < limit && len(q.byTime) > 0 && !q.byTime[0].visibleAt.After(now) {
		m := heap.Pop(&q.byTime).(*message)
		delete(q.handles, m.handle)
		m.receives++
		m.handle = fmt.Sprintf("%d-%d", m.seq, m.receives)
		m.visibleAt = now.Add(hide)
		q.handles[m.handle] = m
		taken = append(taken, m)
		received = append(received, job.Received{
			Message: m.Message, Handle: m.handle, Receives: m.receives, SentAt: job.At(m.sentAt),
		})
	}
	for _, m := range taken {
		heap.Push(&q.byTime, m)
	}
	return received, nil
}

// Hide hides messages for a time from now.
func (q *Queue) Hide(_ context.Context, hidings []dispatch.Hiding) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for _, h := range hidings {
		if m, good := q.handles[h.Handle]; good {
			m.visibleAt = now.Add(min(h.For, longestHide))
			heap.Fix(&q.byTime, m.index)
		}
	}
	return nil
}

// Delete deletes messages.
func (q *Queue) Delete(_ context.Context, handles []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, handle := range handles {
		if m, good := q.handles[handle]; good {
			delete(q.handles, handle)
			heap.Remove(&q.byTime, m.index)
		}
	}
	return nil
}

// Visible counts the messages that can be received now.
func (q *Queue) Visible(context.Context) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	return q.byTime.visible(0, now), nil
}

// Purge loses every message.
func (q *Queue) Purge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.byTime = nil
	clear(q.handles)
}

// messageHeap orders messages by when they are visible, then by when they were sent.
type messageHeap []*message

func (h messageHeap) Len() int { return len(h) }

func (h messageHeap) Less(i, k int) bool {
	if !h[i].visibleAt.Equal(h[k].visibleAt) {
		return h[i].visibleAt.Before(h[k].visibleAt)
	}
	return h[i].seq < h[k].seq
}

func (h messageHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].index, h[k].index = i, k
}

// Push is for package heap.
func (h *messageHeap) Push(x any) {
	m := x.(*message)
	m.index = len(*h)
	*h = append(*h, m)
}

// Pop is for package heap.
func (h *messageHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return m
}

// visible counts below node i; a node that is hidden has only hidden ones below.
func (h messageHeap) visible(i int, now time.Time) int {
	if i >= len(h) || h[i].visibleAt.After(now) {
		return 0
	}
	return 1 + h.visible(2*i+1, now) + h.visible(2*i+2, now)
}
