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
	for _, m := range s.rejudges {
		if before.Revision == 0 && m.Running() && m.Problem == after.Problem {
			return m, false, nil
		}
	}
	s.rejudges[after.ID] = after
	if e != nil {
		s.note(*e)
	}
	return after, true, nil
}

// Rejudges lists them, the last that began in front.
func (s *Store) Rejudges(_ context.Context, before string, limit int) ([]rejudge.Many, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var page []rejudge.Many
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(s.rejudges))) {
		if (before == "" || id < before) && len(page) < limit {
			page = append(page, s.rejudges[id])
		}
	}
	return page, nil
}

// RunningRejudges lists the ids of running rejudges.
func (s *Store) RunningRejudges(_ context.Context, limit int) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(s.rejudges)) {
		if s.rejudges[id].Running() && len(ids) < limit {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
