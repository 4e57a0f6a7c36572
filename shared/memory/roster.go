package memory

import (
	"context"
	"maps"
	"slices"

	"runlease/shared/job"
	"runlease/shared/roster"
)

// Runner reads the record of a runner.
func (s *Store) Runner(_ context.Context, name string) (roster.Runner, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, found := s.runners[name]
	return r, found, nil
}

// SaveRunner writes a record if it was not written since before was read.
func (s *Store) SaveRunner(_ context.Context, before, after roster.Runner) (roster.Runner, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, saved := s.saveRunner(before, after)
	return current, saved || current.WriteID == after.WriteID, nil
}

func (s *Store) saveRunner(before, after roster.Runner) (current roster.Runner, saved bool) {
	current = s.runners[after.Name]
	if current.Revision != before.Revision {
		return current, false
	}
	s.runners[after.Name] = after
	s.names.ReplaceOrInsert(after.Name)
	return after, true
}

// Runners lists records by name.
func (s *Store) Runners(_ context.Context, after string, limit int) ([]roster.Runner, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var page []roster.Runner
	names, _ := s.names.behind(&after, limit)
	for _, name := range names {
		page = append(page, s.runners[name])
	}
	return page, nil
}

// ActOnRunner writes a record and what the audit keeps of it.
func (s *Store) ActOnRunner(_ context.Context, before, after roster.Runner, e roster.Entry) (roster.Runner, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, saved := s.saveRunner(before, after)
	if saved {
		s.note(e)
	}
	return current, saved || current.WriteID == after.WriteID, nil
}

// note writes an entry of the audit.
func (s *Store) note(e roster.Entry) {
	s.audit[e.Key()] = e
	s.acts.ReplaceOrInsert(e.Key())
}

// SavePause writes a pause of a target that has none.
func (s *Store) SavePause(_ context.Context, p roster.Pause, e roster.Entry) (roster.Pause, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current, paused := s.pauses[p.Target]; paused {
		return current, nil
	}
	s.pauses[p.Target] = p
	s.note(e)
	return p, nil
}

// DeletePause takes a pause away.
func (s *Store) DeletePause(_ context.Context, p roster.Pause, e roster.Entry) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pauses[p.Target].WriteID != p.WriteID {
		return false, nil
	}
	delete(s.pauses, p.Target)
	s.note(e)
	return true, nil
}

// Pauses lists all pauses.
func (s *Store) Pauses(context.Context) ([]roster.Pause, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []roster.Pause
	for _, target := range slices.Sorted(maps.Keys(s.pauses)) {
		all = append(all, s.pauses[target])
	}
	return all, nil
}

// Audit lists entries, newest first.
func (s *Store) Audit(_ context.Context, before string, limit int) ([]roster.Entry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	end := &before
	if before == "" {
		end = nil
	}
	var page []roster.Entry
	for _, key := range s.acts.before(end, limit) {
		page = append(page, s.audit[key])
	}
	return page, nil
}

// expireRunners drops the records of runners that have been silent for long, and old
// entries of the audit and rejudges of many.
func (s *Store) expireRunners(now job.Time) {
	for {
		key, any := s.acts.Min() // the oldest
		if !any || s.audit[key].ExpiresAt() >= now {
			break
		}
		s.acts.DeleteMin()
		delete(s.audit, key)
	}
	for name, r := range s.runners {
		if r.ExpiresAt() < now {
			s.names.Delete(name)
			delete(s.runners, name)
		}
	}
	for id, m := range s.rejudges {
		if m.ExpiresAt() != 0 && m.ExpiresAt() < now {
			s.begun.Delete(id)
			delete(s.rejudges, id)
		}
	}
}
