package fleet

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// The model of a standard queue.
//
//   - Sampling. A queue is spread over servers, and a short poll asks some of
//     them, "based on a weighted random distribution": a poll may miss what is
//     there. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
//     AWS does not say how many there are: here a message is on one of 16, of
//     which a poll asks 8, those with a larger weight more often.
//   - At-least-once delivery. "On rare occasions" a server that holds a copy is
//     away when the message is received or deleted, and the copy is given out
//     too. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
//     Here one receive in 100 leaves a copy behind, far more than rarely.
//   - Fair queues. A tenant is a message group. It is a noisy neighbour while it
//     has more than 10 % of all messages in flight and at least 30 of them, or
//     had more than 10 % of the recent processing time; it is none any more once
//     its backlog is gone or once it has sent nothing for 5 minutes. Messages of
//     quiet tenants go first; then those of the noisy tenant with the fewest in
//     flight. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
//     "Recent" is not explained; here it is an average that fades by half in a
//     minute. Whether a tenant that was quiet for 5 minutes is found noisy again
//     before it sends anything is not said either: forgets chooses.
const (
	servers     = 16
	asked       = 8
	copies      = 0.01
	noisyShare  = 0.10
	noisyLeast  = 30
	noisyMemory = 5 * time.Minute
	fadeByHalf  = time.Minute
	// polls is how often the adapter asks an empty queue.
	polls = 2
)

type queue struct {
	now    func() time.Time
	random *rand.Rand
	// fair turns fair queues on; forgets is the stricter reading of when they
	// forget who is noisy.
	fair, forgets bool
	// misses, above 0, is how likely a poll leaves a server out, instead of weights.
	misses float64
	// lost is how likely the first message of a job is lost when it is sent.
	lost float64

	weights [servers]float64
	hidden  hidden
	handles map[string]*message
	tenants map[string]*tenant
	waiting []*tenant // that have visible messages
	flying  int       // messages in flight
	busy    float64   // seconds of processing, faded
	fadedAt time.Time
	seq     int
}

type message struct {
	job.Message
	server    int
	seq       int
	sentAt    time.Time
	visibleAt time.Time
	takenAt   time.Time // of the last receive
	receives  int
	handle    string
	shown     bool // it is on its shelf
	flies     bool
	gone      bool
}

type tenant struct {
	shelves       [servers][]*message // the visible ones, in the order in which they became so
	flying, shown int
	place         int // in waiting
	busy          float64
	sentAt        time.Time
}

func newQueue(now func() time.Time, random *rand.Rand) *queue {
	q := &queue{now: now, random: random, fair: true, handles: map[string]*message{}, tenants: map[string]*tenant{}, fadedAt: now()}
	for i := range servers {
		q.weights[i] = 0.5 + random.Float64()
	}
	return q
}

// Ring sends a message.
func (q *queue) Ring(_ context.Context, m job.Message) error {
	if q.lost > 0 && m.Bell == 1 && q.random.Float64() < q.lost {
		return nil
	}
	now := q.now()
	q.seq++
	if m.Group == "" { // a tenant of its own
		m.Group = fmt.Sprint("#", q.seq)
	}
	q.tenant(m.Group).sentAt = now
	q.show(&message{Message: m, seq: q.seq, server: q.random.IntN(servers), sentAt: now, visibleAt: now})
	return nil
}

func (q *queue) tenant(group string) *tenant {
	t := q.tenants[group]
	if t == nil {
		t = &tenant{}
		q.tenants[group] = t
	}
	return t
}

func (q *queue) show(m *message) {
	q.land(m)
	m.shown = true
	t := q.tenant(m.Group)
	if t.shown++; t.shown == 1 {
		t.place = len(q.waiting)
		q.waiting = append(q.waiting, t)
	}
	t.shelves[m.server] = append(t.shelves[m.server], m)
}

// land ends a message's flight.
func (q *queue) land(m *message) {
	if !m.flies {
		return
	}
	m.flies = false
	t, took := q.tenant(m.Group), q.now().Sub(m.takenAt).Seconds()
	q.flying--
	t.flying--
	q.fade()
	q.busy += took
	t.busy += took
}

// fade makes the past count less.
func (q *queue) fade() {
	now := q.now()
	halves := int(now.Sub(q.fadedAt) / fadeByHalf)
	if halves == 0 {
		return
	}
	q.fadedAt = q.fadedAt.Add(time.Duration(halves) * fadeByHalf)
	for range min(halves, 64) {
		q.busy /= 2
		for _, t := range q.tenants {
			t.busy /= 2
		}
	}
}

// noisy reports whether a tenant is a noisy neighbour.
func (q *queue) noisy(t *tenant) bool {
	if q.forgets && q.now().Sub(t.sentAt) >= noisyMemory {
		return false
	}
	return t.flying >= noisyLeast && float64(t.flying) > noisyShare*float64(q.flying) || t.busy > noisyShare*q.busy
}

