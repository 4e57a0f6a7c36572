package memory

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"

	"runlease/shared/announce"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// Store is dispatch.Store in memory. Jobs and problems are values whose slices
// are never changed in place, so what it gives out and takes in is not copied.
type Store struct {
	mu        sync.RWMutex
	jobs      map[string]job.Job
	codes     map[string][]code // by job
	open      [dispatch.Shards]index[dispatch.OpenJob]
	ended     index[dispatch.EndedJob]
	final     map[int]index[dispatch.FinalJob] // by problem; 0: disputed jobs
	created   index[createdJob]                // jobs not submitted yet
	problems  map[int]problem.Problem
	ids       index[int] // of problems
	versions  map[versionKey]problem.Content
	mark      dispatch.Mark
	runners   map[string]roster.Runner
	names     index[string]           // of runners
	audit     map[string]roster.Entry // by key
	acts      index[string]           // keys of the audit
	pauses    map[string]roster.Pause // by target
	rejudges  map[string]rejudge.Many
	begun     index[string]  // ids of rejudges
	rejudging map[int]string // ids of running rejudges, by problem
	// Webhooks gets a letter for each endpoint when a job becomes final; nil: there are no
	// letters. To be set before the first use.
	Webhooks *Webhooks
}

type code struct {
	sha256 string
	zip    []byte
}

type versionKey struct{ id, number int }

// NewStore returns an empty Store.
func NewStore() *Store {
	s := &Store{
		jobs:      make(map[string]job.Job),
		ended:     newIndex(endedOrder),
		created:   newIndex(createdOrder),
		ids:       newIndex(cmp.Compare[int]),
		names:     newIndex(cmp.Compare[string]),
		acts:      newIndex(cmp.Compare[string]),
		final:     make(map[int]index[dispatch.FinalJob]),
		codes:     make(map[string][]code),
		problems:  make(map[int]problem.Problem),
		versions:  make(map[versionKey]problem.Content),
		runners:   make(map[string]roster.Runner),
		audit:     make(map[string]roster.Entry),
		pauses:    make(map[string]roster.Pause),
		rejudges:  make(map[string]rejudge.Many),
		begun:     newIndex(cmp.Compare[string]),
		rejudging: make(map[int]string),
	}
	for i := range s.open {
		s.open[i] = newIndex(openOrder)
	}
	return s
}

// Get reads a job.
func (s *Store) Get(_ context.Context, id string) (job.Job, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	j, found := s.jobs[id]
	return j, found, nil
}

// GetMany reads the jobs that exist.
func (s *Store) GetMany(_ context.Context, ids []string) (map[string]job.Job, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make(map[string]job.Job, len(ids))
	for _, id := range ids {
		if j, exists := s.jobs[id]; exists {
			found[id] = j
		}
	}
	return found, nil
}

// Create writes a new job if its id is free.
func (s *Store) Create(_ context.Context, j job.Job) (job.Job, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current, taken := s.jobs[j.ID]; taken {
		return current, current.WriteID == j.WriteID, nil
	}
	s.put(job.Job{}, j)
	return j, true, nil
}

// Save writes a job if it was not written since before was read.
func (s *Store) Save(ctx context.Context, before, after job.Job) (job.Job, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, found := s.jobs[after.ID]
	if !found || current.Revision != before.Revision {
		return current, found && current.WriteID == after.WriteID, nil
	}
	s.put(current, after)
	if s.Webhooks != nil && announce.Step(current, after) {
		_ = s.Webhooks.Add(ctx, s.Webhooks.Final(after)) // never fails
	}
	return after, true, nil
}

// DeleteJob removes a job if it was not written since it was read.
func (s *Store) DeleteJob(_ context.Context, j job.Job) (job.Job, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, found := s.jobs[j.ID]
	if !found || current.Revision != j.Revision {
		return current, false, nil
	}
	s.put(current, job.Job{ID: j.ID}) // takes its entry out of the index
	delete(s.jobs, j.ID)
	return j, true, nil
}

// put writes a job and moves its entries in the indexes.
func (s *Store) put(before, after job.Job) {
	s.jobs[after.ID] = after
	s.move(before, after)
}

// move moves a job's entries in the indexes.
func (s *Store) move(before, after job.Job) {
	s.open[dispatch.ShardOf(cmp.Or(after.ID, before.ID))].move(openEntry, before, after)
	s.ended.move(endedEntry, before, after)
	s.created.move(createdEntry, before, after)
	s.moveFinal(before, after)
}

func openEntry(j job.Job) (dispatch.OpenJob, bool) {
	return dispatch.OpenJob{ID: j.ID, QueuedAt: j.QueuedAt}, j.Open()
}

func openOrder(a, b dispatch.OpenJob) int {
	if a.QueuedAt != b.QueuedAt {
		return cmp.Compare(a.QueuedAt, b.QueuedAt)
	}
	return strings.Compare(a.ID, b.ID)
}

