package memory

import (
	"bytes"
	"context"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// PutCode keeps the code of a job, until the job is forgotten.
func (s *Store) PutCode(_ context.Context, j job.Job, zip []byte, _ job.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.codes[j.ID]
	if of == nil {
		of = make(map[string]dispatch.Code, 1)
		s.codes[j.ID] = of
	}
	of[j.Code.SHA256] = dispatch.Code{Zip: bytes.Clone(zip)}
	return nil
}

// ReadCodes reads the code of jobs.
func (s *Store) ReadCodes(_ context.Context, of []job.Job) (map[string]dispatch.Code, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make(map[string]dispatch.Code, len(of))
	for _, j := range of {
		if c, exists := s.codes[j.ID][j.Code.SHA256]; exists {
			found[j.ID] = c
		}
	}
	return found, nil
}

// KeepCode reports whether the code of a job is there: it is kept as long as the
// job is.
func (s *Store) KeepCode(_ context.Context, j job.Job, _ job.Time) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, exists := s.codes[j.ID][j.Code.SHA256]
	return exists, nil
}

// RemoveCode removes the code of a job, and what else was handed in under its id.
func (s *Store) RemoveCode(_ context.Context, j job.Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.codes, j.ID)
	return nil
}
