package memory

import (
	"cmp"
	"context"
	"reflect"
	"sync"
	"time"

	"runlease/shared/auth"
)

// Credentials is auth.Directory in memory.
type Credentials struct {
	mu     sync.RWMutex
	byHash map[string]auth.Credential
	hashes map[string]string // by id
	ids    index[string]
}

// NewCredentials returns an empty Credentials.
func NewCredentials() *Credentials {
	return &Credentials{byHash: make(map[string]auth.Credential), hashes: make(map[string]string), ids: newIndex(cmp.Compare[string])}
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
	s.put(c)
	return true, nil
}

// PutNew stores credentials whose hashes are new.
func (s *Credentials) PutNew(_ context.Context, all ...auth.Credential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range all {
		s.put(c)
	}
	return nil
}

func (s *Credentials) put(c auth.Credential) {
	s.byHash[c.Hash], s.hashes[c.ID] = c, c.Hash
	s.ids.ReplaceOrInsert(c.ID)
}

// List reads credentials in the order of their ids; a cursor is the last id read.
func (s *Credentials) List(_ context.Context, cursor string, limit int) ([]auth.Credential, string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids, more := s.ids.behind(&cursor, limit)
	var page []auth.Credential
	for _, id := range ids {
		page = append(page, s.byHash[s.hashes[id]])
	}
	if !more {
		return page, "", nil
	}
	return page, ids[len(ids)-1], nil
}

// Revoke marks the credential with an id as revoked; the first time stays.
func (s *Credentials) Revoke(_ context.Context, id string, at time.Time) (auth.Credential, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, found := s.byHash[s.hashes[id]]
	if found && c.RevokedAt.IsZero() {
		c.RevokedAt = at
		s.byHash[c.Hash] = c
	}
	return c, found, nil
}
