package storetest

import (
	"testing"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

func mark(t *testing.T, s dispatch.Store) dispatch.Mark {
	t.Helper()
	m, err := s.Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func saveMark(t *testing.T, s dispatch.Store, before, after dispatch.Mark) {
	t.Helper()
	saved, err := s.SaveMark(t.Context(), before, after)
	if err != nil || !saved {
		t.Fatalf("SaveMark: saved %v, error %v", saved, err)
	}
	same(t, mark(t, s), after)
}

func markZero(t *testing.T, s dispatch.Store) {
	same(t, mark(t, s), dispatch.Mark{})
}

func markRoundTrip(t *testing.T, s dispatch.Store) {
	a := dispatch.Mark{Revision: 1, Shard: 7, Cursor: "0001772366400000#job-1", SilentSince: t0}
	b := dispatch.Mark{Revision: 2, Shard: 0, Cursor: "", SilentSince: 0}
	c := dispatch.Mark{Revision: 3, Shard: 1, Cursor: "x", SilentSince: 1}
	saveMark(t, s, dispatch.Mark{}, a)
	saveMark(t, s, a, b)
	saveMark(t, s, b, c)
}

func markConflict(t *testing.T, s dispatch.Store) {
	theirs := dispatch.Mark{Revision: 1, Shard: 2}
	saveMark(t, s, dispatch.Mark{}, theirs)
	for _, before := range []dispatch.Mark{{}, {Revision: 2}} {
		saved, err := s.SaveMark(t.Context(), before, dispatch.Mark{Revision: before.Revision + 1, Shard: 3})
		if err != nil || saved {
			t.Errorf("on version %d: saved %v, error %v", before.Revision, saved, err)
		}
		same(t, mark(t, s), theirs)
	}
}

func markRace(t *testing.T, s dispatch.Store) {
	won := race(t, func(i int) (dispatch.Mark, bool, error) {
		mine := dispatch.Mark{Revision: 1, Shard: i % dispatch.Shards, SilentSince: job.Time(1 + i)}
		saved, err := s.SaveMark(t.Context(), dispatch.Mark{}, mine)
		return mine, saved, err
	})
	same(t, mark(t, s), won)
}

func markIsNoJob(t *testing.T, s dispatch.Store) {
	saveMark(t, s, dispatch.Mark{}, dispatch.Mark{Revision: 1, Shard: 2, Cursor: "c", SilentSince: t0})
	eventuallyListed(t, s)
}