// Receive is what the adapter does: it asks an empty queue twice.
func (q *queue) Receive(_ context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	now := q.now()
	for len(q.hidden) > 0 && !q.hidden[0].visibleAt.After(now) {
		if m := heap.Pop(&q.hidden).(hiding); !m.gone && !m.shown && m.visibleAt.Equal(m.message.visibleAt) {
			q.show(m.message)
		}
	}
	q.fade()
	for range polls {
		if received := q.poll(limit, hide); len(received) > 0 {
			return received, nil
		}
	}
	return []job.Received{}, nil
}

func (q *queue) poll(limit int, hide time.Duration) []job.Received {
	some := q.sample()
	var received []job.Received
	for len(received) < limit {
		m := q.next(some)
		if m == nil {
			break
		}
		received = append(received, q.take(m, hide))
	}
	return received
}

// sample picks the servers that a poll asks.
func (q *queue) sample() []int {
	order := make([]int, servers)
	keys := make([]float64, servers)
	for i := range order {
		order[i], keys[i] = i, q.random.ExpFloat64()/q.weights[i]
	}
	if q.misses > 0 {
		return slices.DeleteFunc(order, func(int) bool { return q.random.Float64() < q.misses })
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	return order[:asked]
}

// next is the message that goes out next from some servers; nil: there is none.
func (q *queue) next(some []int) *message {
	type rank struct{ noisy, flying int }
	var best *message
	var bestRank rank
	for _, t := range q.waiting {
		var r rank
		if q.fair && q.noisy(t) {
			r = rank{1, t.flying}
		}
		for _, server := range some {
			shelf := t.shelves[server]
			if len(shelf) == 0 {
				continue
			}
			m := shelf[0]
			if best == nil || cmp.Or(cmp.Compare(r.noisy, bestRank.noisy), cmp.Compare(r.flying, bestRank.flying), m.visibleAt.Compare(best.visibleAt), cmp.Compare(m.seq, best.seq)) < 0 {
				best, bestRank = m, r
			}
		}
	}
	return best
}

// take gives a message out.
func (q *queue) take(m *message, hide time.Duration) job.Received {
	now := q.now()
	if q.random.Float64() < copies {
		q.seq++
		twin := *m
		twin.seq, twin.server, twin.handle, twin.shown = q.seq, (m.server+1)%servers, "", false
		defer q.show(&twin)
	}
	q.unshelve(m)
	delete(q.handles, m.handle)
	m.receives++
	m.handle = fmt.Sprintf("%d-%d", m.seq, m.receives)
	q.handles[m.handle] = m
	m.flies, m.takenAt = true, now
	q.flying++
	q.tenant(m.Group).flying++
	q.hide(m, hide)
	return job.Received{Message: m.Message, Handle: m.handle, Receives: m.receives, SentAt: job.At(m.sentAt)}
}

func (q *queue) unshelve(m *message) {
	t := q.tenant(m.Group)
	shelf := t.shelves[m.server]
	if i := slices.Index(shelf, m); i == 0 {
		shelf = shelf[1:]
	} else if i > 0 {
		shelf = slices.Delete(shelf, i, i+1)
	}
	t.shelves[m.server] = shelf
	m.shown = false
	if t.shown--; t.shown == 0 {
		last := q.waiting[len(q.waiting)-1]
		q.waiting[t.place], last.place = last, t.place
		q.waiting = q.waiting[:len(q.waiting)-1]
	}
}

func (q *queue) hide(m *message, d time.Duration) {
	m.visibleAt = q.now().Add(d)
	heap.Push(&q.hidden, hiding{m, m.visibleAt})
}

// Hide hides messages.
func (q *queue) Hide(_ context.Context, hidings []dispatch.Hiding) error {
	for _, h := range hidings {
		m, good := q.handles[h.Handle]
		if !good {
			continue
		}
		if m.shown {
			q.unshelve(m)
		}
		q.hide(m, h.For)
	}
	return nil
}

// Delete deletes messages.
func (q *queue) Delete(_ context.Context, handles []string) error {
	for _, handle := range handles {
		m, good := q.handles[handle]
		if !good {
			continue
		}
		delete(q.handles, handle)
		if m.shown {
			q.unshelve(m)
		}
		q.land(m)
		m.gone = true
	}
	return nil
}

// Visible counts what can be received.
func (q *queue) Visible(context.Context) (int, error) {
	n := 0
	for _, t := range q.waiting {
		n += t.shown
	}
	return n, nil
}

// hiding is when a message comes back; one that was hidden anew has another.
type hiding struct {
	*message
	visibleAt time.Time
}

type hidden []hiding

func (h hidden) Len() int           { return len(h) }
func (h hidden) Less(i, k int) bool { return h[i].visibleAt.Before(h[k].visibleAt) }
func (h hidden) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }

// Push is for package heap.
func (h *hidden) Push(x any) { *h = append(*h, x.(hiding)) }

// Pop is for package heap.
func (h *hidden) Pop() any {
	last := len(*h) - 1
	top := (*h)[last]
	(*h)[last] = hiding{}
	*h = (*h)[:last]
	return top
}
