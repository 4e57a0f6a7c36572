package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
	return printPages(ctx, op, at, "/problems", "problems", []string{"PROBLEM", "VERSION"}, func(p struct {
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
	f := op.flags("ctl problem versions")
	at := apiFlags(f)
	id, err := parseID(f, args)
	if err != nil {
		return err
	}
	return printPages(ctx, op, at, "/problems/"+id+"/versions", "versions", []string{"VERSION", "TASKS", "CASES", "TEST DATA, BYTES", "SHA-256"}, func(v struct {
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
// each entry, which the reply has under a name.
func printPages[T any](ctx context.Context, op operator, at apiAt, path, name string, head []string, row func(T) []string) error {
	api, err := at.open(op)
	if err != nil {
		return err
	}
	var rows [][]string
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
			rows = append(rows, row(entry))
		}
		if err := json.Unmarshal(page["next"], &next); err != nil {
			return fmt.Errorf("read the reply: %w", err)
		}
	}
	return printTable(op.out, head, rows)
}
