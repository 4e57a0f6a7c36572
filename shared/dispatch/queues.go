package dispatch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// Queues are those of the pools beside the default one. A use case that sends and
// receives nothing needs no more than the names of the pools.
//
// A job, a problem or a token may name a pool that a deployment has no longer. Its
// jobs are the default pool's then, whatever their state: no runner would come for them.
type Queues map[job.Pool]Queue

// has reports whether a pool is there.
func (q Queues) has(pool job.Pool) bool {
	_, found := q[pool]
	return found || pool == ""
}

// names lists the pools that are there, the default one first.
func (q Queues) names() []string {
	names := []string{job.Pool("").Name()}
	for _, pool := range slices.Sorted(maps.Keys(q)) {
		names = append(names, pool.Name())
	}
	return names
}

// all lists the pools that are there, the default one first.
func (q Queues) all() []job.Pool { return append([]job.Pool{""}, slices.Sorted(maps.Keys(q))...) }

// InPool returns the pool in which j is judged.
func (d *Dispatcher) InPool(j job.Job) job.Pool {
	if d.Queues.has(j.Pool) {
		return j.Pool
	}
	return ""
}

// queueOf returns the queue of a pool.
func (d *Dispatcher) queueOf(pool job.Pool) Queue {
	if q, found := d.Queues[pool]; found {
		return q
	}
	return d.Queue
}

// noPool refuses what is asked of pools that are not there.
func (d *Dispatcher) noPool(asked ...string) Answer {
	return Answer{Outcome: UnknownPool, Detail: fmt.Sprintf("there is no %s here: want one of %s", strings.Join(asked, ", "), strings.Join(d.Queues.names(), ", "))}
}

// served returns those of a runner's pools that are there, in its order. Refused
// with UnknownPool if none is.
func (d *Dispatcher) served(pools job.Pools) ([]job.Pool, Answer) {
	list := slices.DeleteFunc(pools.List(), func(p job.Pool) bool { return !d.Queues.has(p) })
	if len(list) == 0 {
		return nil, d.noPool(pools.Names()...)
	}
	return list, granted
}

// givenOut returns the pools that are not paused, and a pause of the others, or nil if
// there is none. Messages of a paused pool are not received: they stay as they are, and
// a receive is saved.
func givenOut(pools []job.Pool, pauses roster.Pauses) (open []job.Pool, shut *roster.Pause) {
	if all := pauses.On(roster.Everything); all != nil {
		return nil, all
	}
	for _, pool := range pools {
		if p := pauses.On(roster.PoolTarget(pool.Name())); p == nil {
			open = append(open, pool)
		} else if shut == nil {
			shut = p
		}
	}
	return open, shut
}

// handles are of messages, by the pool whose queue they are in: nearly always one.
type handles []poolHandles

type poolHandles struct {
	pool    job.Pool
	handles []string
}

func (h *handles) add(pool job.Pool, handle string) {
	if handle == "" { // of a message that is not known
		return
	}
	for i := range *h {
		if of := &(*h)[i]; of.pool == pool {
			of.handles = append(of.handles, handle)
			return
		}
	}
	*h = append(*h, poolHandles{pool, []string{handle}})
}

// perPool keeps one of something for each pool. The zero value is ready.
type perPool[T any] struct {
	mu     sync.Mutex
	values map[job.Pool]*T
}

func (p *perPool[T]) of(pool job.Pool) *T {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = make(map[job.Pool]*T)
	}
	if p.values[pool] == nil {
		p.values[pool] = new(T)
	}
	return p.values[pool]
}

// homeOf is the pool of a problem, and when it was read.
type homeOf struct {
	pool job.Pool
	at   time.Time
}

// homeKept is how long a home is remembered.
const homeKept = time.Minute
