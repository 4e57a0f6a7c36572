package auth

import (
	"context"
	"time"
)

// Credential is what is kept about a token. Times have the resolution of
// milliseconds; Scopes are never changed in place.
type Credential struct {
	Hash      string // of the token, see Hash: the key
	Kind      Kind   // Runner or Producer
	ID        string // short and public, for listing and revoking: IDOf(Hash)
	Name      string // a label for people
	Runner    string // of a bound runner token: the only name that it may use
	Fleet     bool   // of a runner token that is shared by several runners
	Scopes    []string
	Pools     []string // that a runner may serve, the preferred one first; none: the default pool. Never changed in place
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: it has not been
}

// Expired reports whether c's time is up.
func (c Credential) Expired(now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// idLength is 48 bits of the hash: among a thousand credentials, two with the
// same id have a chance of one in 500 million, and they say nothing about a
// token of 256 random bits.
const idLength = 12

// IDOf returns the public id of the credential with a hash: its first 12
// characters. So a person who finds a leaked token can tell which one to
// revoke.
func IDOf(hash string) string { return hash[:min(idLength, len(hash))] }

// Store is what a Verifier needs.
type Store interface {
	// Lookup reads a credential by its hash, strongly consistent: the verifier
	// adds its own 60 seconds, and there is no more to give away.
	Lookup(ctx context.Context, hash string) (c Credential, found bool, err error)
}

// Directory is a Store that an operator can work on. Its users issue, list and
// revoke; functions never do.
type Directory interface {
	Store

	// Put stores a new credential on the condition that its hash is new. It is
	// false, and nothing is written, if the hash is taken by another
	// credential; storing the same again (a repeated write whose first reply
	// was lost) is true.
	Put(ctx context.Context, c Credential) (stored bool, err error)

	// List reads at most limit (1 or more) credentials of all kinds, revoked and
	// expired ones included, in the order of their ids, behind a cursor. The empty
	// cursor is the start, and an empty next means that there are no more. It may
	// miss what was stored or changed within the last seconds.
	List(ctx context.Context, cursor string, limit int) (page []Credential, next string, err error)

	// Revoke marks the credential with an id as revoked at a time and returns
	// it. A revoked credential keeps its first time. Revoke may miss a credential that was
	// stored within the last seconds.
	Revoke(ctx context.Context, id string, at time.Time) (c Credential, found bool, err error)
}
