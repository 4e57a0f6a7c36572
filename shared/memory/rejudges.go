package memory

import (
	"context"
	"maps"
	"slices"

	"runlease/shared/rejudge"
	"runlease/shared/roster"
)

// Rejudge reads a rejudge of many.
func (s *Store) Rejudge(_ context.Context, id string) (rejudge.Many, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	m, found := s.rejudges[id]
	return m, found, nil
}

// SaveRejudge writes one if it was not written since before was read, and no other of its
// problem runs if it is new.
func (s *Store) SaveRejudge(_ context.Context, before, after rejudge.Many, e *roster.Entry) (rejudge.Many, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.rejudges[after.ID]
	if current.Revision != before.Revision {
		return current, current.WriteID == after.WriteID, nil
	}
	if running, any := s.rejudging[after.Problem]; any && before.Revision == 0 {
		return s.rejudges[running], false, nil
	}
	s.rejudges[after.ID] = after
	s.begun.ReplaceOrInsert(after.ID)
	if after.Running() {
		s.rejudging[after.Problem] = after.ID
	} else if before.Running() {
		delete(s.rejudging, after.Problem)
	}
	if e != nil {
		s.note(*e)
	}
	return after, true, nil
}

// Rejudges lists them, the last that began in front.
func (s *Store) Rejudges(_ context.Context, before string, limit int) ([]rejudge.Many, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	end := &before
	if before == "" {
		end = nil
	}
	var page []rejudge.Many
	for _, id := range s.begun.before(end, limit) {
		page = append(page, s.rejudges[id])
	}
	return page, nil
}

// RunningRejudges lists the ids of running rejudges.
func (s *Store) RunningRejudges(_ context.Context, limit int) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := slices.Sorted(maps.Values(s.rejudging))
	return ids[:min(len(ids), limit)], nil
}
