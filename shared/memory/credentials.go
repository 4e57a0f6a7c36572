package memory

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"runlease/shared/auth"
)

// Credentials is auth.Directory in memory.
type Credentials struct {
	mu     sync.RWMutex
	byHash map[string]auth.Credential
}

// NewCredentials returns an empty Credentials.
func NewCredentials() *Credentials {
	return &Credentials{byHash: make(map[string]auth.Credential)}
}

// Lookup reads a credential by the hash of its token.
func (s *Credentials) Lookup(_ context.Context, hash string) (auth.Credential, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, found := s.byHash[hash]
	return c, found, nil
}

// Put stores a credential if its hash is new.
func (s *Credentials) Put(_ context.Context, c auth.Credential) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current, taken := s.byHash[c.Hash]; taken {
		return reflect.DeepEqual(current, c), nil
	}
	s.byHash[c.Hash] = c
	return true, nil
}

// List reads credentials in the order of their ids; a cursor is the last id read.
func (s *Credentials) List(_ context.Context, cursor string, limit int) ([]auth.Credential, string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var page []auth.Credential
	for _, c := range s.byHash {
		if c.ID > cursor {
			page = append(page, c)
		}
	}
	slices.SortFunc(page, func(a, b auth.Credential) int { return cmp.Compare(a.ID, b.ID) })
	if len(page) <= limit {
		return page, "", nil
	}
	return page[:limit:limit], page[limit-1].ID, nil
}

// Revoke marks the credential with an id as revoked; the first time stays.
func (s *Credentials) Revoke(_ context.Context, id string, at time.Time) (auth.Credential, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, c := range s.byHash {
		if c.ID != id {
			continue
		}
		if c.RevokedAt.IsZero() {
			c.RevokedAt = at
			s.byHash[hash] = c
		}
		return c, true, nil
	}
	return auth.Credential{}, false, nil
}
