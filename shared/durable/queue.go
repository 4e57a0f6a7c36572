package durable

import (
	"context"
	"fmt"

	"runlease/shared/job"
	"runlease/shared/memory"
)

// Queue is memory.Queue, and what it holds is in the folder. A change is in the
// transaction of whatever is written next, by anybody: a bell comes before its
// job's write, and what is lost with the power costs a look at the job.
type Queue struct {
	*memory.Queue
	db *DB
}

// startsShift leaves the numbers of 2^40 messages to each start of the server: a
// receipt handle from before never fits another message.
const startsShift = 40

// Queue reads the folder's messages. It is called once.
func (db *DB) Queue() (*Queue, error) {
	q := &Queue{memory.NewQueue(db.Clock.Now), db}
	var failed error
	kept := func(yield func(int64, memory.Message) bool) {
		failed = db.scan(messages, "", func(name string, row []byte) (bool, error) {
			m, _, err := decodeRow(messages, messageFields, name, row)
			return err == nil && yield(number([]byte(name)), m), err
		})
	}
	q.Keep(db.starts<<startsShift, kept, func(n int64, m *memory.Message) {
		name := string(numbered(n))
		if m == nil {
			db.owe(messages, name, nil)
		} else {
			db.owe(messages, name, encode(messageFields, m))
		}
	})
	if failed != nil {
		return nil, fmt.Errorf("read messages: %w", failed)
	}
	return q, nil
}

// Ring sends a message. It fails as long as nothing can be written: a bell that
// is not kept would be one that nobody waits for.
func (q *Queue) Ring(ctx context.Context, m job.Message) error {
	if broken := q.db.broken.Load(); broken != nil {
		return *broken
	}
	return q.Queue.Ring(ctx, m)
}
