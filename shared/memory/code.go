package memory

import (
	"context"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// PutCode keeps the code of a job, until the job is forgotten.
func (s *Store) PutCode(_ context.Context, j job.Job, zip []byte, _ job.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.code(j); !exists {
		s.codes[j.ID] = append(s.codes[j.ID], code{j.Code.SHA256, zip})
	}
	return nil
}

// code finds the code of a job.
func (s *Store) code(j job.Job) (zip []byte, exists bool) {
	for _, c := range s.codes[j.ID] {
		if c.sha256 == j.Code.SHA256 {
			return c.zip, true
		}
	}
	return nil, false
}

// ReadCodes reads the code of jobs.
func (s *Store) ReadCodes(_ context.Context, of []job.Job) (map[string]dispatch.Code, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make(map[string]dispatch.Code, len(of))
	for _, j := range of {
		if zip, exists := s.code(j); exists {
			found[j.ID] = dispatch.Code{Zip: zip}
		}
	}
	return found, nil
}

// KeepCode reports whether the code of a job is there: it is kept as long as the
// job is.
func (s *Store) KeepCode(_ context.Context, j job.Job, _ job.Time) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, exists := s.code(j)
	return exists, nil
}

// RemoveCode removes the code of a job, and what else was handed in under its id.
func (s *Store) RemoveCode(_ context.Context, j job.Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.codes, j.ID)
	return nil
}
