package memory

import (
	"container/heap"
	"context"
	"fmt"
	"iter"
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
	changed func(seq int64, m *Message) // nil: nobody keeps what changes
}

// Message is a message as it is in the queue.
type Message struct {
	job.Message
	SentAt    time.Time
	VisibleAt time.Time
	Receives  int
}

type message struct {
	Message
	seq    int64  // ties are broken by who was sent first
	handle string // of the last receive
	index  int    // in the heap
}

// NewQueue returns an empty Queue whose clock is now.
func NewQueue(now func() time.Time) *Queue {
	return &Queue{now: now, handles: make(map[string]*message)}
}

// Keep fills an empty queue with messages by their numbers, and tells from now on
// of every change, in their order; nil: the message is gone. New messages have
// numbers above from.
func (q *Queue) Keep(from int64, messages iter.Seq2[int64, Message], changed func(number int64, m *Message)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent, q.changed = from, changed
	for number, m := range messages {
		kept := &message{Message: m, seq: number, index: len(q.byTime)}
		if m.Receives > 0 {
			kept.handle = handleOf(kept)
			q.handles[kept.handle] = kept
		}
		q.byTime = append(q.byTime, kept)
	}
	heap.Init(&q.byTime)
}

func (q *Queue) keep(m *message) {
	if q.changed != nil {
		q.changed(m.seq, &m.Message)
	}
}

// handleOf is the handle of a message's last receive.
func handleOf(m *message) string { return fmt.Sprintf("%d-%d", m.seq, m.Receives) }

// Ring sends a message.
func (q *Queue) Ring(_ context.Context, m job.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	now := q.now()
	sent := &message{Message: Message{Message: m, SentAt: now, VisibleAt: now}, seq: q.sent}
	heap.Push(&q.byTime, sent)
	q.keep(sent)
	return nil
}

// Receive gives out up to limit visible messages and hides them.
func (q *Queue) Receive(_ context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	var received []job.Received
	var taken []*message
	for len(received) < limit && len(q.byTime) > 0 && !q.byTime[0].VisibleAt.After(now) {
		m := heap.Pop(&q.byTime).(*message)
		delete(q.handles, m.handle)
		m.Receives++
		m.handle = handleOf(m)
		m.VisibleAt = now.Add(hide)
		q.handles[m.handle] = m
		q.keep(m)
		taken = append(taken, m)
		received = append(received, job.Received{
			Message: m.Message.Message, Handle: m.handle, Receives: m.Receives, SentAt: job.At(m.SentAt),
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
			m.VisibleAt = now.Add(min(h.For, longestHide))
			heap.Fix(&q.byTime, m.index)
			q.keep(m)
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
			if q.changed != nil {
				q.changed(m.seq, nil)
			}
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

// Len counts the messages, hidden ones included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.byTime)
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
	if !h[i].VisibleAt.Equal(h[k].VisibleAt) {
		return h[i].VisibleAt.Before(h[k].VisibleAt)
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
	if i >= len(h) || h[i].VisibleAt.After(now) {
		return 0
	}
	return 1 + h.visible(2*i+1, now) + h.visible(2*i+2, now)
}
