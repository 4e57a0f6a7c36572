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
	hidden  messageHeap // until their times
	visible messageHeap // the longest visible in front
	handles map[string]*message
	sent    int64
	changed func(seq int64, m *Message) // nil: changes are not kept
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
	seq    int64  // of equal times the message that was sent first is first
	handle string // of the last receive
	in     *messageHeap
	index  int // in its heap
}

// NewQueue returns an empty Queue whose clock is now.
func NewQueue(now func() time.Time) *Queue {
	return &Queue{now: now, handles: make(map[string]*message)}
}

// Keep fills an empty queue with messages by their numbers, and tells from now on
// of every change, in their order; nil if the message is gone. New messages have
// numbers above from.
func (q *Queue) Keep(from int64, messages iter.Seq2[int64, Message], changed func(number int64, m *Message)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent, q.changed = from, changed
	for number, m := range messages {
		kept := &message{Message: m, seq: number}
		if m.Receives > 0 {
			kept.handle = handleOf(kept)
			q.handles[kept.handle] = kept
		}
		q.hide(kept)
	}
}

// hide puts a message that is in no heap among the hidden ones, until its time.
func (q *Queue) hide(m *message) {
	m.in = &q.hidden
	heap.Push(m.in, m)
}

// show moves the messages whose times have come, so that no call has to count them.
func (q *Queue) show(now time.Time) {
	for len(q.hidden) > 0 && !q.hidden[0].VisibleAt.After(now) {
		m := heap.Pop(&q.hidden).(*message)
		m.in = &q.visible
		heap.Push(m.in, m)
	}
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
	q.hide(sent)
	q.keep(sent)
	return nil
}

// Receive gives out up to limit visible messages and hides them.
func (q *Queue) Receive(_ context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	var received []job.Received
	q.show(now)
	for len(received) < limit && len(q.visible) > 0 {
		m := heap.Pop(&q.visible).(*message)
		delete(q.handles, m.handle)
		m.Receives++
		m.handle = handleOf(m)
		m.VisibleAt = now.Add(hide)
		q.handles[m.handle] = m
		q.hide(m)
		q.keep(m)
		received = append(received, job.Received{
			Message: m.Message.Message, Handle: m.handle, Receives: m.Receives, SentAt: job.At(m.SentAt),
		})
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
			heap.Remove(m.in, m.index)
			m.VisibleAt = now.Add(min(h.For, longestHide))
			q.hide(m)
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
			heap.Remove(m.in, m.index)
			if q.changed != nil {
				q.changed(m.seq, nil)
			}
		}
	}
	return nil
}

// Depth counts the messages.
func (q *Queue) Depth(context.Context) (dispatch.Depth, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.show(q.now())
	return dispatch.Depth{Visible: len(q.visible), Hidden: len(q.hidden)}, nil
}

// Next returns since when the message that is given out next is visible, which is
// later than now if all are hidden; it returns false if there is none.
func (q *Queue) Next() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, in := range []messageHeap{q.visible, q.hidden} {
		if len(in) > 0 {
			return in[0].VisibleAt, true
		}
	}
	return time.Time{}, false
}

// Len counts the messages, hidden ones included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.visible) + len(q.hidden)
}

// Purge loses every message.
func (q *Queue) Purge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible, q.hidden = nil, nil
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
