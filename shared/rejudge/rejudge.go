// Package rejudge holds the rules of a rejudge of many: its jobs, its pace and its
// progress. It does nothing itself: the sweep goes on with it each minute.
//
// Its jobs are the jobs that are final when it begins. It looks for them in the index of
// final jobs, the newest first, once to count them and once to rejudge them. A job that
// it has rejudged ends later than it began, so it never comes to it again.
package rejudge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// Filter selects the final jobs of a rejudge. Cancelled jobs have no verdict, and stay
// cancelled.
type Filter struct {
	Problem  int
	Status   *int     // of the verdict; nil: any
	From, To job.Time // when the job ended: not before From, and before To; 0: any time
}

// Same reports whether f and g are of the same jobs.
func (f Filter) Same(g Filter) bool { return f.text() == g.text() }

func (f Filter) text() string {
	return fmt.Sprintf("%d %s %d %d", f.Problem, StatusText(f.Status), f.From, f.To)
}

// StatusText is what a store keeps of a Status, which StatusIn reads; "" of nil.
func StatusText(status *int) string {
	if status == nil {
		return ""
	}
	return strconv.Itoa(*status)
}

// StatusIn returns the Status of a text.
func StatusIn(text string) *int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return &n
}

// State is how a rejudge of many stands.
type State string

// The states. The last two are final.
const (
	Running State = "running"
	Done    State = "done"
	Stopped State = "stopped"
)

// The acts on a rejudge of many, for the audit.
const (
	ActBegin roster.Act = "rejudge"
	ActStop  roster.Act = "stop"
)

// Target names a rejudge as the target of an act.
func Target(id string) string { return "rejudge:" + id }

// Many is the record of a rejudge of many.
type Many struct {
	ID string // legal as the id of a job; sorts as its time does
	Filter
	// Pool is where its jobs are judged, by name; "": each where it was before.
	Pool    string
	By, Why string
	State   State

	StartedAt, UpdatedAt, EndedAt job.Time

	// Matched is how many jobs have been found that the filter matches, Counted that
	// these are all.
	Matched int
	Counted bool
	// Of those, how many have begun the next generation, were rejudged or deleted by
	// another request, and could not be written.
	Rejudged, Skipped, Failed int

	// Cursor is where in the index of final jobs the search goes on; "": at the beginning.
	Cursor string
	// Pending are found and not counted yet. They are stored before anything is done to
	// them: if the process dies in the middle, the next one does them again, which
	// changes nothing for jobs that were done.
	Pending []Pending
	Tries   int // at the pending jobs, all of which have failed
	// Step is how many messages may wait in a queue so that one more is sent, and
	// RungIn the pool of the last one.
	Step   int
	RungIn job.Pool

	Revision int64
	WriteID  string
}

// Pending is a job that is to be rejudged, at the generation that was found.
type Pending struct {
	Job        string
	Generation int
}

// How many messages a rejudge keeps waiting. If its queue is empty once a minute, it is
// too slow for its runners; if its queue holds more than its step, other jobs wait.
const (
	FirstStep = 50
	LeastStep = 10
	MostStep  = 600
)

// Kept is how long the record of a rejudge is kept after its end.
const Kept = roster.AuditKept

// settles is how long the index of final jobs may lag, and clocks may differ, so that all
// jobs that ended before a moment are in it.
const settles = time.Minute

// maxTries is how often a job is tried that cannot be written.
const maxTries = 3

// Begin returns the record of a rejudge that is ordered.
func Begin(f Filter, pool string, o roster.Order, writeID string) Many {
	return Many{
		ID: fmt.Sprintf("%013d-%s", o.At, writeID), Filter: f, Pool: pool, By: o.By, Why: o.Why, State: Running,
		StartedAt: o.At, UpdatedAt: o.At, Step: FirstStep, Revision: 1, WriteID: writeID,
	}
}

// Repeats reports whether an order that would begin other is a repetition of the one
// that has begun m.
func (m Many) Repeats(other Many) bool {
	return m.Same(other.Filter) && m.Pool == other.Pool && m.By == other.By && m.Why == other.Why
}

// Running reports whether m goes on.
func (m Many) Running() bool { return m.State == Running }

// ExpiresAt is when a store may forget m; 0: never as it is.
func (m Many) ExpiresAt() job.Time {
	if m.EndedAt == 0 {
		return 0
	}
	return m.EndedAt.Add(Kept)
}

// Ready reports whether the search may begin.
func (m Many) Ready(now job.Time) bool { return now >= m.StartedAt.Add(settles) }

// Before is the time before which its jobs have ended.
func (m Many) Before() job.Time {
	if m.To != 0 && m.To <= m.StartedAt {
		return m.To
	}
	return m.StartedAt + 1
}

// Takes reports whether m is of a final job with a state, a status and an end before
// Before.
func (m Many) Takes(state job.State, status int, endedAt job.Time) bool {
	return state == job.Finished && (m.Status == nil || *m.Status == status) && endedAt >= m.From
}

// Group is what fair queues go by for its messages. No job can be in it, as in
// job.RejudgeGroup.
func (m Many) Group() string { return "#" + m.ID }

// Paced returns m with the step that follows from how many messages wait where the
// last one was sent.
func (m Many) Paced(waiting int) Many {
	switch {
	case waiting == 0 && m.Rejudged > 0:
		m.Step = min(2*m.Step, MostStep)
	case waiting > m.Step:
		m.Step = max(m.Step/2, LeastStep)
	}
	return m
}

// Tried returns m after a run over its pending jobs that has left some; failed: some of
// them could not be written.
func (m Many) Tried(left []Pending, failed bool) Many {
	m.Pending = left
	if !failed {
		m.Tries = 0
		return m
	}
	if m.Tries++; m.Tries >= maxTries {
		m.Failed += len(left)
		m.Pending, m.Tries = nil, 0
	}
	return m
}

// Finish returns m at its end.
func (m Many) Finish(now job.Time) Many {
	m.State, m.EndedAt, m.Matched, m.Cursor = Done, now, m.sum(), ""
	return m
}

// Stop returns m after an order to stop. Pending jobs may have been done: the run that
// does them settles it.
func (m Many) Stop(o roster.Order) Many {
	m.State, m.EndedAt, m.UpdatedAt = Stopped, o.At, o.At
	return m
}

// Settle returns m, which was stopped during a run, with what that run did: it came from
// one record to another. Settle returns false if m has that already, or if the run did
// nothing.
func (m Many) Settle(from, to Many) (Many, bool) {
	if m.Running() || len(m.Pending) == 0 || !slices.Equal(m.Pending, from.Pending) {
		return m, false
	}
	m.Rejudged, m.Skipped, m.Failed = m.Rejudged+to.Rejudged-from.Rejudged, m.Skipped+to.Skipped-from.Skipped, m.Failed+to.Failed-from.Failed
	m.Pending, m.Tries = nil, 0
	return m, true
}

func (m Many) sum() int { return m.Rejudged + m.Skipped + m.Failed }

// PendingText is what a store keeps of Pending, which PendingIn reads.
func PendingText(pending []Pending) string {
	texts := make([]string, len(pending))
	for i, p := range pending {
		texts[i] = strconv.Itoa(p.Generation) + ":" + p.Job
	}
	return strings.Join(texts, ",")
}

// PendingIn returns the Pending of a text.
func PendingIn(text string) (pending []Pending) {
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		generation, id, _ := strings.Cut(part, ":")
		n, err := strconv.Atoi(generation)
		if err != nil {
			continue
		}
		pending = append(pending, Pending{id, n})
	}
	return pending
}
