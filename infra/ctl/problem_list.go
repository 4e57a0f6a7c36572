package main

import (
	"context"
	"encoding/json"
	"errors"
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
	return printPages[int](ctx, op, at, "/problems", "problems", []string{"PROBLEM", "VERSION"}, func(p struct {
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
	return printPages[int](ctx, op, at, "/problems/"+id+"/versions", "versions", []string{"VERSION", "TASKS", "CASES", "TEST DATA, BYTES", "SHA-256"}, func(v struct {
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
// each entry, which the reply has under a name. C is what tells where a page begins.
func printPages[C, T any](ctx context.Context, op operator, at apiAt, path, name string, head []string, row func(T) []string) error {
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var rows [][]string
	err = eachPage(ctx, api, path, url.Values{"limit": {"100"}}, func(page map[string]json.RawMessage) (next *C, err error) {
		var entries []T
		if err := errors.Join(json.Unmarshal(page[name], &entries), json.Unmarshal(page["next"], &next)); err != nil {
			return nil, fmt.Errorf("read the reply: %w", err)
		}
		for _, entry := range entries {
			rows = append(rows, row(entry))
		}
		return next, nil
	})
	if err != nil {
		return err
	}
	return printTable(op.out, head, rows)
}
