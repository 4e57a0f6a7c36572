package auth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"runlease/shared/auth"
)

// shelf is a Store that counts, can fail and can be made to wait.
type shelf struct {
	mu      sync.Mutex
	kept    map[string]auth.Credential
	lookups int
	fail    error
	gate    chan struct{} // a look-up waits until it is closed; nil: it does not
}

func (s *shelf) Lookup(ctx context.Context, hash string) (auth.Credential, bool, error) {
	s.mu.Lock()
	s.lookups++
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return auth.Credential{}, false, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return auth.Credential{}, false, s.fail
	}
	c, found := s.kept[hash]
	return c, found, nil
}

func (s *shelf) Put(_ context.Context, c auth.Credential) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return false, s.fail
	}
	if _, taken := s.kept[c.Hash]; taken {
		return false, nil
	}
	if s.kept == nil {
		s.kept = map[string]auth.Credential{}
	}
	s.kept[c.Hash] = c
	return true, nil
}

// change rewrites what is kept about a token.
func (s *shelf) change(token string, f func(*auth.Credential)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.kept[auth.Hash(token)]
	f(&c)
	s.kept[auth.Hash(token)] = c
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookups
}

func (s *shelf) set(f func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func issue(t *testing.T, s *shelf, now time.Time, g auth.Grant) string {
	t.Helper()
	token, _, err := auth.Issue(t.Context(), s, g, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func fresh(t *testing.T, kind auth.Kind) string {
	t.Helper()
	token, err := auth.New(kind, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

var (
	bound = auth.Grant{Kind: auth.Runner, Name: "judge-1"}
	fleet = auth.Grant{Kind: auth.Runner, Name: "lab", Fleet: true}
	web   = auth.Grant{Kind: auth.Producer, Name: "web", Scopes: []string{"jobs:write", "jobs:read"}}
)

func TestRunner(t *testing.T) {
	s := &shelf{}
	boundToken, fleetToken := issue(t, s, noon, bound), issue(t, s, noon, fleet)
	day := bound
	day.Life = 24 * time.Hour
	dayToken := issue(t, s, noon, day)
	expired := issue(t, s, noon.Add(-24*time.Hour), day)
	revoked := issue(t, s, noon, fleet)
	s.change(revoked, func(c *auth.Credential) { c.RevokedAt = noon.Add(-time.Second) })
	wrongKind := issue(t, s, noon, fleet)
	s.change(wrongKind, func(c *auth.Credential) { c.Kind = auth.Producer })
	otherHash := issue(t, s, noon, fleet)
	s.change(otherHash, func(c *auth.Credential) { c.Hash = auth.Hash("another") })
	unbound := issue(t, s, noon, bound)
	s.change(unbound, func(c *auth.Credential) { c.Runner = "" })
	producer := issue(t, s, noon, web)
	long := strings.Repeat("n", 64)

	tests := []struct {
		name, token, runner string
		want                string
		err                 error
		asked               bool // the store was
	}{
		{"bound, without a name", boundToken, "", "judge-1", nil, true},
		{"bound, its own name", boundToken, "judge-1", "judge-1", nil, true},
		{"bound, another name", boundToken, "judge-2", "", auth.ErrRunnerMismatch, true},
		{"bound, its name in capitals", boundToken, "JUDGE-1", "", auth.ErrRunnerMismatch, true},
		{"bound, an ill-formed name", boundToken, "judge 1", "", auth.ErrRunnerName, true},
		{"bound, not yet expired", dayToken, "", "judge-1", nil, true},
		{"fleet, any name", fleetToken, "A.b_c-9", "A.b_c-9", nil, true},
		{"fleet, the longest name", fleetToken, long, long, nil, true},
		{"fleet, without a name", fleetToken, "", "", auth.ErrRunnerName, true},
		{"fleet, its label is no name", fleetToken, "lab", "lab", nil, true},
		{"fleet, a name that is too long", fleetToken, long + "n", "", auth.ErrRunnerName, true},
		{"fleet, a name with a slash", fleetToken, "a/b", "", auth.ErrRunnerName, true},
		{"fleet, a name with a line break", fleetToken, "a\nb", "", auth.ErrRunnerName, true},
		{"fleet, a name beyond ASCII", fleetToken, "jürgen", "", auth.ErrRunnerName, true},
		{"neither bound nor fleet", unbound, "", "", auth.ErrRunnerName, true},
		{"neither bound nor fleet, with a name", unbound, "judge-1", "", auth.ErrRunnerMismatch, true},
		{"no token", "", "judge-1", "", auth.ErrMissing, false},
		{"no token comes before a bad name", "", "a/b", "", auth.ErrMissing, false},
		{"not a token", "secret", "judge-1", "", auth.ErrMalformed, false},
		{"a mistyped token", mistyped(boundToken), "judge-1", "", auth.ErrMalformed, false},
		{"a producer's token", producer, "judge-1", "", auth.ErrMalformed, false},
		{"a claim's token", fresh(t, auth.Claim), "judge-1", "", auth.ErrMalformed, false},
		{"a token that nobody issued", fresh(t, auth.Runner), "judge-1", "", auth.ErrUnknown, true},
		{"unknown comes before a bad name", fresh(t, auth.Runner), "a/b", "", auth.ErrUnknown, true},
		{"expired", expired, "", "", auth.ErrExpired, true},
		{"revoked", revoked, "judge-1", "", auth.ErrRevoked, true},
		{"the credential is of another kind", wrongKind, "judge-1", "", auth.ErrKind, true},
		{"the store found another credential", otherHash, "judge-1", "", auth.ErrUnknown, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := &auth.Verifier{Store: s, Now: at(noon)}
			before := s.count()
			got, _, err := v.Runner(t.Context(), test.token, test.runner)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
			if asked := s.count() > before; asked != test.asked {
				t.Errorf("the store was asked: %v", asked)
			}
			outwardly(t, err)
			leaksNothing(t, err, test.token)
		})
	}
}

func TestProducer(t *testing.T) {
	s := &shelf{}
	token := issue(t, s, noon, web)
	revoked := issue(t, s, noon, web)
	s.change(revoked, func(c *auth.Credential) { c.RevokedAt = noon })

	tests := []struct {
		name, token, scope string
		want               string
		err                error
	}{
		{"a scope that it has", token, "jobs:read", "web", nil},
		{"a scope that it has not", token, "problems:write", "", auth.ErrScope},
		{"a part of a scope", token, "jobs", "", auth.ErrScope},
		{"a route without a scope is open to nobody", token, "", "", auth.ErrScope},
		{"no token", "", "jobs:read", "", auth.ErrMissing},
		{"a mistyped token", mistyped(token), "jobs:read", "", auth.ErrMalformed},
		{"a runner's token", issue(t, s, noon, fleet), "jobs:read", "", auth.ErrMalformed},
		{"a token that nobody issued", fresh(t, auth.Producer), "jobs:read", "", auth.ErrUnknown},
		{"revoked", revoked, "jobs:read", "", auth.ErrRevoked},
		{"revoked comes before the scope", revoked, "problems:write", "", auth.ErrRevoked},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := &auth.Verifier{Store: s, Now: at(noon)}
			got, err := v.Producer(t.Context(), test.token, test.scope)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
			outwardly(t, err)
			leaksNothing(t, err, test.token)
		})
	}
}

// mistyped changes one character in the middle.
func mistyped(token string) string {
	with := "a"
	if token[20] == 'a' {
		with = "b"
	}
	return token[:20] + with + token[21:]
}

// outwardly checks that a refusal has exactly one outward meaning.
func outwardly(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	meanings := 0
	for _, meaning := range []error{auth.ErrToken, auth.ErrRunnerName, auth.ErrRunnerMismatch, auth.ErrScope} {
		if errors.Is(err, meaning) {
			meanings++
		}
	}
	if meanings != 1 {
		t.Errorf("%v has %d meanings", err, meanings)
	}
}

// leaksNothing checks that an error says nothing of a token, nor of its hash.
func leaksNothing(t *testing.T, err error, token string) {
	t.Helper()
	if err == nil || token == "" {
		return
	}
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	if strings.Contains(text, token) || strings.Contains(text, auth.Hash(token)) {
		t.Error("the error contains the token or its hash")
	}
	for i := 4; i+8 <= len(token) && len(token) > 12; i++ {
		if strings.Contains(text, token[i:i+8]) {
			t.Error("the error contains a part of the token")
		}
	}
}

func TestStoreFailureIsNoRefusalAndIsNotRemembered(t *testing.T) {
	s := &shelf{}
	token := issue(t, s, noon, bound)
	v := &auth.Verifier{Store: s, Now: at(noon)}
	broken := errors.New("table is away")
	s.set(func(s *shelf) { s.fail = broken })
	_, _, err := v.Runner(t.Context(), token, "")
	if !errors.Is(err, broken) || errors.Is(err, auth.ErrToken) {
		t.Errorf("got %v", err)
	}
	leaksNothing(t, err, token)
	s.set(func(s *shelf) { s.fail = nil })
	if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
		t.Errorf("after the failure: %v", err)
	}
}

func TestBearer(t *testing.T) {
	tests := map[string]string{
		"Bearer abc":   "abc",
		"bearer abc":   "abc",
		"Bearer  abc ": "abc",
		"Bearer":       "",
		"Bearer ":      "",
		"Basic abc":    "",
		"abc":          "",
		"":             "",
	}
	for header, want := range tests {
		if got := auth.Bearer(header); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func TestIssueRefusesGrantsWithoutSense(t *testing.T) {
	tests := map[string]auth.Grant{
		"no kind":                  {Name: "a"},
		"a claim":                  {Kind: auth.Claim, Name: "a"},
		"no name":                  {Kind: auth.Runner},
		"an ill-formed name":       {Kind: auth.Runner, Name: "a b"},
		"a runner with a scope":    {Kind: auth.Runner, Name: "a", Scopes: []string{"jobs:read"}},
		"a producer without scope": {Kind: auth.Producer, Name: "a"},
		"an empty scope":           {Kind: auth.Producer, Name: "a", Scopes: []string{"jobs:read", ""}},
		"a fleet of producers":     {Kind: auth.Producer, Name: "a", Scopes: []string{"jobs:read"}, Fleet: true},
		"a negative life":          {Kind: auth.Runner, Name: "a", Life: -1},
	}
	for name, grant := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shelf{}
			token, _, err := auth.Issue(t.Context(), s, grant, noon, rand.Reader)
			if err == nil || token != "" || len(s.kept) != 0 {
				t.Errorf("error %v, %d credentials", err, len(s.kept))
			}
		})
	}
}

