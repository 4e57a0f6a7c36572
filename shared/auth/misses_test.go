package auth_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"runlease/shared/auth"
)

// TestFloodOfUnknownTokens makes up well-formed tokens without end: the store is
// asked about a bounded number of them, and whoever is known goes on.
func TestFloodOfUnknownTokens(t *testing.T) {
	s := &shelf{}
	now := noon
	v := auth.NewVerifier(s)
	v.Now = func() time.Time { return now }
	known := issue(t, s, noon, auth.Grant{Kind: auth.Runner, Name: "judge-1"})
	mustPass := func(when string) {
		t.Helper()
		if name, err := v.Runner(t.Context(), known, ""); name != "judge-1" || err != nil {
			t.Errorf("%s: %q, %v", when, name, err)
		}
	}
	flood := func(n int) (busy int) {
		for range n {
			switch _, err := v.Runner(t.Context(), fresh(t, auth.Runner), ""); {
			case errors.Is(err, auth.ErrBusy):
				if errors.Is(err, auth.ErrToken) {
					t.Fatal("nothing is known about the token, and yet it is refused")
				}
				busy++
			case !errors.Is(err, auth.ErrUnknown):
				t.Fatal(err)
			}
		}
		return busy
	}

	mustPass("before")
	asked := s.count()
	if busy := flood(1000); busy != 800 || s.count()-asked != 200 {
		t.Errorf("%d look-ups, %d turned away; want 200 and 800", s.count()-asked, busy)
	}
	mustPass("during, from memory")
	late := issue(t, s, noon, auth.Grant{Kind: auth.Runner, Name: "judge-2"})
	if _, err := v.Runner(t.Context(), late, ""); !errors.Is(err, auth.ErrBusy) {
		t.Errorf("a token that was never seen: %v", err)
	}

	now = now.Add(2 * time.Second)
	asked = s.count()
	if flood(100); s.count()-asked != 40 {
		t.Errorf("%d look-ups after 2 s, want 40", s.count()-asked)
	}
	now = now.Add(-time.Hour) // the clock is set back: no hour of silence for it, and no gift
	if busy := flood(10); busy != 10 {
		t.Errorf("%d of 10 turned away", busy)
	}
	now = now.Add(time.Hour + 61*time.Second)
	flood(1300)
	asked = s.count()
	mustPass("during, and its answer is too old") // it was known: looked up all the same
	if s.count() != asked+1 {
		t.Errorf("%d look-ups, want one", s.count()-asked)
	}

	now = now.Add(time.Minute)
	asked = s.count()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() { flood(100) })
	}
	wait.Wait()
	if got := s.count() - asked; got != 200 {
		t.Errorf("eight at once: %d look-ups, want 200", got)
	}
}

// TestFindingsCostNothing: a fleet that comes back all at once is no flood.
func TestFindingsCostNothing(t *testing.T) {
	s := &shelf{}
	v := auth.NewVerifier(s)
	v.Now = at(noon)
	for range 1000 {
		token := issue(t, s, noon, auth.Grant{Kind: auth.Producer, Name: "web", Scopes: []string{"read"}})
		if _, err := v.Producer(t.Context(), token, "read"); err != nil {
			t.Fatal(err)
		}
	}
}
