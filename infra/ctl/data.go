package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"runlease/shared/durable"
	"runlease/shared/durable/control"
)

// backup copies the data folder of an embedded server, while it runs or not.
func backup(ctx context.Context, op operator, args []string) (err error) {
	f := op.flags("ctl backup", "FOLDER")
	data := f.String("data", "", "the server's data `folder`")
	to, err := parseOne(f, args, "the folder to back up to")
	if err != nil {
		return err
	}
	if *data == "" {
		return misuse(f, "which data folder? Give -data")
	}
	if to, err = filepath.Abs(to); err != nil { // the server has another working folder
		return fmt.Errorf("name of the backup: %w", err)
	}
	folder, err := control.Open(ctx, *data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if err := folder.Backup(ctx, to); err != nil {
		return err
	}
	_, err = fmt.Fprintln(op.out, to)
	return err
}

// restoreFolder puts a backup in the place of a data folder that no server has.
func restoreFolder(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl restore", "FOLDER")
	data := f.String("data", "", "the server's data `folder`; what is in it now is kept beside it")
	from, err := parseOne(f, args, "the backup to restore")
	if err != nil {
		return err
	}
	if *data == "" {
		return misuse(f, "which data folder? Give -data")
	}
	kept, err := durable.Restore(ctx, from, *data, op.now())
	if err == nil && kept != "" {
		_, err = fmt.Fprintln(op.err, "what was there is in", kept)
	}
	return err
}

// ofFolder reports whether a command is about a data folder.
func ofFolder(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return strings.HasPrefix(a, "-") && name == "data"
	})
}
