package durable

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// finalName is a job's place among the final ones of its problem, newest first; "": it
// has none.
func finalName(j job.Job) string {
	f, final := dispatch.FinalJobOf(j)
	if !final {
		return ""
	}
	return backwards(problemPrefix(f.Problem), f)
}

// disputeName is a job's place among the disputed ones.
func disputeName(j job.Job) string {
	f, final := dispatch.FinalJobOf(j)
	if !final || !f.Disputed {
		return ""
	}
	return backwards(problemPrefix(^f.Problem), f)
}

func problemPrefix(problem int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(problem))
}

// backwards sorts by the latest end, then by the highest id.
func backwards(prefix []byte, f dispatch.FinalJob) string {
	name := binary.BigEndian.AppendUint64(prefix, ^uint64(f.EndedAt))
	for _, c := range []byte(f.ID) {
		name = append(name, ^c)
	}
	return string(append(name, 0xff)) // behind every longer id
}

// FinalOf lists final jobs of a problem, newest first.
func (s *Store) FinalOf(ctx context.Context, problem int, cursor string, limit int) ([]dispatch.FinalJob, bool, error) {
	return s.finalBehind(ctx, finals, finalName, problem, string(problemPrefix(problem)), cursor, limit)
}

// Disputed lists final jobs that are disputed.
func (s *Store) Disputed(ctx context.Context, cursor string, limit int) ([]dispatch.FinalJob, bool, error) {
	return s.finalBehind(ctx, disputes, disputeName, 0, "", cursor, limit)
}

// finalBehind reads places, and then the jobs that say the rest.
func (s *Store) finalBehind(ctx context.Context, t table, placeOf func(job.Job) string, problem int, prefix, cursor string, limit int) (page []dispatch.FinalJob, more bool, err error) {
	behind := prefix
	if cursor != "" {
		at, ours := dispatch.ReadFinalCursor(cursor, problem)
		if !ours {
			return nil, false, fmt.Errorf("read cursor: %q is none", cursor)
		}
		behind = backwards(problemPrefix(at.Problem), at)
		if problem == 0 {
			behind = backwards(problemPrefix(^at.Problem), at)
		}
	}
	var ids, names []string
	err = s.db.scan(t, behind, func(name string, _ []byte) (bool, error) {
		if !strings.HasPrefix(name, prefix) {
			return false, nil
		}
		if len(ids) == limit {
			more = true
			return false, nil
		}
		id := []byte(name[len("pppp")+len("tttttttt") : len(name)-1])
		for i := range id {
			id[i] = ^id[i]
		}
		ids, names = append(ids, string(id)), append(names, name)
		return true, nil
	})
	if err != nil {
		return nil, false, err
	}
	found, err := s.GetMany(ctx, ids)
	if err != nil {
		return nil, false, err
	}
	for i, id := range ids {
		if f, final := dispatch.FinalJobOf(found[id]); final && placeOf(found[id]) == names[i] { // it has not moved since
			page = append(page, f)
		}
	}
	return page, more, nil
}
