package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

// serialLogOptions are the flags of list serial-log.
type serialLogOptions struct {
	offlineOptions
	serial       string
	since, until string
	assertions   bool
}

func newListSerialLog() *cobra.Command {
	var o serialLogOptions
	c := &cobra.Command{
		Use:   "serial-log MODEL",
		Short: "List the serials that were signed for a model",
		Long: `List the serials that an air-gapped store has signed for the devices of a model, the newest
first. With --serial, list the assertions of one device; with --assertions, --json also has
the serial and the device's request.

Times are of RFC 3339, or days (2026-11-29, in UTC).
` + storeHelp + cli.ExitHelp,
		Example: `  store-admin list serial-log pump-3000
  store-admin list serial-log pump-3000 --since 2026-11-01
  store-admin list serial-log pump-3000 --serial A1234 --assertions --json | jq -r '.[0]."serial-assertion"'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return runListSerialLog(c, &o, args[0]) },
	}
	o.addFlags(c.Flags())
	f := c.Flags()
	f.StringVar(&o.serial, "serial", "", "`serial` of one device")
	f.StringVar(&o.since, "since", "", "only from this `time` on")
	f.StringVar(&o.until, "until", "", "only before this `time`")
	f.BoolVar(&o.assertions, "assertions", false, "with --serial and --json, add the assertions")
	return c
}

// query returns the query of the flags.
func (o *serialLogOptions) query() (q gateway.SerialLogQuery, err error) {
	if o.serial != "" && (o.since != "" || o.until != "") {
		return q, cli.Usagef("--serial lists everything about a device: leave out --since and --until")
	}
	if o.assertions && (o.serial == "" || !o.json) {
		return q, cli.Usagef("--assertions needs --serial and --json")
	}
	if q.Start, err = parseDay("--since", o.since); err == nil {
		q.End, err = parseDay("--until", o.until)
	}
	return q, err
}

// parseDay parses the time or the day that a flag gives, which may be empty.
func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cli.Usagef("%s %.40q: want a time like 2026-11-29T10:15:00Z, or a day like 2026-11-29", flag, text)
}

func runListSerialLog(c *cobra.Command, o *serialLogOptions, model string) error {
	if err := validatePart("model", model); err != nil {
		return err
	}
	q, err := o.query()
	if err != nil {
		return err
	}
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	p := &logPrinter{w: c.OutOrStdout(), json: o.json}
	if err := o.eachPage(c.Context(), s, model, q, p.print); err != nil {
		return err
	}
	if p.n == 0 { // the log of a deleted model stays, so the store answers for any name
		models, err := s.Models(c.Context(), s.brand)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(models, func(m gateway.Model) bool { return m.Name == model }) {
			return &noModelError{s.brand, model}
		}
	}
	return p.end()
}

// noModelError reports that a brand has no model of a name.
type noModelError struct{ brand, name string }

func (e *noModelError) Error() string {
	return fmt.Sprintf("the brand %s has no model %.80q in this store, and no serials of it", e.brand, e.name)
}

// eachPage calls print with the pages of the log.
func (o *serialLogOptions) eachPage(ctx context.Context, s *brandStore, model string, q gateway.SerialLogQuery, print func([]gateway.SerialLogItem) error) error {
	if o.serial != "" {
		if err := validatePart("serial", o.serial); err != nil {
			return err
		}
		log, err := s.SerialLogOf(ctx, s.brand, model, o.serial, o.assertions)
		if err != nil {
			return err
		}
		return print(log.Items)
	}
	for {
		log, err := s.SerialLog(ctx, s.brand, model, q)
		if err != nil {
			return err
		}
		if err := print(log.Items); err != nil || orEmpty(log.NextCursor) == "" {
			return err
		}
		if orEmpty(log.NextCursor) == q.Cursor {
			return fmt.Errorf("the store's log does not end: it leads to the same page again")
		}
		q.Cursor = *log.NextCursor
	}
}

// logPrinter prints a log page by page, because it may be long.
type logPrinter struct {
	w    io.Writer
	json bool
	n    int
}

const logLine = "%-20s  %-36s  %-8s  %-64s  %-64s  %s\n"

func (p *logPrinter) print(items []gateway.SerialLogItem) error {
	for _, i := range items {
		if !p.json {
			p.head()
			if _, err := fmt.Fprintf(p.w, logLine, i.CreatedAt.UTC().Format(time.RFC3339), cli.Clean(i.Serial), fmt.Sprint(i.Revision), cli.Clean(i.DeviceKey),
				cli.Clean(i.SigningKey), cli.Clean(i.RemoteAddress)); err != nil {
				return err
			}
			continue
		}
		before := ","
		if p.n == 0 {
			before = "["
		}
		if _, err := io.WriteString(p.w, before); err != nil {
			return err
		}
		if err := cli.PrintJSON(p.w, i); err != nil {
			return err
		}
		p.n++
	}
	return nil
}

// head prints the headings, once.
func (p *logPrinter) head() {
	if p.n == 0 {
		fmt.Fprintf(p.w, logLine, "Time", "Serial", "Revision", "Device key", "Signing key", "Address")
	}
	p.n++
}

func (p *logPrinter) end() error {
	text := ""
	switch {
	case !p.json && p.n == 0:
		p.head()
	case p.json && p.n == 0:
		text = "[]\n"
	case p.json:
		text = "]\n"
	}
	_, err := io.WriteString(p.w, text)
	return err
}