// Open lists open jobs of a shard, oldest first, behind a cursor.
func (s *Store) Open(_ context.Context, shard int, cursor string, limit int) ([]dispatch.OpenJob, string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var after *dispatch.OpenJob
	if cursor != "" {
		after = new(dispatch.OpenJob)
		if _, err := fmt.Sscanf(cursor, "%d#%s", &after.QueuedAt, &after.ID); err != nil {
			return nil, "", fmt.Errorf("read cursor: %w", err)
		}
	}
	page, more := s.open[shard].behind(after, limit)
	if !more {
		return page, "", nil
	}
	return page, page[len(page)-1].Cursor(), nil
}

func endedEntry(j job.Job) (dispatch.EndedJob, bool) {
	return dispatch.EndedJob{ID: j.ID, Generation: j.Generation, State: j.State, EndedAt: j.EndedAt}, j.Final()
}

func endedOrder(a, b dispatch.EndedJob) int {
	if a.EndedAt != b.EndedAt {
		return cmp.Compare(a.EndedAt, b.EndedAt)
	}
	return strings.Compare(a.ID, b.ID)
}

type createdJob struct {
	at job.Time
	id string
}

func createdEntry(j job.Job) (createdJob, bool) {
	return createdJob{j.CreatedAt, j.ID}, j.State == job.Created
}

func createdOrder(a, b createdJob) int {
	return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.id, b.id))
}

// Ended lists final jobs that ended after a time.
func (s *Store) Ended(_ context.Context, after job.Time, limit int) ([]dispatch.EndedJob, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []dispatch.EndedJob
	s.ended.AscendGreaterOrEqual(dispatch.EndedJob{EndedAt: after + 1}, func(e dispatch.EndedJob) bool {
		found = append(found, e)
		return len(found) <= limit || e.EndedAt == found[0].EndedAt
	})
	page, more := dispatch.PageOf(found, limit)
	return page, more, nil
}

// Problem reads a problem.
func (s *Store) Problem(_ context.Context, id int) (problem.Problem, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, found := s.problems[id]
	return p, found, nil
}

// SaveProblem writes a problem if it was not written since before was read, and with it
// the record of a new version.
func (s *Store) SaveProblem(_ context.Context, before, after problem.Problem) (problem.Problem, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.problems[after.ID]
	if current.Revision != before.Revision {
		return current, current.WriteID == after.WriteID, nil
	}
	s.problems[after.ID] = after
	s.ids.ReplaceOrInsert(after.ID)
	if after.Version != before.Version {
		s.versions[versionKey{after.ID, after.Version}] = after.Current
	}
	return after, true, nil
}

// ProblemVersion reads a published version.
func (s *Store) ProblemVersion(_ context.Context, id, number int) (problem.Content, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, found := s.versions[versionKey{id, number}]
	return c, found, nil
}

// Problems lists problems by id.
func (s *Store) Problems(_ context.Context, after, limit int) ([]dispatch.ListedProblem, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var page []dispatch.ListedProblem
	ids, _ := s.ids.behind(&after, limit)
	for _, id := range ids {
		page = append(page, dispatch.ListedProblem{ID: id, Version: s.problems[id].Version})
	}
	return page, nil
}

// ProblemVersions lists versions of a problem by number.
func (s *Store) ProblemVersions(_ context.Context, id, after, limit int) (page []dispatch.PublishedVersion, _ error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for number := after + 1; len(page) < limit; number++ {
		c, found := s.versions[versionKey{id, number}]
		if !found {
			break
		}
		page = append(page, dispatch.PublishedVersion{Number: number, Content: c})
	}
	return page, nil
}

// Mark reads where the sweep stands.
func (s *Store) Mark(context.Context) (dispatch.Mark, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mark, nil
}

// SaveMark writes where the sweep stands if it was not written since before was read.
func (s *Store) SaveMark(_ context.Context, before, after dispatch.Mark) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mark.Revision != before.Revision {
		return false, nil
	}
	s.mark = after
	return true, nil
}

// Expire drops what may be forgotten, as a table's time to live does.
func (s *Store) Expire(_ context.Context, now job.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dropped := 0
	drop := func(id string) bool {
		j := s.jobs[id]
		if j.ExpiresAt() >= now {
			return false
		}
		s.move(j, job.Job{})
		delete(s.jobs, id)
		delete(s.codes, id)
		dropped++
		return true
	}
	// Both indexes begin with what expires first.
	for more := true; more; {
		first, any := s.ended.Min()
		more = any && drop(first.ID)
	}
	for more := true; more; {
		first, any := s.created.Min()
		more = any && drop(first.id)
	}
	s.expireRunners(now)
	return dropped, nil
}
