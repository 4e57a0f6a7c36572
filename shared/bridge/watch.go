package bridge

import (
	"context"
	"net/http"
	"sync"
	"time"

	"runlease/shared/bridge/journal"
)

// queried is how many jobs one question is about: the most that runlease takes.
const queried = 100

// watch asks runlease, at most once in Pace.Query for all, which of the jobs that
// are waited for are final.
func (b *Bridge) watch(ctx context.Context) {
	tick := time.NewTicker(b.Pace.Query)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ids := b.watched.pick(queried)
		if len(ids) == 0 {
			continue
		}
		var found struct {
			Jobs    []job    `json:"jobs"`
			Missing []string `json:"missing"`
		}
		question := map[string][]string{"ids": ids}
		if err := b.callRunlease(ctx, http.MethodPost, "/jobs/query", question, &found); err != nil {
			if ctx.Err() == nil {
				b.Log.WarnContext(ctx, "runlease was asked for verdicts in vain", "jobs", len(ids), "error", err)
			}
			continue
		}
		for _, j := range found.Jobs {
			if j.State == jobFinished || j.State == jobCancelled {
				b.heard(j.ID, func(s *journal.Submission) {
					if j.Generation >= s.Generation {
						s.State, s.Generation = journal.Judged, j.Generation
					}
				})
			}
		}
		for _, id := range found.Missing { // runlease has lost it: it is handed in again
			b.heard(id, func(s *journal.Submission) { s.State = journal.Received })
		}
	}
}

// heard changes the submission that waits for a job, if one does.
func (b *Bridge) heard(jobID string, change func(*journal.Submission)) {
	id := b.watched.remove(jobID)
	s, found, err := b.Journal.Submission(id)
	if err == nil && found && s.State == journal.Handed && s.JobID() == jobID {
		err = b.advance(s, change)
	}
	if err != nil { // it is waited for again
		b.Log.Error("a verdict cannot be noted", "submission", id, "error", err)
		b.watched.add(jobID, id)
	}
}

// watched is the jobs that are waited for, those of the longest wait first.
type watched struct {
	mu         sync.Mutex
	submission map[string]string // of each job
	order      []string          // jobs; some are not waited for any more
	turn       int
}

func newWatched() *watched { return &watched{submission: map[string]string{}} }

func (w *watched) add(jobID, submission string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.submission[jobID]; !there {
		w.order = append(w.order, jobID)
	}
	w.submission[jobID] = submission
}

func (w *watched) remove(jobID string) (submission string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	submission = w.submission[jobID]
	delete(w.submission, jobID)
	return submission
}

// pick names up to so many jobs: most of them those that have waited longest, whose
// turn it is in runlease too, the rest in turn.
func (w *watched) pick(most int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) > len(w.submission) {
		kept := w.order[:0]
		seen := make(map[string]bool, len(w.submission))
		for _, id := range w.order {
			if _, waits := w.submission[id]; waits && !seen[id] {
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
