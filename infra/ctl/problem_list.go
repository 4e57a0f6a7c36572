package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"

	"runlease/shared/producer"
)

// problemList prints all problems, by id.
func problemList(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem list")
	at := apiFlags(f)
	if err := parse(f, args); err != nil {
		return err
	}
	return printPages(ctx, op, at, "/problems", "problems", "PROBLEM\tVERSION", func(p struct {
		ProblemID, Version int
	},
	) string {
		if p.Version == 0 {
			return fmt.Sprintf("%d\tnever published", p.ProblemID)
		}
		return fmt.Sprintf("%d\t%d", p.ProblemID, p.Version)
	})
}

// problemVersions prints the published versions of a problem, oldest first.
func problemVersions(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem versions")
	at := apiFlags(f)
	id, err := parseID(f, args)
	if err != nil {
		return err
	}
	return printPages(ctx, op, at, "/problems/"+id+"/versions", "versions", "VERSION\tTASKS\tCASES\tTEST DATA, BYTES\tSHA-256", func(v struct {
		Version  int
		Tasks    []struct{ CaseCount int }
		Testdata producer.Announced
	},
	) string {
		cases := 0
		for _, task := range v.Tasks {
			cases += task.CaseCount
		}
		return fmt.Sprintf("%d\t%d\t%d\t%d\t%s", v.Version, len(v.Tasks), cases, v.Testdata.Size, v.Testdata.SHA256)
	})
}

// printPages reads a list from its first page to its last and prints a line for
// each entry, which the reply has under a name.
func printPages[T any](ctx context.Context, op operator, at apiAt, path, name, head string, line func(T) string) error {
	api, err := at.open(op)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(op.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, head)
	for next := new(0); next != nil; {
		var page map[string]json.RawMessage
		if err := api.Call(ctx, http.MethodGet, fmt.Sprintf("%s?limit=100&after=%d", path, *next), nil, &page); err != nil {
			return err
		}
		var entries []T
		if err := json.Unmarshal(page[name], &entries); err != nil {
			return fmt.Errorf("read the reply: %w", err)
		}
		for _, entry := range entries {
			_, _ = fmt.Fprintln(out, line(entry))
		}
		if err := json.Unmarshal(page["next"], &next); err != nil {
			return fmt.Errorf("read the reply: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	return nil
}
