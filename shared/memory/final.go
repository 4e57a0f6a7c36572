package memory

import (
	"context"
	"fmt"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// disputed is the key of disputed jobs, beside the numbers of problems.
const disputed = 0

// moveFinal moves a job's entries in the index of final jobs by problem.
func (s *Store) moveFinal(before, after job.Job) {
	was, left := dispatch.FinalJobOf(before)
	is, came := dispatch.FinalJobOf(after)
	if was == is {
		return
	}
	if left {
		s.finalOf(was.Problem).Delete(was)
		s.finalOf(disputed).Delete(was)
	}
	if came {
		s.finalOf(is.Problem).ReplaceOrInsert(is)
		if is.Disputed {
			s.finalOf(disputed).ReplaceOrInsert(is)
		}
	}
}

// finalOf returns the index of a problem's final jobs, or of disputed jobs.
func (s *Store) finalOf(problem int) index[dispatch.FinalJob] {
	all, found := s.final[problem]
	if !found {
		all = newIndex(dispatch.NewestFirst)
		s.final[problem] = all
	}
	return all
}

// FinalOf lists final jobs of a problem, newest first.
func (s *Store) FinalOf(_ context.Context, problem int, cursor string, limit int) ([]dispatch.FinalJob, bool, error) {
	return s.finalBehind(problem, cursor, limit)
}

// Disputed lists final jobs that are disputed.
func (s *Store) Disputed(_ context.Context, cursor string, limit int) ([]dispatch.FinalJob, bool, error) {
	return s.finalBehind(disputed, cursor, limit)
}

func (s *Store) finalBehind(of int, cursor string, limit int) ([]dispatch.FinalJob, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all, found := s.final[of]
	if !found {
		all = newIndex(dispatch.NewestFirst)
	}
	var after *dispatch.FinalJob
	if cursor != "" {
		last, ours := dispatch.ReadFinalCursor(cursor, of)
		if !ours {
			return nil, false, fmt.Errorf("read cursor: %q is none", cursor)
		}
		after = &last
	}
	page, more := all.behind(after, limit)
	return page, more, nil
}
