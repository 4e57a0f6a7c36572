package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"runlease/shared/announce"
	"runlease/shared/dispatch"
	"runlease/shared/job"
	"runlease/shared/problem"
)

// Store is dispatch.Store in memory. Jobs and problems are values whose slices
// are never changed in place, so what it gives out and takes in is not copied.
type Store struct {
	mu       sync.RWMutex
	jobs     map[string]job.Job
	codes    map[string]map[string]dispatch.Code // by job and hash
	open     [dispatch.Shards][]dispatch.OpenJob // each sorted by openOrder
	ended    []dispatch.EndedJob                 // sorted by endedOrder
	problems map[int]problem.Problem
	versions map[versionKey]problem.Content
	mark     dispatch.Mark
	// Webhooks gets a letter for each endpoint when a job becomes final; nil: nobody
	// is told. To be set before the first use.
	Webhooks *Webhooks
}

type versionKey struct{ id, number int }

// NewStore returns an empty Store.
func NewStore() *Store {
	return &Store{
		jobs:     make(map[string]job.Job),
		codes:    make(map[string]map[string]dispatch.Code),
		problems: make(map[int]problem.Problem),
		versions: make(map[versionKey]problem.Content),
	}
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

// Save writes a job if nobody has since before was read.
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

// DeleteJob removes a job if nobody has written it since it was read.
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

// put writes a job and moves its entry in the index.
func (s *Store) put(before, after job.Job) {
	s.jobs[after.ID] = after
	s.moveEnded(before, after)
	was, is := openEntry(before), openEntry(after)
	if before.Open() == after.Open() && was == is {
		return
	}
	shard := &s.open[dispatch.ShardOf(after.ID)]
	if before.Open() {
		if i, found := slices.BinarySearchFunc(*shard, was, openOrder); found {
			*shard = slices.Delete(*shard, i, i+1)
		}
	}
	if after.Open() {
		i, _ := slices.BinarySearchFunc(*shard, is, openOrder)
		*shard = slices.Insert(*shard, i, is)
	}
}

func openEntry(j job.Job) dispatch.OpenJob {
	return dispatch.OpenJob{ID: j.ID, QueuedAt: j.QueuedAt}
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
	all := s.open[shard]
	from := 0
	if cursor != "" {
		var last dispatch.OpenJob
		if _, err := fmt.Sscanf(cursor, "%d#%s", &last.QueuedAt, &last.ID); err != nil {
			return nil, "", fmt.Errorf("read cursor: %w", err)
		}
		i, found := slices.BinarySearchFunc(all, last, openOrder)
		if found {
			i++
		}
		from = i
	}
	to := min(from+limit, len(all))
	page := slices.Clone(all[from:to])
	if to == len(all) {
		return page, "", nil
	}
	last := all[to-1]
	return page, fmt.Sprintf("%d#%s", last.QueuedAt, last.ID), nil
}

// moveEnded moves a job's entry in the index of final jobs.
func (s *Store) moveEnded(before, after job.Job) {
	was, is := endedEntry(before), endedEntry(after)
	if was == is {
		return
	}
	if i, found := slices.BinarySearchFunc(s.ended, was, endedOrder); found {
		s.ended = slices.Delete(s.ended, i, i+1)
	}
	if after.Final() {
		i, _ := slices.BinarySearchFunc(s.ended, is, endedOrder)
		s.ended = slices.Insert(s.ended, i, is)
	}
}

// endedEntry is the zero EndedJob for a job that is not final.
func endedEntry(j job.Job) dispatch.EndedJob {
	if !j.Final() {
		return dispatch.EndedJob{}
	}
	return dispatch.EndedJob{ID: j.ID, Generation: j.Generation, State: j.State, EndedAt: j.EndedAt}
}

func endedOrder(a, b dispatch.EndedJob) int {
	return cmp.Or(cmp.Compare(a.EndedAt, b.EndedAt), strings.Compare(a.ID, b.ID))
}

// Ended lists final jobs that ended after a time.
func (s *Store) Ended(_ context.Context, after job.Time, limit int) ([]dispatch.EndedJob, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	from, _ := slices.BinarySearchFunc(s.ended, dispatch.EndedJob{EndedAt: after + 1}, endedOrder)
	page, more := dispatch.PageOf(s.ended[from:], limit)
	return slices.Clone(page), more, nil
}

// Problem reads a problem.
func (s *Store) Problem(_ context.Context, id int) (problem.Problem, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, found := s.problems[id]
	return p, found, nil
}

// SaveProblem writes a problem if nobody has since before was read, and with it
// the record of a new version.
func (s *Store) SaveProblem(_ context.Context, before, after problem.Problem) (problem.Problem, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.problems[after.ID]
	if current.Revision != before.Revision {
		return current, current.WriteID == after.WriteID, nil
	}
	s.problems[after.ID] = after
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
	for _, id := range slices.Sorted(maps.Keys(s.problems)) {
		if id > after && len(page) < limit {
			page = append(page, dispatch.ListedProblem{ID: id, Version: s.problems[id].Version})
		}
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

// SaveMark writes where the sweep stands if nobody has since before was read.
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
	for id, j := range s.jobs {
		if at := j.ExpiresAt(); at != 0 && at < now {
			s.moveEnded(j, job.Job{})
			delete(s.jobs, id)
			delete(s.codes, id)
			dropped++
		}
	}
	return dropped, nil
}
