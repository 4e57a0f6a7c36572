package durable

import (
	"context"
	"reflect"
	"time"

	"runlease/shared/auth"
)

// Credentials is auth.Directory in a folder.
type Credentials struct{ db *DB }

// Credentials is the folder's credentials.
func (db *DB) Credentials() *Credentials { return &Credentials{db} }

// Lookup reads a credential by the hash of its token.
func (s *Credentials) Lookup(_ context.Context, hash string) (auth.Credential, bool, error) {
	return readRow(s.db, credentials, credentialFields, hash)
}

// Put stores a credential if its hash is new.
func (s *Credentials) Put(ctx context.Context, c auth.Credential) (stored bool, err error) {
	row := encode(credentialFields, &c)
	err = s.db.write(ctx, func(b *batch) error {
		if taken := b.get(credentials, c.Hash); taken != nil {
			current, _, err := decodeRow(credentials, credentialFields, c.ID, taken)
			given, _, _ := decode(credentialFields, row) // in the resolution of what is stored
			stored = reflect.DeepEqual(current, given)
			return err
		}
		b.credential(c)
		stored = true
		return nil
	})
	return stored && err == nil, err
}

// PutNew stores credentials whose hashes are new, all of them or none.
func (s *Credentials) PutNew(ctx context.Context, all ...auth.Credential) error {
	return s.db.write(ctx, func(b *batch) error {
		for _, c := range all {
			b.credential(c)
		}
		return nil
	})
}

func (b *batch) credential(c auth.Credential) {
	b.put(credentials, c.Hash, encode(credentialFields, &c))
	b.put(ids, c.ID, []byte(c.Hash))
}

// List reads credentials in the order of their ids; a cursor is the last id read.
func (s *Credentials) List(_ context.Context, cursor string, limit int) (page []auth.Credential, next string, err error) {
	var hashes []string
	err = s.db.scan(ids, cursor, func(_ string, hash []byte) (bool, error) {
		if len(hashes) == limit {
			next = auth.IDOf(hashes[limit-1])
			return false, nil
		}
		hashes = append(hashes, string(hash))
		return true, nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, hash := range hashes {
		c, found, err := s.Lookup(context.Background(), hash)
		if err != nil {
			return nil, "", err
		}
		if found {
			page = append(page, c)
		}
	}
	return page, next, nil
}

// Revoke marks the credential with an id as revoked; the first time stays.
func (s *Credentials) Revoke(ctx context.Context, id string, at time.Time) (c auth.Credential, found bool, err error) {
	err = s.db.write(ctx, func(b *batch) error {
		hash := string(b.get(ids, id))
		row := b.get(credentials, hash)
		if row == nil {
			return nil
		}
		var unknown []byte
		var err error
		if c, unknown, err = decodeRow(credentials, credentialFields, id, row); err != nil {
			return err
		}
		found = true
		if c.RevokedAt.IsZero() {
			c.RevokedAt = at
			b.put(credentials, hash, append(encode(credentialFields, &c), unknown...))
		}
		return nil
	})
	return c, found && err == nil, err
}
