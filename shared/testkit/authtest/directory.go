package authtest

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runlease/shared/auth"
	"runlease/shared/testkit/until"
)

// patience is how long an index may take to show what was written.
const patience = until.Hang

// Directory runs the suite. Each test gets an empty directory.
func Directory(t *testing.T, empty func(t *testing.T) auth.Directory) {
	tests := []struct {
		name string
		run  func(t *testing.T, d auth.Directory)
	}{
		{"what was put is found by its hash, whole", putThenLookup},
		{"an unknown hash is not found", unknownHash},
		{"a taken hash is not overwritten", takenHash},
		{"putting the same again is granted", putAgain},
		{"of many that put one hash, one stores", putRace},
		{"list shows all kinds in the order of their ids, page by page", listPages},
		{"an empty directory lists nothing", listEmpty},
		{"revoke is seen by the next look-up and by list", revoke},
		{"revoking again keeps the first time", revokeAgain},
		{"an unknown id is not revoked, and nothing is made of it", revokeUnknown},
		{"revoke leaves the others alone", revokeOne},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, empty(t)) })
	}
}

// day is a time of the resolution that stores keep.
var day = time.Date(2026, 3, 1, 12, 30, 15, 123_000_000, time.UTC)

// samples are one credential of every shape.
func samples(t *testing.T) []auth.Credential {
	t.Helper()
	return []auth.Credential{
		sample(t, auth.Credential{Kind: auth.Runner, Name: "judge-1", Runner: "judge-1"}),
		sample(t, auth.Credential{Kind: auth.Runner, Name: "fleet", Fleet: true, ExpiresAt: day.Add(24 * time.Hour)}),
		sample(t, auth.Credential{Kind: auth.Producer, Name: "web", Scopes: []string{"jobs:write", "jobs:read"}}),
		sample(t, auth.Credential{Kind: auth.Producer, Name: "old", Scopes: []string{"jobs:read"}, ExpiresAt: day.Add(time.Hour), RevokedAt: day.Add(time.Minute)}),
	}
}

func sample(t *testing.T, c auth.Credential) auth.Credential {
	t.Helper()
	token, err := auth.New(c.Kind, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.Hash = auth.Hash(token)
	c.ID = auth.IDOf(c.Hash)
	c.CreatedAt = day
	return c
}

// same compares as the contract promises: no scopes are no scopes, and a time
// is a moment.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func put(t *testing.T, d auth.Directory, all ...auth.Credential) {
	t.Helper()
	for _, c := range all {
		stored, err := d.Put(t.Context(), c)
		if err != nil {
			t.Fatalf("put: %v", err)
		}
		if !stored {
			t.Fatalf("put of a new credential was refused")
		}
	}
}

func lookup(t *testing.T, d auth.Directory, hash string) auth.Credential {
	t.Helper()
	c, found, err := d.Lookup(t.Context(), hash)
	if err != nil {
		t.Fatalf("look-up: %v", err)
	}
	if !found {
		t.Fatalf("look-up: not found")
	}
	return c
}

// listed reads everything in pages of a size and fails on a page that is too long.
func listed(t *testing.T, d auth.Directory, limit int) []auth.Credential {
	t.Helper()
	var all []auth.Credential
	for cursor := ""; ; {
		page, next, err := d.List(t.Context(), cursor, limit)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		if len(page) > limit {
			t.Fatalf("list: %d in a page of %d", len(page), limit)
		}
		if all = append(all, page...); next == "" {
			return all
		}
		if next == cursor {
			t.Fatal("list: the cursor does not move")
		}
		cursor = next
	}
}

func putThenLookup(t *testing.T, d auth.Directory) {
	all := samples(t)
	put(t, d, all...)
	for _, want := range all {
		same(t, want.Name, lookup(t, d, want.Hash), want)
	}
}

func unknownHash(t *testing.T, d auth.Directory) {
	put(t, d, samples(t)...)
	for name, hash := range map[string]string{"another": auth.Hash("another"), "short": "a", "upper case": "ABC"} {
		c, found, err := d.Lookup(t.Context(), hash)
		if err != nil || found {
			t.Errorf("%s: found %v, error %v", name, found, err)
		}
		same(t, name, c, auth.Credential{})
	}
}

