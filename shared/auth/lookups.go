package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

const (
	// A revocation takes effect within 60 s, so no answer is used longer,
	// counted from before its look-up.
	keepKnown = 60 * time.Second
	// A token that was just issued must not be refused for long, and a runner
	// with a wrong one asks every 5 s.
	keepUnknown = 5 * time.Second
	// One entry is about 700 bytes: at most 1.4 MB for both halves. The halves
	// are apart so that unknown tokens cannot push the known ones out.
	maxKept = 1000
	// A look-up serves all requests that wait for it, so it does not end with the
	// request that began it, but it must end before a function's time is up.
	lookupTimeout = 3 * time.Second
)

// lookups remembers the answers of a Store for a while, and asks it once for
// all requests that need the same answer at the same time. The zero value is ready.
type lookups struct {
	mu      sync.Mutex
	known   answers
	unknown answers
	running singleflight.Group
}

// answers keeps the answers that were used last. It is nil if none are kept.
type answers = *simplelru.LRU[string, answer]

type answer struct {
	credential Credential
	found      bool
	asked      time.Time // when its look-up began
}

// find reads a credential from memory or else from the store. Errors are not
// remembered. The number of look-ups is not bounded here: a bound that unknown
// tokens can use up keeps good ones out, for the price of a read.
func (l *lookups) find(ctx context.Context, store Store, hash string, now func() time.Time) (Credential, bool, error) {
	if a, ok := l.recall(hash, now()); ok {
		return a.credential, a.found, nil
	}
	done := l.running.DoChan(hash, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
		defer cancel()
		a := answer{asked: now()}
		var err error
		if a.credential, a.found, err = store.Lookup(ctx, hash); err != nil {
			return nil, err
		}
		l.keep(hash, a)
		return a, nil
	})
	select {
	case <-ctx.Done():
		return Credential{}, false, ctx.Err()
	case result := <-done:
		if result.Err != nil {
			return Credential{}, false, result.Err
		}
		a, ok := result.Val.(answer)
		if !ok {
			return Credential{}, false, errors.New("look-up without an answer")
		}
		return a.credential, a.found, nil
	}
}

// recall returns an answer that is still fresh.
func (l *lookups) recall(hash string, now time.Time) (answer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, half := range []answers{l.known, l.unknown} {
		if half == nil {
			continue
		}
		if a, ok := half.Get(hash); ok && fresh(a, now) {
			return a, true
		}
	}
	return answer{}, false
}

// fresh also refuses answers from the future: the clock was set back, and their
// age is not known.
func fresh(a answer, now time.Time) bool {
	keep := keepUnknown
	if a.found {
		keep = keepKnown
	}
	age := now.Sub(a.asked)
	return age >= 0 && age < keep
}

func (l *lookups) keep(hash string, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		// It fails for a size of 0 only.
		l.known, _ = simplelru.NewLRU[string, answer](maxKept, nil)
		l.unknown, _ = simplelru.NewLRU[string, answer](maxKept, nil)
	}
	into, outOf := l.unknown, l.known
	if a.found {
		into, outOf = l.known, l.unknown
	}
	outOf.Remove(hash)
	into.Add(hash, a)
}
