package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"runlease/shared/ident"
)

// Grant describes what a new token allows.
type Grant struct {
	Kind   Kind
	Name   string        // [A-Za-z0-9._-]{1,64}; of a bound runner token, the runner's name
	Fleet  bool          // runners only: not bound to Name, which is then a label
	Scopes []string      // producers only, at least one
	Pools  []string      // runners only, the preferred first; none: the default one
	Life   time.Duration // 0: the token never expires
}

// Check returns what is wrong with a grant, as a text for its operator; nil if nothing is.
func (g Grant) Check() error {
	switch {
	case g.Kind != Runner && g.Kind != Producer:
		return fmt.Errorf("kind %q: want %s or %s", string(g.Kind), Runner, Producer)
	case !ValidName(g.Name):
		return errors.New("name: " + NameRule)
	case g.Kind == Producer && g.Fleet:
		return errors.New("fleet: only a runner token is bound to a name or shared by a fleet")
	case g.Kind == Producer && (len(g.Scopes) == 0 || slices.Contains(g.Scopes, "")):
		return errors.New("scopes: a producer needs at least one, and no empty one")
	case g.Kind == Runner && len(g.Scopes) > 0:
		return errors.New("scopes: a runner has none")
	case g.Kind == Producer && len(g.Pools) > 0:
		return errors.New("pools: a producer has none")
	case len(g.Pools) > ident.MaxPools:
		return fmt.Errorf("pools: want at most %d", ident.MaxPools)
	case slices.ContainsFunc(g.Pools, func(pool string) bool { return !ident.Pool(pool) }):
		return errors.New("pools: of each, " + ident.PoolRule)
	case g.Life < 0:
		return errors.New("life: a token cannot expire before it is made")
	}
	return nil
}

// putter is where issued credentials go.
type putter interface {
	Put(ctx context.Context, c Credential) (stored bool, err error)
}

// Issue makes a token and stores its credential. The token is in the reply and
// nowhere else. It fails if Make does, or if the credential cannot be stored.
func Issue(ctx context.Context, store putter, g Grant, now time.Time, random io.Reader) (token string, c Credential, err error) {
	if token, c, err = Make(g, now, random); err != nil {
		return "", Credential{}, err
	}
	stored, err := store.Put(ctx, c)
	if err != nil {
		return "", Credential{}, err // the store says what it attempted
	}
	if !stored { // 256 random bits do not repeat: the source of randomness is broken
		return "", Credential{}, errors.New("store credential: its hash is taken")
	}
	return token, c, nil
}

// Make makes a token and its credential, without which it is good for nothing. It fails
// if the grant makes no sense or random fails.
func Make(g Grant, now time.Time, random io.Reader) (token string, c Credential, err error) {
	if err := g.Check(); err != nil {
		return "", Credential{}, fmt.Errorf("issue token: %w", err)
	}
	token, err = New(g.Kind, random)
	if err != nil {
		return "", Credential{}, err
	}
	c = Credential{
		Hash:      Hash(token),
		Kind:      g.Kind,
		Name:      g.Name,
		Fleet:     g.Fleet,
		Scopes:    slices.Clone(g.Scopes),
		Pools:     slices.Clone(g.Pools),
		CreatedAt: now.UTC().Truncate(time.Second),
	}
	if len(g.Pools) == 1 && g.Pools[0] == ident.DefaultPool { // as older versions store it
		c.Pools = nil
	}
	c.ID = IDOf(c.Hash)
	if g.Kind == Runner && !g.Fleet {
		c.Runner = g.Name
	}
	if g.Life > 0 {
		c.ExpiresAt = c.CreatedAt.Add(g.Life)
	}
	return token, c, nil
}