func takenHash(t *testing.T, d auth.Directory) {
	first := samples(t)[0]
	put(t, d, first)
	second := first
	second.Fleet, second.Runner = true, ""
	stored, err := d.Put(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if stored {
		t.Error("another credential took the hash")
	}
	same(t, "the first", lookup(t, d, first.Hash), first)
}

func putAgain(t *testing.T, d auth.Directory) {
	for _, c := range samples(t) {
		put(t, d, c)
		put(t, d, c)
	}
}

func putRace(t *testing.T, d auth.Directory) {
	base := samples(t)[0]
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		stored []auth.Credential
	)
	for i := range 8 {
		wg.Go(func() {
			c := base
			c.Name = string(rune('a' + i))
			ok, err := d.Put(context.WithoutCancel(t.Context()), c)
			if err != nil {
				t.Errorf("put: %v", err)
			}
			if ok {
				mu.Lock()
				stored = append(stored, c)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(stored) != 1 {
		t.Fatalf("%d puts of one hash were granted", len(stored))
	}
	same(t, "the one", lookup(t, d, base.Hash), stored[0])
}

func listPages(t *testing.T, d auth.Directory) {
	want := slices.Concat(samples(t), samples(t), samples(t))[:9]
	put(t, d, want...)
	slices.SortFunc(want, func(a, b auth.Credential) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	until.True(t, patience, "all are listed", func() bool { return len(listed(t, d, 100)) >= len(want) })
	for _, limit := range []int{1, 2, 3, 8, 9, 10} {
		same(t, "listed", listed(t, d, limit), want)
	}
}

func listEmpty(t *testing.T, d auth.Directory) {
	page, next, err := d.List(t.Context(), "", 10)
	if err != nil || len(page) != 0 || next != "" {
		t.Errorf("%d, next %q, error %v", len(page), next, err)
	}
}

// revokeFound revokes what an index may not show yet.
func revokeFound(t *testing.T, d auth.Directory, id string, at time.Time) auth.Credential {
	t.Helper()
	var c auth.Credential
	until.True(t, patience, "revoked", func() bool {
		var found bool
		var err error
		if c, found, err = d.Revoke(t.Context(), id, at); err != nil {
			t.Fatalf("revoke: %v", err)
		}
		return found
	})
	return c
}

func revoke(t *testing.T, d auth.Directory) {
	c := samples(t)[2]
	put(t, d, c)
	want := c
	want.RevokedAt = day.Add(time.Hour)
	same(t, "revoke", revokeFound(t, d, c.ID, want.RevokedAt), want)
	same(t, "look-up", lookup(t, d, c.Hash), want)
	until.True(t, patience, "listed as revoked", func() bool {
		all := listed(t, d, 10)
		return len(all) == 1 && all[0].RevokedAt.Equal(want.RevokedAt)
	})
}

func revokeAgain(t *testing.T, d auth.Directory) {
	c := samples(t)[0]
	put(t, d, c)
	want := c
	want.RevokedAt = day.Add(time.Hour)
	revokeFound(t, d, c.ID, want.RevokedAt)
	same(t, "second revoke", revokeFound(t, d, c.ID, day.Add(2*time.Hour)), want)
	same(t, "look-up", lookup(t, d, c.Hash), want)
}

func revokeUnknown(t *testing.T, d auth.Directory) {
	kept := samples(t)[0]
	put(t, d, kept)
	until.True(t, patience, "listed", func() bool { return len(listed(t, d, 10)) == 1 })
	for _, id := range []string{"000000000000", kept.ID[:6], kept.Hash} {
		_, found, err := d.Revoke(t.Context(), id, day)
		if err != nil || found {
			t.Errorf("revoke %q: found %v, error %v", id, found, err)
		}
	}
	same(t, "listed", listed(t, d, 10), []auth.Credential{kept})
	same(t, "look-up", lookup(t, d, kept.Hash), kept)
}

func revokeOne(t *testing.T, d auth.Directory) {
	all := samples(t)[:3]
	put(t, d, all...)
	revokeFound(t, d, all[1].ID, day.Add(time.Hour))
	same(t, "first", lookup(t, d, all[0].Hash), all[0])
	same(t, "third", lookup(t, d, all[2].Hash), all[2])
}
