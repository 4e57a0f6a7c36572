package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"runlease/shared/auth"
)

// listPage is how many credentials are read at once; they are under 400 bytes each.
const listPage = 100

func tokenList(ctx context.Context, op operator, args []string) (err error) {
	f := op.flags("ctl token list")
	at := credentialsFlags(f)
	if err := parse(f, args); err != nil {
		return err
	}
	store, done, err := openDirectory(ctx, op, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var all []auth.Credential
	for cursor := ""; ; {
		page, next, err := store.List(ctx, cursor, listPage)
		if err != nil {
			return err
		}
		all = append(all, page...)
		if cursor = next; cursor == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b auth.Credential) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})

	rows := make([][]string, 0, len(all))
	for _, c := range all {
		rows = append(rows, []string{c.ID, string(c.Kind), c.Name, goodFor(c), day(c.CreatedAt, "-"), day(c.ExpiresAt, "never"), state(c, op.now())})
	}
	return printTable(op.out, []string{"ID", "KIND", "NAME", "GOOD FOR", "CREATED", "EXPIRES", "STATE"}, rows)
}

func goodFor(c auth.Credential) string {
	switch {
	case c.Kind == auth.Producer:
		return strings.Join(c.Scopes, ",")
	case c.Fleet:
		return "any runner" + in(c.Pools)
	}
	return "runner " + c.Runner + in(c.Pools)
}

// in names the pools that a runner serves, unless it is the default pool alone.
func in(pools []string) string {
	if len(pools) == 0 {
		return ""
	}
	return " in " + strings.Join(pools, ",")
}

func day(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

func state(c auth.Credential, now time.Time) string {
	switch {
	case !c.RevokedAt.IsZero():
		return "revoked " + day(c.RevokedAt, "")
	case c.Expired(now):
		return "expired"
	}
	return "good"
}
