package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// printTable prints rows below a head, in columns that are aligned.
func printTable(to io.Writer, head []string, rows [][]string) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = cell(text)
		}
		_, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) // Flush returns what fails
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}
