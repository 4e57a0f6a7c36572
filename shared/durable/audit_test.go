package durable_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"runlease/shared/durable"
	"runlease/shared/job"
	"runlease/shared/roster"
	"runlease/shared/testkit/until"
)

// act pauses a target, at a time, which puts an entry into the audit.
func act(t *testing.T, s *durable.Store, n int) (key string, err error) {
	p := roster.Pause{Target: roster.ProblemTarget(n), At: job.Time(n), WriteID: fmt.Sprintf("%016x", n)}
	e := roster.Order{Act: roster.ActPause, At: p.At}.Entry(p.Target, p.WriteID)
	_, err = s.SavePause(t.Context(), p, e)
	return e.Key(), err
}

func settled(t *testing.T, db *durable.DB) {
	t.Helper()
	until.True(t, until.Hang, "the journal has no rows", func() bool { return db.Stats().Waiting == 0 })
}

// TestAuditBackwards: every entry once, newest first, whether it is in its table or in
// the journal.
func TestAuditBackwards(t *testing.T) {
	db := opened(t, t.TempDir())
	var keys []string
	for _, odd := range []int{0, 1} { // those in between come when the others are in their table
		for n := range 60 {
			key, err := act(t, db.Store(), 2*n+1+odd)
			check(t, err)
			keys = append(keys, key)
		}
		if odd == 0 {
			settled(t, db)
		}
	}
	slices.Sort(keys)
	slices.Reverse(keys)
	for _, limit := range []int{1, 7, 120, 200} {
		var got []string
		for before := ""; ; before = got[len(got)-1] {
			page, err := db.Store().Audit(t.Context(), before, limit)
			check(t, err)
			for _, e := range page {
				got = append(got, e.Key())
			}
			if len(page) < limit {
				break
			}
		}
		if !slices.Equal(got, keys) {
			t.Errorf("pages of %d: %d entries, want %d\n%v", limit, len(got), len(keys), got)
		}
	}
}

// TestAuditCostsTheSame: the newest entries take no longer where there are many.
func TestAuditCostsTheSame(t *testing.T) {
	least := func(entries int) time.Duration {
		db := opened(t, t.TempDir())
		var writers errgroup.Group
		writers.SetLimit(500)
		for n := range entries {
			writers.Go(func() error { _, err := act(t, db.Store(), n+1); return err })
		}
		check(t, writers.Wait())
		settled(t, db)
		least := time.Hour
		for range 20 {
			began := time.Now()
			if page, err := db.Store().Audit(t.Context(), "", 10); err != nil || len(page) != 10 {
				t.Fatal(len(page), err)
			}
			least = min(least, time.Since(began))
		}
		return least
	}
	if few, many := least(20), least(5000); many > 20*few {
		t.Errorf("%v with 20 entries, %v with 5,000", few, many)
	}
}
