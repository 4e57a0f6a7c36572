package fleet

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/memory"
)

// A standard queue is the product's queue in memory, many times over: one for each
// tenant on each server. What SQS does beyond that is here.
//
//   - Sampling. A queue is spread over servers, and a short poll asks some of
//     them, "based on a weighted random distribution": a poll may miss what is
//     there. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
//     AWS does not say how many there are: here a message is on one of 16, of
//     which a poll asks 8, those with a larger weight more often.
//   - At-least-once delivery. "On rare occasions" a server that holds a copy is
//     away when the message is received or deleted, and the copy is given out
//     too. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
//     Here one message in 100 has a copy on a server that never hears of the other,
//     far more than rarely.
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
	doubled     = 0.01
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
	// lost is how likely the first message of a job is lost when it is sent, and copies
	// how likely any has a copy.
	lost, copies float64

	mu      sync.Mutex // a fleet calls one at a time; the suite of the port does not
	weights [servers]float64
	tenants []*tenant
	byGroup map[string]*tenant
	flights []flight
	busy    float64 // seconds of processing, faded
	fadedAt time.Time
}

// tenant is a message group.
type tenant struct {
	number  int
	servers [servers]*memory.Queue
	next    [servers]time.Time // since when the next message is visible; zero if there is none
	flying  int                // messages in flight
	busy    float64
	sentAt  time.Time
}

// touch lets one server of a tenant act. What it gives out next is kept beside it: a
// poll compares those of all tenants.
func (t *tenant) touch(server int, act func(*memory.Queue) error) error {
	err := act(t.servers[server])
	t.next[server], _ = t.servers[server].Next()
	return err
}

// flight is a message in flight.
type flight struct {
	*tenant
	handle       string
	since, until time.Time
}

func newQueue(now func() time.Time, random *rand.Rand) *queue {
	q := &queue{now: now, random: random, fair: true, copies: doubled, byGroup: map[string]*tenant{}, fadedAt: now()}
	for i := range servers {
		q.weights[i] = 0.5 + random.Float64()
	}
	return q
}

// Ring sends a message.
func (q *queue) Ring(ctx context.Context, m job.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost > 0 && m.Bell == 1 && q.random.Float64() < q.lost {
		return nil
	}
	t := q.byGroup[m.Group]
	if t == nil {
		t = &tenant{number: len(q.tenants)}
		for i := range t.servers {
			t.servers[i] = memory.NewQueue(q.now)
		}
		q.byGroup[m.Group] = t
		q.tenants = append(q.tenants, t)
	}
	t.sentAt = q.now()
	ring := func(in *memory.Queue) error { return in.Ring(ctx, m) }
	server := q.random.IntN(servers)
	if q.random.Float64() < q.copies {
		if err := t.touch((server+1)%servers, ring); err != nil {
			return err
		}
	}
	return t.touch(server, ring)
}

// land ends the flights that over chooses.
func (q *queue) land(over func(flight) bool) {
	q.flights = slices.DeleteFunc(q.flights, func(f flight) bool {
		if !over(f) {
			return false
		}
		took := q.now().Sub(f.since).Seconds()
		f.flying--
		f.busy += took
		q.busy += took
		return true
	})
}

// fade makes the past count less.
func (q *queue) fade() {
	for ; q.now().Sub(q.fadedAt) >= fadeByHalf; q.fadedAt = q.fadedAt.Add(fadeByHalf) {
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
	return t.flying >= noisyLeast && float64(t.flying) > noisyShare*float64(len(q.flights)) || t.busy > noisyShare*q.busy
}

// Receive is what the adapter does: it asks an empty queue twice.
func (q *queue) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	q.fade()
	q.land(func(f flight) bool { return !f.until.After(now) })
	received := []job.Received{}
	for range polls {
		for some := q.sample(); len(received) < limit; {
			t, server := q.next(some)
			if t == nil {
				break
			}
			var got []job.Received
			err := t.touch(server, func(from *memory.Queue) (err error) { got, err = from.Receive(ctx, 1, hide); return err })
			if err != nil {
				return nil, err
			}
			got[0].Handle = fmt.Sprintf("%d/%d/%s", t.number, server, got[0].Handle)
			received = append(received, got[0])
			t.flying++
			q.flights = append(q.flights, flight{t, got[0].Handle, now, now.Add(hide)})
		}
		if len(received) > 0 {
			break
		}
	}
	return received, nil
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

// next is whose message goes out next from some servers, and from which; nil if
// there is none.
func (q *queue) next(some []int) (best *tenant, from int) {
	now, noise, since := q.now(), 0, time.Time{}
	for _, t := range q.tenants {
		loud := 0
		if q.fair && q.noisy(t) {
			loud = 1 + t.flying
		}
		for _, server := range some {
			at := t.next[server]
			if !at.IsZero() && !at.After(now) && (best == nil || cmp.Or(cmp.Compare(loud, noise), at.Compare(since)) < 0) {
				best, from, noise, since = t, server, loud, at
			}
		}
	}
	return best, from
}

// behind lets the server act that a handle is of, by its handle there.
func (q *queue) behind(handle string, act func(in *memory.Queue, handle string) error) error {
	var number, server int
	var rest string
	if _, err := fmt.Sscanf(handle, "%d/%d/%s", &number, &server, &rest); err != nil {
		return nil //nolint:nilerr // not a handle of this queue: it is passed over, as by SQS
	}
	return q.tenants[number].touch(server, func(in *memory.Queue) error { return act(in, rest) })
}

// Hide hides messages.
func (q *queue) Hide(ctx context.Context, hidings []dispatch.Hiding) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range hidings {
		if i := slices.IndexFunc(q.flights, func(f flight) bool { return f.handle == h.Handle }); i >= 0 {
			q.flights[i].until = q.now().Add(h.For)
		}
		err := q.behind(h.Handle, func(in *memory.Queue, handle string) error {
			return in.Hide(ctx, []dispatch.Hiding{{Handle: handle, For: h.For}})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Delete deletes messages.
func (q *queue) Delete(ctx context.Context, handles []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.land(func(f flight) bool { return slices.Contains(handles, f.handle) })
	for _, handle := range handles {
		err := q.behind(handle, func(in *memory.Queue, handle string) error { return in.Delete(ctx, []string{handle}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// Depth counts what can be received, and what is in flight.
func (q *queue) Depth(ctx context.Context) (dispatch.Depth, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all dispatch.Depth
	for _, t := range q.tenants {
		for _, server := range t.servers {
			d, err := server.Depth(ctx)
			if err != nil {
				return all, err
			}
			all.Visible, all.Hidden = all.Visible+d.Visible, all.Hidden+d.Hidden
		}
	}
	return all, nil
}
