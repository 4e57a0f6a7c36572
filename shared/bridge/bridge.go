// Package bridge looks like one of Normal-OJ's sandboxes to its back end, which
// pushes submissions, and is a producer to runlease, from which runners pull them.
//
// What the back end does with an answer decides the design:
//
//   - It asks GET /status of every sandbox before each submission. A refusal, a
//     hang or a malformed answer loses the submission, whichever sandbox it is. So
//     it is answered from memory, and a restart refuses no request (package main takes
//     over a listening socket).
//   - It sends POST /submit once and repeats nothing. So the answer comes as soon
//     as the submission is in the journal; all else comes afterwards.
//   - It accepts a verdict for as long as it has the submission's token, deletes
//     that before it works on the verdict, and counts two that come at the same
//     moment twice. So one verdict is sent at a time, until it answers 200 or 403.
//   - It takes whichever verdict comes first. So the bridge fences by itself: each
//     time that a submission comes begins a round, and only the newest one's
//     verdict is sent.
//
// The journal is the truth: for each submission it says which stage comes next
// (Received: hand it in; Handed: wait; Judged: send the verdict). Lines in memory
// only remember which submissions to look at, and when: the head of a line is read
// from the journal, and passed over if it belongs elsewhere by now.
package bridge

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"runlease/shared/bridge/backend"
	"runlease/shared/bridge/journal"
	"runlease/shared/producer"
)

// Pace is how often the bridge asks, and how long it waits.
type Pace struct {
	Problem   time.Duration // between two questions for the checksum of a problem
	Query     time.Duration // between two looks into the feed of verdicts
	Sweep     time.Duration // between two questions for the jobs themselves
	FirstWait time.Duration // after a failure, doubled with each one that follows
	LastWait  time.Duration // its most
}

// DefaultPace is that of real use.
var DefaultPace = Pace{Problem: 5 * time.Second, Query: time.Second, Sweep: time.Minute, FirstWait: time.Second, LastWait: time.Minute}

// Config is what a bridge is made of.
type Config struct {
	Journal  *journal.Journal
	BackEnd  *backend.Client // submissions must bring its token too
	Runlease *producer.Client
	Pace     Pace
	// Capacity is how many waiting submissions are a load of 1. The back end gives
	// a submission to the sandbox with the least load.
	Capacity int
	// SpareDisk is how many bytes of the disk are left alone: with less, GET
	// /status is 503, and the back end passes the bridge over.
	SpareDisk int64
	// Keep is how long a submission is remembered that is done.
	Keep time.Duration
	Log  *slog.Logger
}

// Bridge is a running bridge.
type Bridge struct {
	Config
	token [sha256.Size]byte // a hash: compared in constant time whatever the length

	toHandIn  *line
	toDeliver *line
	watched   *watched
	problems  problems
	fence     fence
	open      *open
	full      fullDisk
	receiving chan struct{} // bounds the submissions that come in at once
	sending   chan struct{} // one verdict at a time
	failures  map[string]failure

	backEndGate, runleaseGate *gate
	counts                    *counts
}

// handers is how many submissions are handed in at once.
const handers = 8

// deliverers is how many verdicts are made ready at once; they are sent one at a
// time.
const deliverers = 4

// receivers is how many submissions are written to the disk at once; the back end
// sends up to forty.
const receivers = 64

// New makes a bridge that goes on where the journal's last one ended.
func New(c Config) (*Bridge, error) {
	b := &Bridge{
		Config: c, token: sha256.Sum256([]byte(c.BackEnd.Token)),
		toHandIn: newLine(), toDeliver: newLine(), watched: newWatched(), open: newOpen(),
		problems:  problems{all: map[int]*problem{}, asking: make(chan struct{}, askers), fetches: make(chan struct{}, fetches)},
		fence:     fence{coming: map[string]int{}, sending: map[string]chan struct{}{}},
		receiving: make(chan struct{}, receivers),
		failures:  map[string]failure{},
		sending:   make(chan struct{}, 1),
	}
	b.backEndGate, b.runleaseGate = newGate(c.Pace), newGate(c.Pace)
	b.counts = newCounts(b)
	b.lookAtDisk()
	if err := c.Journal.Each(b.enqueue); err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return b, nil
}

// Run works until ctx ends.
func (b *Bridge) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for range handers {
		workers.Go(func() { b.work(ctx, b.toHandIn, journal.Received, b.handIn) })
	}
	for range deliverers {
		workers.Go(func() { b.work(ctx, b.toDeliver, journal.Judged, b.deliver) })
	}
	workers.Go(func() { b.watch(ctx) })
	workers.Go(func() { b.keepHouse(ctx) })
	workers.Wait()
	b.problems.running.Wait()
}

// work takes submissions from a line, one at a time, and does what their state
// asks for. What fails is tried again later.
func (b *Bridge) work(ctx context.Context, l *line, state journal.State, do func(context.Context, journal.Submission) error) {
	for {
		id, tries, err := l.next(ctx)
		if err != nil {
			return
		}
		s, found, err := b.Journal.Submission(id)
		if err == nil && found && s.State == state {
			err = do(ctx, s)
		}
		switch {
		case err == nil:
			l.done(id)
		case ctx.Err() != nil:
			return
		default:
			wait := b.Pace.wait(tries)
			l.again(id, time.Now().Add(wait))
			b.Log.WarnContext(ctx, "a submission is tried again later", "submission", id, "stage", string(state), "tries", tries+1, "wait", wait.String(), "error", err)
		}
	}
}

// advance writes what has become of a submission and puts it where it belongs
// then. If it has come again meanwhile, the older round does not count.
func (b *Bridge) advance(s journal.Submission, change func(*journal.Submission)) error {
	after, written, err := b.Journal.Update(s.ID, func(current *journal.Submission) bool {
		if current.Round != s.Round || current.State != s.State {
			return false
		}
		change(current)
		current.ChangedAt = time.Now()
		return true
	})
	if err != nil {
		b.full.filled()
		if now, _, unread := b.Journal.Submission(s.ID); unread == nil && now.Round == s.Round && now.State != s.State {
			b.enqueue(now) // a sync that fails may leave what was written in its place
		}
	}
	if err != nil || !written {
		return err
	}
	if after.State == journal.Done {
		// Its file is of this round alone: a later one has another.
		if err := b.Journal.Remove(s.File); err != nil {
			b.Log.Warn("the code of a submission stays until the next start", "submission", s.ID, "error", err)
		}
	}
	b.enqueue(after)
	return nil
}

// enqueue puts a submission where its state belongs.
func (b *Bridge) enqueue(s journal.Submission) {
	b.open.set(s)
	switch s.State {
	case journal.Received:
		b.toHandIn.add(s.ID)
	case journal.Handed:
		if b.watched.add(s.JobID(), s.ID, s.Generation) {
			b.heard(s.JobID(), func(s *journal.Submission) { s.State = journal.Judged })
		}
	case journal.Judged:
		b.toDeliver.add(s.ID)
	case journal.Done:
	}
}

// knows reports whether a token is the bridge's.
func (b *Bridge) knows(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], b.token[:]) == 1
}

// keepHouse looks at the disk, and forgets what is old.
func (b *Bridge) keepHouse(ctx context.Context) {
	second, hour := time.NewTicker(time.Second), time.NewTicker(time.Hour)
	defer second.Stop()
	defer hour.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			b.lookAtDisk()
		case <-hour.C:
			if err := b.Journal.Forget(time.Now().Add(-b.Keep)); err != nil {
				b.Log.ErrorContext(ctx, "old submissions cannot be forgotten", "error", err)
			}
		}
	}
}