func TestIssueFailsWithItsStore(t *testing.T) {
	broken := errors.New("table is away")
	s := &shelf{fail: broken}
	if token, _, err := auth.Issue(t.Context(), s, bound, noon, rand.Reader); !errors.Is(err, broken) || token != "" {
		t.Errorf("a store that fails: %v", err)
	}
	// The same random bits twice: the second must not take over the first.
	s = &shelf{}
	secret := make([]byte, 32)
	if _, _, err := auth.Issue(t.Context(), s, bound, noon, bytes.NewReader(secret)); err != nil {
		t.Fatal(err)
	}
	token, _, err := auth.Issue(t.Context(), s, auth.Grant{Kind: auth.Runner, Name: "judge-2"}, noon, bytes.NewReader(secret))
	if err == nil || token != "" {
		t.Errorf("a taken hash: %v", err)
	}
	leaksNothing(t, err, fresh(t, auth.Runner))
	for _, c := range s.kept {
		if c.Runner != "judge-1" {
			t.Error("the first credential was overwritten")
		}
	}
}

// The rest is about what is remembered and for how long. In a bubble, time.Now
// is a clock that only the test moves.

func TestLookupIsRememberedFor60Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		token := issue(t, s, time.Now(), bound)
		v := auth.NewVerifier(s)
		for second := range 61 {
			if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
				t.Fatal(err)
			}
			want := 1
			if second == 60 {
				want = 2
			}
			if got := s.count(); got != want {
				t.Fatalf("%d look-ups after %d s", got, second)
			}
			time.Sleep(time.Second)
		}
	})
}

