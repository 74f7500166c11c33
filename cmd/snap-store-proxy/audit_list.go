package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"offlinestore/audit"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newAuditList(dir *instance.Dir) *cobra.Command {
	var since cli.Moment
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the rows of the audit trail",
		Long: `List the rows of the audit trail, oldest first, one line for each: number, time,
who, from where, what, and the state before and after, shortened.`,
		Example: "  snap-store-proxy audit list --since 7d\n  snap-store-proxy audit list --json | jq '.[] | select(.what == \"override\")'",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withTrail(c.Context(), dir, func(in *instance.Instance) error {
				return listTrail(c, in.Catalog.Trail(), since, asJSON)
			})
		},
	}
	c.Flags().Var(&since, "since", "begin `TIME` ago (36h, 30d) or at a date (2026-11-29)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the whole states")
	return c
}

func listTrail(c *cobra.Command, t catalog.Trail, since cli.Moment, asJSON bool) error {
	after, err := t.Before(c.Context(), since.Time)
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	show := func(e audit.Entry, row *audit.Row) error { return printRow(w, row) }
	done := func() error { return nil }
	if asJSON {
		show, done = jsonRows(w)
	}
	err = t.Read(c.Context(), after.Number, math.MaxInt64, catalog.Visitor{Row: func(e audit.Entry) error {
		row, err := e.Decode()
		if err != nil {
			return fmt.Errorf("row %d of the audit trail: %w", e.Number, err)
		}
		return show(e, row)
	}})
	if err != nil {
		return err
	}
	return done()
}

// printRow prints a row as one line.
func printRow(w io.Writer, r *audit.Row) error {
	line := fmt.Sprintf("%d %s %s (%s) %s %s", r.Number, time.Time(r.At).Format(time.RFC3339), r.Who, r.From, r.What, r.Subject)
	switch {
	case r.Before != nil && r.After != nil:
		line += ": " + shorten(r.Before) + " → " + shorten(r.After)
	case r.Before != nil:
		line += ": was " + shorten(r.Before)
	case r.After != nil:
		line += ": " + shorten(r.After)
	}
	_, err := fmt.Fprintln(w, cli.Clean(line))
	return err
}

// maxState is the number of characters of a state in a line.
const maxState = 120

func shorten(state []byte) string {
	if utf8.RuneCount(state) <= maxState {
		return string(state)
	}
	return string([]rune(string(state))[:maxState]) + "…"
}

// jsonRows returns functions that print the elements of a list one after the other, and its end: a trail may be large.
func jsonRows(w io.Writer) (show func(audit.Entry, *audit.Row) error, done func() error) {
	separator := "["
	show = func(e audit.Entry, row *audit.Row) error {
		text, err := json.Marshal(struct {
			*audit.Row
			Hash string `json:"hash"`
		}{row, e.Hash})
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n  %s", separator, cli.EscapeJSON(text))
		}
		separator = ","
		return err
	}
	done = func() error {
		end := "\n]\n"
		if separator == "[" {
			end = "[]\n"
		}
		_, err := io.WriteString(w, end)
		return err
	}
	return show, done
}
