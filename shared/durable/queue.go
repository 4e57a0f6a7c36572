package durable

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"runlease/shared/job"
	"runlease/shared/memory"
)

// Queue is memory.Queue, and what it holds is in the folder. A change is in the
// transaction of the next write of anything: a bell comes before its
// job's write, and what is lost with the power costs a look at the job.
type Queue struct {
	*memory.Queue
	db *DB
}

// startsShift leaves the numbers of 2^40 messages to each start of the server: a
// receipt handle from before never fits another message.
const startsShift = 40

// poolsShift leaves the numbers of 2^36 of them to each pool.
const poolsShift = 36

// message is a row of the table of messages.
type message struct {
	memory.Message
	Pool job.Pool
}

// Queue reads the folder's messages into the queue of the default pool. It is called
// once, or Queues is.
func (db *DB) Queue() (*Queue, error) {
	queues, err := db.Queues()
	return queues[""], err
}

// Queues reads the folder's messages into the queues of some pools and the default
// one. It fails if the folder has messages of another pool, which is held until it has none.
func (db *DB) Queues(pools ...job.Pool) (map[job.Pool]*Queue, error) {
	if err := db.held(pools); err != nil {
		return nil, err
	}
	queues := map[job.Pool]*Queue{}
	for i, pool := range append([]job.Pool{""}, pools...) {
		q := &Queue{memory.NewQueue(db.Clock.Now), db}
		queues[pool] = q
		var failed error
		kept := func(yield func(int64, memory.Message) bool) {
			failed = db.scan(messages, "", func(name string, row []byte) (bool, error) {
				m, _, err := decodeRow(messages, messageFields, name, row)
				if err == nil && m.Pool == pool {
					return yield(number([]byte(name)), m.Message), nil
				}
				return err == nil, err
			})
		}
		q.Keep(db.starts<<startsShift+int64(i)<<poolsShift, kept, func(n int64, m *memory.Message) {
			name := string(numbered(n))
			if m == nil {
				db.owe(messages, name, nil)
			} else {
				db.owe(messages, name, encode(messageFields, &message{*m, pool}))
			}
		})
		if failed != nil {
			return nil, fmt.Errorf("read messages: %w", failed)
		}
	}
	return queues, nil
}

// held fails if there are messages of a pool that is not among some.
func (db *DB) held(pools []job.Pool) error {
	left := map[job.Pool]int{}
	err := db.scan(messages, "", func(name string, row []byte) (bool, error) {
		m, _, err := decodeRow(messages, messageFields, name, row)
		if m.Pool != "" && !slices.Contains(pools, m.Pool) {
			left[m.Pool]++
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	for _, pool := range slices.Sorted(maps.Keys(left)) {
		return fmt.Errorf("the pool %s has %d messages, so it stays: name it in -pools until its runners have finished; "+
			"one of them also takes away the messages of jobs that were cancelled, or rejudged in another pool", pool, left[pool])
	}
	return nil
}

// Ring sends a message. It fails as long as nothing can be written: a bell that
// is not kept would be lost unseen.
func (q *Queue) Ring(ctx context.Context, m job.Message) error {
	if broken := q.db.broken.Load(); broken != nil {
		return *broken
	}
	return q.Queue.Ring(ctx, m)
}
