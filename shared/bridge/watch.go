package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"runlease/shared/bridge/journal"
	"runlease/shared/producer"
)

// asked is how many jobs one question is about: the most that runlease takes.
const asked = 100

// watch follows runlease's feed of final jobs, with one reader for all submissions,
// while any of them waits. What the feed cannot tell (that runlease has lost a job)
// is found by asking for the jobs themselves, now and then; and all the time, if
// runlease is older than its feed.
func (b *Bridge) watch(ctx context.Context) {
	var nextSweep time.Time
	hasFeed := true
	tick := time.NewTicker(b.Pace.Query)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if b.watched.len() == 0 {
			continue
		}
		if hasFeed {
			err := b.readFeed(ctx)
			if refusal, is := errors.AsType[*producer.Refusal](err); is && refusal.Status == http.StatusNotFound {
				b.Log.InfoContext(ctx, "this runlease has no feed of verdicts, it is asked for each job")
				hasFeed = false
			}
		}
		if now := time.Now(); !hasFeed || !now.Before(nextSweep) {
			nextSweep = now.Add(b.Pace.Sweep)
			b.sweep(ctx)
		}
	}
}

// readFeed reads what is new in the feed. The next look is after Pace.Query, which
// may be sooner than the feed proposes: a student waits.
func (b *Bridge) readFeed(ctx context.Context) error {
	cursor, err := b.Journal.Cursor()
	for err == nil && ctx.Err() == nil {
		var page struct {
			Jobs        []job  `json:"jobs"`
			Next        string `json:"next"`
			PollSeconds int    `json:"pollSeconds"`
		}
		err = b.callRunlease(ctx, http.MethodGet, fmt.Sprintf("/verdicts?limit=%d&after=%s", asked, url.QueryEscape(cursor)), nil, &page)
		if refusal, is := errors.AsType[*producer.Refusal](err); is && refusal.Code == "invalid_cursor" {
			cursor, err = "", b.Journal.PutCursor("") // of another runlease
			continue
		}
		if err != nil {
			break
		}
		for _, j := range page.Jobs {
			b.ended(j)
		}
		moved := page.Next != cursor
		if moved {
			cursor, err = page.Next, b.Journal.PutCursor(page.Next)
		}
		if page.PollSeconds > 0 || !moved { // that was all
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		b.Log.WarnContext(ctx, "the feed of verdicts was read in vain", "error", err)
	}
	return err
}

// sweep asks for jobs that are waited for.
func (b *Bridge) sweep(ctx context.Context) {
	ids := b.watched.pick(asked)
	var found struct {
		Jobs    []job    `json:"jobs"`
		Missing []string `json:"missing"`
	}
	question := map[string][]string{"ids": ids}
	if err := b.callRunlease(ctx, http.MethodPost, "/jobs/query", question, &found); err != nil {
		if ctx.Err() == nil {
			b.Log.WarnContext(ctx, "runlease was asked for verdicts in vain", "jobs", len(ids), "error", err)
		}
		return
	}
	for _, j := range found.Jobs {
		if j.State == jobFinished || j.State == jobCancelled {
			b.ended(j)
		}
	}
	for _, id := range found.Missing { // runlease has lost it: it is handed in again
		b.heard(id, func(s *journal.Submission) { s.State = journal.Received })
	}
}

// ended notes that a job is final.
func (b *Bridge) ended(j job) {
	if b.watched.ended(j.ID, j.Generation) {
		b.heard(j.ID, func(s *journal.Submission) { s.State, s.Generation = journal.Judged, j.Generation })
	}
}

// heard changes the submission that waits for a job, if one does.
func (b *Bridge) heard(jobID string, change func(*journal.Submission)) {
	one := b.watched.remove(jobID)
	s, found, err := b.Journal.Submission(one.submission)
	if err == nil && found && s.State == journal.Handed && s.JobID() == jobID {
		err = b.advance(s, change)
	}
	if err != nil { // it is waited for again
		b.Log.Error("a verdict cannot be noted", "submission", one.submission, "error", err)
		b.watched.add(jobID, one.submission, one.generation)
	}
}

// watched is the jobs that are waited for, those of the longest wait first.
type watched struct {
	mu     sync.Mutex
	jobs   map[string]waiting
	order  []string // jobs; some are not waited for any more
	turn   int
	recent map[string]int // generations of jobs that were final lately
	ring   [4096]string   // their ids, to be forgotten in turn
	at     int
}

type waiting struct {
	submission string
	generation int // an older one's end is not waited for
}

func newWatched() *watched {
	return &watched{jobs: map[string]waiting{}, recent: map[string]int{}}
}

// add waits for a job; over: it is final already. A fast runner has ended a job
// before the reply to its creation has been noted.
func (w *watched) add(jobID, submission string, generation int) (over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.jobs[jobID]; !there {
		w.order = append(w.order, jobID)
	}
	w.jobs[jobID] = waiting{submission, generation}
	ended, known := w.recent[jobID]
	return known && ended >= generation
}

// ended notes that a generation of a job has ended, and reports whether it is
// waited for.
func (w *watched) ended(jobID string, generation int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.recent[jobID]; !known {
		delete(w.recent, w.ring[w.at])
		w.ring[w.at] = jobID
		w.at = (w.at + 1) % len(w.ring)
	}
	w.recent[jobID] = max(generation, w.recent[jobID])
	one, waits := w.jobs[jobID]
	return waits && generation >= one.generation
}

func (w *watched) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.jobs)
}

func (w *watched) remove(jobID string) waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.jobs[jobID]
	delete(w.jobs, jobID)
	return one
}

// pick names at most most jobs. Most are the jobs that have waited longest, whose turn it is
// in runlease too; the others follow in turn.
func (w *watched) pick(most int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) > len(w.jobs) {
		kept := w.order[:0]
		seen := make(map[string]bool, len(w.jobs))
		for _, id := range w.order {
			if _, waits := w.jobs[id]; waits && !seen[id] {
				seen[id] = true
				kept = append(kept, id)
			}
		}
		w.order = kept
	}
	oldest := min(len(w.order), most*4/5)
	ids := append([]string(nil), w.order[:oldest]...)
	rest := w.order[oldest:]
	for range min(len(rest), most-oldest) {
		w.turn = (w.turn + 1) % len(rest)
		ids = append(ids, rest[w.turn])
	}
	return ids
}
