package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"runlease/shared/ident"
)

// The refusals of a Verifier. Every other error means that the store failed and
// that nothing is known about the caller.
var (
	// ErrToken matches every fault of a token (errors.Is). Callers learn no more
	// than that; the errors that wrap it are for the log.
	ErrToken = errors.New("token refused")

	ErrMissing   = fmt.Errorf("%w: missing", ErrToken)
	ErrMalformed = fmt.Errorf("%w: malformed or of another kind", ErrToken)
	ErrUnknown   = fmt.Errorf("%w: unknown", ErrToken)
	ErrKind      = fmt.Errorf("%w: its credential is of another kind", ErrToken)
	ErrExpired   = fmt.Errorf("%w: expired", ErrToken)
	ErrRevoked   = fmt.Errorf("%w: revoked", ErrToken)

	// ErrRunnerName: the token is good, and the runner's name is ill-formed or,
	// with a fleet token, missing.
	ErrRunnerName = errors.New("runner name missing or ill-formed")
	// ErrRunnerMismatch: the token is good, and bound to another name.
	ErrRunnerMismatch = errors.New("runner name is not the one of the token")
	// ErrScope: the token is good, and not for this.
	ErrScope = errors.New("scope missing")
)

// Verifier identifies the caller of a request. It remembers what it looked up: a revocation
// takes effect within 60 seconds, an expiry at once. Use it by pointer, from
// any number of goroutines.
type Verifier struct {
	Store Store
	Now   func() time.Time

	seen lookups
}

// NewVerifier returns a Verifier with real time.
func NewVerifier(s Store) *Verifier { return &Verifier{Store: s, Now: time.Now} }

// Runner checks a runner's token and then its name, and returns the name to go
// by and the pools that it may serve; none: the default one. A bound token brings its
// own name; saying it again is fine. It fails with ErrToken, ErrRunnerName or
// ErrRunnerMismatch, or with the store's error.
func (v *Verifier) Runner(ctx context.Context, token, name string) (runner string, pools []string, err error) {
	c, err := v.verify(ctx, Runner, token)
	if err != nil {
		return "", nil, err
	}
	if name == "" {
		name = c.Runner
	}
	switch {
	case !ValidName(name):
		return "", nil, ErrRunnerName
	case !c.Fleet && name != c.Runner:
		return "", nil, ErrRunnerMismatch
	}
	// A copy: names are remembered, and must not keep all of a request's headers.
	return strings.Clone(name), c.Pools, nil
}

// Producer checks a producer's token, without its "Bearer " (see Bearer), and
// that it has a scope, and returns its credential's name for the log. It fails
// with ErrToken or ErrScope, or with the store's error.
func (v *Verifier) Producer(ctx context.Context, token, scope string) (producer string, err error) {
	c, err := v.verify(ctx, Producer, token)
	if err != nil {
		return "", err
	}
	if !slices.Contains(c.Scopes, scope) {
		return "", ErrScope
	}
	return c.Name, nil
}

// verify finds the credential of a token and checks what can change with time.
func (v *Verifier) verify(ctx context.Context, kind Kind, token string) (Credential, error) {
	switch {
	case token == "":
		return Credential{}, ErrMissing
	case !WellFormed(kind, token):
		return Credential{}, ErrMalformed
	}
	hash := Hash(token)
	c, found, err := v.seen.find(ctx, v.Store, hash, v.now)
	if err != nil {
		return Credential{}, err // the store says what it attempted
	}
	// The store has found it by its hash already. Comparing once more, in
	// constant time, keeps it harmless if a store's equality is laxer than ours.
	if !found || subtle.ConstantTimeCompare([]byte(c.Hash), []byte(hash)) != 1 {
		return Credential{}, ErrUnknown
	}
	switch {
	case c.Kind != kind:
		return Credential{}, ErrKind
	case !c.RevokedAt.IsZero():
		return Credential{}, ErrRevoked
	case c.Expired(v.now()):
		return Credential{}, ErrExpired
	}
	return c, nil
}

// now is the wall clock. A function's environment is frozen between requests,
// and its monotonic clock may stand still meanwhile.
func (v *Verifier) now() time.Time { return v.Now().Round(0) }

// NameRule tells what ValidName allows, to a caller that sent something else.
const NameRule = ident.RunnerRule

// ValidName reports whether the wire contract allows name as the name of a runner
// or of a credential.
func ValidName(name string) bool { return ident.Runner(name) }

// Bearer takes the token out of an Authorization header; it returns "" if there is none.
func Bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
