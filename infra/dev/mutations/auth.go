package main

var authTests = command{pkg: "./shared/auth", tests: ".", skip: "^Test(LookupsStayBounded|TokenIsWellFormed.*|EveryChange.*|Swapped.*)$"}

// credentials are who is calling.
var credentials = []source{
	{file: "shared/auth/verify.go", tests: []command{authTests}, guards: []guard{
		{name: "auth: no look-up of a malformed token", keeps: "S", from: `case !WellFormed(kind, token):`, to: `case false:`},
		{name: "auth: no look-up of no token", keeps: "S", from: `case token == "":`, to: `case token == "?":`},
		{name: "auth: an unknown token", keeps: "S", from: `if !found ||`, to: `if !found && c.Hash == "" ||`},
		{name: "auth: hash comparison", keeps: "S", from: `hash)) != 1 {`, to: `hash)) > 1 {`},
		{name: "auth: kind", keeps: "S", from: `case c.Kind != kind:`, to: `case false:`},
		{name: "auth: revocation", keeps: "S", from: `case !c.RevokedAt.IsZero():`, to: `case false:`},
		{name: "auth: expiry", keeps: "S", from: `case c.Expired(v.now()):`, to: `case false:`},
		{name: "auth: the runner's name is well-formed", keeps: "S", from: `case !ValidName(name):`, to: `case false:`},
		{name: "auth: a bound token's name", keeps: "S", from: `case !c.Fleet && name != c.Runner:`, to: `case false:`},
		{name: "auth: a fleet token is bound to none", keeps: "S", from: `!c.Fleet && `, to: ``},
		{name: "auth: scope", keeps: "S", from: `c.Scopes, scope) {`, to: `c.Scopes, scope) && scope == "" {`},
		{name: "auth: only bearers", keeps: "S", from: `if !strings.EqualFold(scheme, "Bearer") {`, to: `if scheme == "?" {`},
	}},
	{file: "shared/auth/credential.go", tests: []command{authTests}, guards: []guard{
		{name: "auth: expired from its time on", keeps: "S", from: `!now.Before(c.ExpiresAt)`, to: `now.After(c.ExpiresAt)`},
		{name: "auth: without a time it never expires", keeps: "S", from: `return !c.ExpiresAt.IsZero() && !now`, to: `return !now`},
	}},
	{file: "shared/auth/token.go", tests: []command{authTests}, guards: []guard{
		{name: "auth: checksum", keeps: "S", from: `return checksum(body) == sum`, to: `return len(checksum(body)) == len(sum)`},
		{name: "auth: the checksum covers the prefix", keeps: "S", from: `[]byte(body)`, to: `[]byte(body[prefixLength:])`},
		{name: "auth: prefix", keeps: "S", from: ` || !strings.HasPrefix(token, prefix) {`, to: ` {`},
		{name: "auth: alphabet", keeps: "S", from: `if !isAlphanumeric(c) {`, to: `if c == 0 {`},
		{name: "auth: 256 random bits", keeps: "S", from: `io.ReadFull(random, secret[:])`, to: `io.ReadFull(random, secret[1:])`},
	}},
	{file: "shared/auth/lookups.go", tests: []command{authTests}, guards: []guard{
		{name: "auth: remembered for 60 seconds at most", keeps: "S", from: `keepKnown = 60`, to: `keepKnown = 90`},
		{name: "auth: unknown for 5 seconds at most", keeps: "S", from: `keepUnknown = 5`, to: `keepUnknown = 50`},
		{name: "auth: nothing is remembered from the future", keeps: "S", from: `>= 0 && age `, to: ``},
		{name: "auth: counted from before the look-up", keeps: "S", from: "\t\tl.keep(hash, a)\n", to: "\t\ta.asked = now()\n\t\tl.keep(hash, a)\n"},
		{name: "auth: a store's failure is not remembered", keeps: "S", from: "\t\t\treturn nil, err\n", to: "\t\t\tl.keep(hash, a)\n\t\t\treturn nil, err\n"},
		{name: "auth: remembers a bounded number", keeps: "S", from: `l.unknown, _ = simplelru.NewLRU[string, answer](maxKept, nil)`, to: `l.unknown, _ = simplelru.NewLRU[string, answer](100*maxKept, nil)`},
		{name: "auth: unknown tokens push no known ones out", keeps: "S", from: "{\n\t\tinto, outOf", to: "|| true {\n\t\tinto, outOf"},
		{name: "auth: a known one is not unknown too", keeps: "S", from: "\toutOf.Remove(hash)\n", to: "\t_ = outOf\n"},
		{name: "auth: a caller who leaves takes no other along", keeps: "S", from: `context.WithoutCancel(ctx),`, to: `ctx,`},
		{name: "auth: a look-up ends", keeps: "S", from: `lookupTimeout)`, to: `99*lookupTimeout)`},
	}},
	{file: "shared/auth/issue.go", tests: []command{authTests}, guards: []guard{
		{name: "issue: a bound token is bound", keeps: "S", from: `if g.Kind == Runner && !g.Fleet {`, to: `if false {`},
		{name: "issue: its life", keeps: "S", from: `if g.Life > 0 {`, to: `if false {`},
		{name: "issue: stored or not made", keeps: "S", from: `if !stored {`, to: `if !stored && c.Hash == "" {`},
		{name: "issue: only its hash", keeps: "S", from: `Hash:      Hash(token),`, to: `Hash:      token,`},
		{name: "issue: a producer has scopes", keeps: "S", from: `case g.Kind == Producer && (len(g.Scopes) == 0 || slices.Contains(g.Scopes, "")):`, to: `case false:`},
		{name: "issue: no producer is a fleet", keeps: "S", from: `case g.Kind == Producer && g.Fleet:`, to: `case false:`},
	}},
}
