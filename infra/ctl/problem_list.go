package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strconv"

	"runlease/shared/producer"
)

// problemList prints all problems, by id.
func problemList(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem list")
	at := apiFlags(f)
	if err := parse(f, args); err != nil {
		return err
	}
	return printPages[int](ctx, op, at, "/problems", "problems", nil, []string{"PROBLEM", "VERSION"}, func(p struct {
		ProblemID, Version int
	},
	) []string {
		version := "never published"
		if p.Version > 0 {
			version = strconv.Itoa(p.Version)
		}
		return []string{strconv.Itoa(p.ProblemID), version}
	})
}

// problemVersions prints the published versions of a problem, oldest first.
func problemVersions(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl problem versions", "PROBLEM")
	at := apiFlags(f)
	id, err := parseID(f, args)
	if err != nil {
		return err
	}
	return printPages[int](ctx, op, at, "/problems/"+id+"/versions", "versions", nil, []string{"VERSION", "TASKS", "CASES", "TEST DATA, BYTES", "SHA-256"}, func(v struct {
		Version  int
		Tasks    []struct{ CaseCount int }
		Testdata producer.Announced
	},
	) []string {
		cases := 0
		for _, task := range v.Tasks {
			cases += task.CaseCount
		}
		return []string{strconv.Itoa(v.Version), strconv.Itoa(len(v.Tasks)), strconv.Itoa(cases), strconv.FormatInt(v.Testdata.Size, 10), v.Testdata.SHA256}
	})
}

// printPages reads a list from its first page to its last and prints a row for
// each entry, which the reply has under a name, up to most; nil: all. The list ends before an
// entry without a row. C is what tells where a page begins.
func printPages[C, T any](ctx context.Context, op operator, at apiAt, path, name string, most *int, head []string, row func(T) []string) error {
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var rows [][]string
	more := false
	err = eachPage(ctx, api, path, url.Values{"limit": {"100"}}, func(page map[string]json.RawMessage) (next *C, err error) {
		var entries []T
		if err := errors.Join(json.Unmarshal(page[name], &entries), json.Unmarshal(page["next"], &next)); err != nil {
			return nil, fmt.Errorf("read the reply: %w", err)
		}
		for _, entry := range entries {
			cells := row(entry)
			if more = cells != nil && most != nil && len(rows) == *most; more || cells == nil {
				return nil, nil
			}
			rows = append(rows, cells)
		}
		return next, nil
	})
	if err != nil {
		return err
	}
	if err := printTable(op.out, head, rows); err != nil {
		return err
	}
	if more {
		_, _ = fmt.Fprintf(op.err, "these are the newest %d, and there are older ones: -max %d shows more\n", *most, 10**most)
	}
	return nil
}

// maxFlag is how many entries of a list that grows for a year are printed.
func maxFlag(f *flag.FlagSet, of string) *int {
	most := 100
	f.Func("max", fmt.Sprintf("print at most `n` %s, the newest; else %d", of, most), func(s string) (err error) {
		if most, err = strconv.Atoi(s); err != nil || most < 1 {
			return errors.New("want 1 or more")
		}
		return nil
	})
	return &most
}
