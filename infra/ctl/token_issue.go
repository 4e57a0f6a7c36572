package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"runlease/shared/api"
	"runlease/shared/auth"
)

// issued is what an operator gets to see of a new credential. The token is
// nowhere else: if it is lost, another must be issued.
type issued struct {
	Token     string     `json:"token,omitempty"`     // unless it is in a file
	TokenFile string     `json:"tokenFile,omitempty"` // that holds the token alone
	ID        string     `json:"id"`
	Kind      auth.Kind  `json:"kind"`
	Name      string     `json:"name"`
	Runner    string     `json:"runner,omitempty"` // the name that the token is bound to
	Fleet     bool       `json:"fleet,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	Pools     []string   `json:"pools,omitempty"` // that a runner serves; none: the default one
	ExpiresAt *time.Time `json:"expiresAt"`       // null: never
}

func tokenIssue(ctx context.Context, op operator, args []string) (err error) {
	f := op.flags("ctl token issue")
	at := credentialsFlags(f)
	kind := f.String("kind", "", "runner or producer")
	name := f.String("name", "", "a runner's `name`, to which its token is bound; else a label (default: fleet or producer)")
	fleet := f.Bool("fleet", false, "a runner token for several runners: each says its own name, and could say another's")
	scopes := f.String("scopes", "", "comma-separated `list` of what a producer may do: "+strings.Join(allScopes(), ","))
	pools := f.String("pools", "", "comma-separated `list` of the pools that a runner may serve, the preferred one first (default: default)")
	expires := f.String("expires", "365d", "`life` of the token in days (90d) or as 12h, or never")
	file := f.String("token-file", "", "`file` to write the token to, for its owner alone; it must not be there yet (default: print it)")
	if err := parse(f, args); err != nil {
		return err
	}
	grant := auth.Grant{Kind: auth.Kind(*kind), Name: *name, Fleet: *fleet}
	if grant.Life, err = life(*expires); err != nil {
		return misuse(f, "-expires: %v", err)
	}
	if *scopes != "" {
		grant.Scopes = strings.Split(*scopes, ",")
	}
	if *pools != "" {
		grant.Pools = strings.Split(*pools, ",")
	}
	for _, scope := range grant.Scopes {
		if !slices.Contains(allScopes(), scope) {
			return misuse(f, "-scopes: there is no %q", scope)
		}
	}
	switch {
	case *name != "":
	case grant.Kind == auth.Producer:
		grant.Name = "producer"
	case grant.Fleet:
		grant.Name = "fleet"
	}
	if err := grant.Check(); err != nil {
		return misuse(f, "%v", err)
	}

	store, done, err := openDirectory(ctx, op, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	// The file first: a token that cannot be kept is not issued.
	var keep *os.File
	if *file != "" {
		if keep, err = os.OpenFile(*file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return fmt.Errorf("make the token's file: %w", err)
		}
		defer keep.Close()
	}
	token, c, err := auth.Issue(ctx, store, grant, op.now(), op.random)
	if err != nil {
		if keep != nil {
			_ = os.Remove(*file)
		}
		return err
	}
	if keep != nil {
		_, err := keep.WriteString(token + "\n")
		if err = errors.Join(err, keep.Close()); err != nil {
			return fmt.Errorf("write the token of %s (it was not shown: revoke that id and issue another): %w", c.ID, err)
		}
		token = ""
	}
	shown := issued{
		Token: token, TokenFile: *file, ID: c.ID, Kind: c.Kind, Name: c.Name,
		Runner: c.Runner, Fleet: c.Fleet, Scopes: c.Scopes, Pools: c.Pools,
	}
	if !c.ExpiresAt.IsZero() {
		shown.ExpiresAt = &c.ExpiresAt
	}
	if err := json.NewEncoder(op.out).Encode(shown); err != nil {
		return fmt.Errorf("print the token of %s (it was not shown: revoke that id and issue another): %w", c.ID, err)
	}
	return nil
}

// allScopes is every scope that a route asks for.
func allScopes() []string {
	var all []string
	for _, route := range api.Routes() {
		if route.Scope != "" && !slices.Contains(all, route.Scope) {
			all = append(all, route.Scope)
		}
	}
	slices.Sort(all)
	return all
}

// longestLife is ten years. A longer life is written as "never".
const longestLife = 3650 * 24 * time.Hour

// life reads how long a token shall be good; 0 is for ever.
func life(text string) (time.Duration, error) {
	if text == "never" {
		return 0, nil
	}
	var d time.Duration
	if days, is := strings.CutSuffix(text, "d"); is {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q: want 90d, 12h or never", text)
		}
		d = time.Duration(n) * 24 * time.Hour
	} else {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			return 0, fmt.Errorf("%q: want 90d, 12h or never", text)
		}
	}
	if d < time.Minute || d > longestLife {
		return 0, fmt.Errorf("%q: want a minute to ten years, or never", text)
	}
	return d, nil
}