// A look-up that takes long must not lengthen the 60 seconds: what counts is
// when it was asked, because the revocation may have come right after that.
func TestRevocationTakesEffectWithin60Seconds(t *testing.T) {
	for _, slow := range []time.Duration{0, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{}
			token := issue(t, s, time.Now(), bound)
			v := auth.NewVerifier(slowStore{s, slow})
			if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
				t.Fatal(err)
			}
			s.change(token, func(c *auth.Credential) { c.RevokedAt = time.Now() })
			time.Sleep(60*time.Second - slow)
			if _, _, err := v.Runner(t.Context(), token, ""); !errors.Is(err, auth.ErrRevoked) {
				t.Errorf("look-ups take %v: %v", slow, err)
			}
		})
	}
}

// slowStore reads first and takes its time to say so.
type slowStore struct {
	auth.Store
	takes time.Duration
}

func (s slowStore) Lookup(ctx context.Context, hash string) (auth.Credential, bool, error) {
	c, found, err := s.Store.Lookup(ctx, hash)
	time.Sleep(s.takes)
	return c, found, err
}

func TestExpiryTakesEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		grant := bound
		grant.Life = 30 * time.Second
		token := issue(t, s, time.Now(), grant)
		v := auth.NewVerifier(s)
		if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30*time.Second - time.Millisecond)
		if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
			t.Fatalf("1 ms before: %v", err)
		}
		time.Sleep(time.Millisecond)
		if _, _, err := v.Runner(t.Context(), token, ""); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("got %v", err)
		}
		if got := s.count(); got != 1 {
			t.Errorf("%d look-ups: the expiry was not seen on a remembered answer", got)
		}
	})
}

func TestUnknownIsRememberedForAShortTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		v := auth.NewVerifier(s)
		token := fresh(t, auth.Runner)
		ask := func() error {
			_, _, err := v.Runner(t.Context(), token, "judge-1")
			return err
		}
		for range 10 {
			if err := ask(); !errors.Is(err, auth.ErrUnknown) {
				t.Fatalf("got %v", err)
			}
		}
		if got := s.count(); got != 1 {
			t.Errorf("%d look-ups for one unknown token", got)
		}
		// It is issued now.
		s.set(func(s *shelf) {
			s.kept = map[string]auth.Credential{auth.Hash(token): {Hash: auth.Hash(token), Kind: auth.Runner, Fleet: true}}
		})
		time.Sleep(5 * time.Second)
		if err := ask(); err != nil {
			t.Errorf("5 s after it was issued: %v", err)
		}
		// And the good answer replaces the bad one.
		time.Sleep(59 * time.Second)
		if err := ask(); err != nil || s.count() != 2 {
			t.Errorf("%v after %d look-ups", err, s.count())
		}
	})
}

func TestConcurrentCallersShareOneLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{gate: make(chan struct{})}
		token, other := issue(t, s, time.Now(), fleet), issue(t, s, time.Now(), fleet)
		v := auth.NewVerifier(s)
		names, errs := make([]string, 50), make([]error, 50)
		var wg sync.WaitGroup
		for i := range names {
			wg.Go(func() {
				with := token
				if i == 0 {
					with = other
				}
				names[i], _, errs[i] = v.Runner(t.Context(), with, fmt.Sprintf("judge-%d", i))
			})
		}
		synctest.Wait()
		if got := s.count(); got != 2 {
			t.Errorf("%d look-ups for two tokens", got)
		}
		close(s.gate)
		wg.Wait()
		for i := range names {
			if want := fmt.Sprintf("judge-%d", i); names[i] != want || errs[i] != nil {
				t.Errorf("got %q, %v; want %q", names[i], errs[i], want)
			}
		}
	})
}

func TestCallerWhoLeavesTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{gate: make(chan struct{})}
		token := issue(t, s, time.Now(), bound)
		v := auth.NewVerifier(s)
		leaving, leave := context.WithCancel(t.Context())
		var first, second error
		var wg sync.WaitGroup
		wg.Go(func() { _, _, first = v.Runner(leaving, token, "") })
		synctest.Wait()
		wg.Go(func() { _, _, second = v.Runner(t.Context(), token, "") })
		synctest.Wait()
		leave()
		synctest.Wait()
		close(s.gate)
		wg.Wait()
		if !errors.Is(first, context.Canceled) || errors.Is(first, auth.ErrToken) {
			t.Errorf("who left: %v", first)
		}
		if second != nil || s.count() != 1 {
			t.Errorf("who stayed: %v, %d look-ups", second, s.count())
		}
	})
}

func TestStoreThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{gate: make(chan struct{})}
		token := issue(t, s, time.Now(), bound)
		start := time.Now()
		_, _, err := auth.NewVerifier(s).Runner(t.Context(), token, "")
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, auth.ErrToken) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestClockSetBackMakesNothingLiveLonger(t *testing.T) {
	s := &shelf{}
	token := issue(t, s, noon, bound)
	now := noon
	v := &auth.Verifier{Store: s, Now: func() time.Time { return now }}
	if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
		t.Fatal(err)
	}
	s.change(token, func(c *auth.Credential) { c.RevokedAt = now })
	now = now.Add(-time.Hour)
	if _, _, err := v.Runner(t.Context(), token, ""); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("got %v", err)
	}
}

func TestFloodOfUnknownTokensDoesNotPushOutTheKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		token := issue(t, s, time.Now(), bound)
		v := auth.NewVerifier(s)
		if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
			t.Fatal(err)
		}
		// More than are remembered, as fast as they are looked up, within the
		// 60 s for which the known one is.
		const flood = 1150
		for range flood {
			time.Sleep(51 * time.Millisecond)
			if _, _, err := v.Runner(t.Context(), fresh(t, auth.Runner), "x"); !errors.Is(err, auth.ErrUnknown) {
				t.Fatalf("got %v", err)
			}
		}
		if _, _, err := v.Runner(t.Context(), token, ""); err != nil {
			t.Fatal(err)
		}
		if got := s.count(); got != flood+1 {
			t.Errorf("%d look-ups: the known token was looked up again", got)
		}
	})
}
