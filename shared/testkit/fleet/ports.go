package fleet

import (
	"context"
	"math/rand/v2"
	"time"

	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
)

// network makes every call take time, half of it before it has its effect and
// half after, so that requests come between each other's reads and writes.
type network struct {
	clock  *clock
	random *rand.Rand
}

// A call to DynamoDB or SQS takes 3 to 15 ms, a request of a client 20 to 60 ms
// on its way there and back.
func (n network) call() { n.half(3*time.Millisecond, 15*time.Millisecond) }
func (n network) trip() { n.half(20*time.Millisecond, 60*time.Millisecond) }

func (n network) half(least, most time.Duration) {
	n.clock.sleep((least + time.Duration(n.random.Int64N(int64(most-least)))) / 2)
}

// store counts the writes that would claim a job.
type store struct {
	dispatch.Store
	net network

	claimWrites int // conditional writes that were to claim a job
	claims      int // that did
	claimed     func(before, after job.Job)
}

// Get is for dispatch.Store.
func (s *store) Get(ctx context.Context, id string) (job.Job, bool, error) {
	s.net.call()
	defer s.net.call()
	return s.Store.Get(ctx, id)
}

// GetMany is for dispatch.Store.
func (s *store) GetMany(ctx context.Context, ids []string) (map[string]job.Job, error) {
	s.net.call()
	defer s.net.call()
	return s.Store.GetMany(ctx, ids)
}

// Create is for dispatch.Store.
func (s *store) Create(ctx context.Context, j job.Job) (job.Job, bool, error) {
	s.net.call()
	defer s.net.call()
	return s.Store.Create(ctx, j)
}

// Save is for dispatch.Store.
func (s *store) Save(ctx context.Context, before, after job.Job) (job.Job, bool, error) {
	s.net.call()
	defer s.net.call()
	current, saved, err := s.Store.Save(ctx, before, after)
	if after.State == job.Claimed && after.Attempt > before.Attempt {
		s.claimWrites++
		if saved {
			s.claims++
			s.claimed(before, after)
		}
	}
	return current, saved, err
}

// Problem is for dispatch.Store.
func (s *store) Problem(ctx context.Context, id int) (problem.Problem, bool, error) {
	s.net.call()
	defer s.net.call()
	return s.Store.Problem(ctx, id)
}

// slow is the queue behind a network.
type slow struct {
	*queue
	net network
}

// Ring is for dispatch.Queue.
func (q slow) Ring(ctx context.Context, m job.Message) error {
	q.net.call()
	defer q.net.call()
	return q.queue.Ring(ctx, m)
}

// Receive is for dispatch.Queue.
func (q slow) Receive(ctx context.Context, limit int, hide time.Duration) ([]job.Received, error) {
	q.net.call()
	defer q.net.call()
	return q.queue.Receive(ctx, limit, hide)
}

// Hide is for dispatch.Queue.
func (q slow) Hide(ctx context.Context, hidings []dispatch.Hiding) error {
	q.net.call()
	defer q.net.call()
	return q.queue.Hide(ctx, hidings)
}

// Delete is for dispatch.Queue.
func (q slow) Delete(ctx context.Context, handles []string) error {
	q.net.call()
	defer q.net.call()
	return q.queue.Delete(ctx, handles)
}
