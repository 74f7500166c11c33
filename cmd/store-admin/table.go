package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"offlinestore/cmd/internal/cli"
)

// printTable prints rows below their headings. A result without rows has only the headings.
func printTable(w io.Writer, headings []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{headings}, rows...) {
		for i := range row {
			row[i] = cli.Clean(row[i])
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// orEmpty returns the text at s, or "" for nil.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
