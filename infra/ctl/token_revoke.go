package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"runlease/shared/auth"
)

// revoked is what is printed of a credential that is no longer good.
type revoked struct {
	ID        string    `json:"id"`
	Kind      auth.Kind `json:"kind"`
	Name      string    `json:"name"`
	RevokedAt time.Time `json:"revokedAt"`
}

func tokenRevoke(ctx context.Context, op operator, args []string) (err error) {
	f := op.flags("ctl token revoke")
	at := credentialsFlags(f)
	id := f.String("id", "", "`id` of the credential, as issue and list print it")
	leaked := f.Bool("leaked", false, "instead of -id: read the leaked token itself from stdin")
	if err := parse(f, args); err != nil {
		return err
	}
	if (*id == "") == !*leaked {
		return misuse(f, "give either -id or -leaked")
	}
	if *leaked {
		// A flag would leave the token in the shell's history and the process list.
		text, err := io.ReadAll(io.LimitReader(op.in, 1<<10))
		if err != nil {
			return fmt.Errorf("read the leaked token: %w", err)
		}
		token := strings.TrimSpace(string(text))
		if !auth.WellFormed(auth.Runner, token) && !auth.WellFormed(auth.Producer, token) {
			return errors.New("what was read from stdin is no token of a runner or producer")
		}
		*id = auth.IDOf(auth.Hash(token))
	}

	store, done, err := openDirectory(ctx, op, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	c, found, err := store.Revoke(ctx, *id, op.now().UTC().Truncate(time.Second))
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("no credential has the id %q (a token issued a few seconds ago may not be found yet)", *id)
	}
	if err := json.NewEncoder(op.out).Encode(revoked{c.ID, c.Kind, c.Name, c.RevokedAt}); err != nil {
		return fmt.Errorf("print what was revoked: %w", err)
	}
	return nil
}
