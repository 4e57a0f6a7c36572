package auth

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// storeOf finds the credentials whose hash a function accepts.
type storeOf func(hash string) bool

func (f storeOf) Lookup(_ context.Context, hash string) (Credential, bool, error) {
	return Credential{Hash: hash}, f(hash), nil
}

// Whatever is asked and however time goes, memory stays bounded, an answer is
// never older than its bound, and it is right.
func TestLookupsStayBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l lookups
		now := time.Unix(0, 0)
		exists := func(hash string) bool { return hash[0] == 'k' }
		asked := map[string]time.Time{}
		store := storeOf(func(hash string) bool {
			asked[hash] = now
			return exists(hash)
		})
		for range rapid.IntRange(1, 4).Draw(t, "waves") {
			from := rapid.IntRange(0, 2*maxKept).Draw(t, "from")
			kind := rapid.SampledFrom([]string{"k", "u"}).Draw(t, "known or unknown")
			for n := range rapid.SampledFrom([]int{1, 10, 100, maxKept + 100}).Draw(t, "how many") {
				hash := fmt.Sprintf("%s%d", kind, from+n)
				_, found, err := l.find(context.Background(), store, hash, func() time.Time { return now })
				if err != nil || found != exists(hash) {
					t.Fatalf("%s: found %v, error %v", hash, found, err)
				}
				keep := keepUnknown
				if found {
					keep = keepKnown
				}
				if age := now.Sub(asked[hash]); age >= keep {
					t.Fatalf("%s: an answer of %v ago", hash, age)
				}
			}
			if l.known.Len() > maxKept || l.unknown.Len() > maxKept {
				t.Fatalf("%d known and %d unknown are kept", l.known.Len(), l.unknown.Len())
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 70).Draw(t, "seconds")) * time.Second)
		}
	})
}

// One more than may be kept, of each half.
func TestOneTooManyIsNotKept(t *testing.T) {
	for half, exists := range map[string]bool{"known": true, "unknown": false} {
		t.Run(half, func(t *testing.T) {
			var l lookups
			store := storeOf(func(string) bool { return exists })
			for n := range maxKept + 1 {
				if _, _, err := l.find(t.Context(), store, fmt.Sprint(n), func() time.Time { return time.Unix(0, 0) }); err != nil {
					t.Fatal(err)
				}
			}
			if n := l.known.Len() + l.unknown.Len(); n != maxKept {
				t.Errorf("%d are kept, want %d", n, maxKept)
			}
		})
	}
}

// TestTheLaterAnswerCounts: of a token that was known and is not, whatever the clock says.
func TestTheLaterAnswerCounts(t *testing.T) {
	var l lookups
	exists, now := true, time.Unix(1000, 0)
	for _, step := range []struct {
		later  time.Duration
		exists bool
	}{{0, true}, {keepKnown, false}, {-keepKnown / 2, false}} { // the clock is set back
		exists, now = step.exists, now.Add(step.later)
		_, found, err := l.find(t.Context(), storeOf(func(string) bool { return exists }), "k", func() time.Time { return now })
		if err != nil || found != step.exists {
			t.Errorf("at %v it is found: %v, %v", now, found, err)
		}
	}
}
