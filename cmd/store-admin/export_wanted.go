package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/wanted"
)

// wantedOptions are the flags of export itself.
type wantedOptions struct {
	exportOptions
	// code is a want code.
	code   string
	locked bool
}

// run exports a wanted.yaml or a wanted.lock.
func (o *wantedOptions) run(c *cobra.Command, args []string) error {
	o.wanted = defaultLock
	if len(args) > 0 {
		o.wanted = args[0]
	}
	if err := o.validate(c.Flags().Changed); err != nil {
		return err
	}
	if o.locked || filepath.Ext(o.wanted) == lockExtension {
		for _, name := range []string{"no-icons", "withdrawn", "strict", "keep-going"} {
			if c.Flags().Changed(name) {
				return cli.Usagef("--%s: a lock has a fixed content, and its export takes exactly that", name)
			}
		}
		l, err := readLocked(o.wanted)
		if err != nil {
			return err
		}
		if err := o.setReceivers(l.Receivers); err != nil {
			return err
		}
		o.archive = archiveName(o.wanted)
		return o.exportLocked(c.Context(), c.OutOrStdout(), l)
	}
	f, err := readWanted(o.wanted)
	if err != nil {
		return err
	}
	req, err := o.request(f)
	if err != nil {
		return err
	}
	if err := o.setReceivers(f.Receivers); err != nil {
		return err
	}
	return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
}

// request returns the request for everything in a wanted.yaml.
func (o *exportOptions) request(f *wanted.File) (exporter.Request, error) {
	req, err := exporter.WantedRequest(f)
	if err != nil {
		return req, err
	}
	req.NoIcons = req.NoIcons || o.noIcons
	if req.Charms != nil {
		req.Charms.NoIcons = req.NoIcons
	}
	req.Withdrawn = exporter.WithdrawnMode(o.withdrawn)
	if len(f.Models)+len(f.Stores) > 0 {
		// A model is of no use without one of its snaps, and a login that does not see a snap does not prove that it is gone.
		req.Withdrawn = cmp.Or(req.Withdrawn, exporter.WithdrawnError)
	}
	o.stores, o.needsLogin = len(f.Models)+len(f.Stores) > 0, len(f.Stores) > 0
	o.withSnaps = f.CharmSnaps != nil && *f.CharmSnaps
	o.archive = archiveName(o.wanted)
	if err := req.Validate(); err != nil {
		return req, cli.Usagef("%s: %w", o.wanted, err)
	}
	return req, setExported(&req)
}

// archiveName returns the beginning of the names of archives for a file.
func archiveName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if !validArchiveName.MatchString(name) {
		return "wanted"
	}
	return name
}

// setReceivers sets the receivers that the file names. --for names one instead.
func (o *exportOptions) setReceivers(names []string) error {
	if o.receiver.name != "" {
		return nil
	}
	switch {
	case len(names) == 0 && o.receiver.isGiven():
		return cli.Usagef("--assume-delivered, --overlap and --full need a receiver: %s names none, and --for neither", o.wanted)
	case len(names) > 1 && o.single+o.outputDir != "":
		return cli.Usagef("%s names %s, each with a bundle of its own: give --export-dir, or one of them with --for", o.wanted, cli.Count(len(names), "receiver"))
	}
	o.receivers = names
	return nil
}

// exportLocked exports the content of a lock.
func (o *wantedOptions) exportLocked(ctx context.Context, w io.Writer, l *wanted.Lock) error {
	progress := &exportProgress{w: w, quiet: o.json}
	e, err := o.newExporter(progress)
	if err != nil {
		return err
	}
	plan := &exporter.Plan{}
	head := l.Content.Head()
	if o.dryRun {
		return printLines(w, wanted.Lines(head), o.json)
	}
	out, err := o.newOutput(ctx, w, e, plan, l.Content)
	if err != nil {
		return err
	}
	defer out.Close()
	progress.start("Downloading", head.PayloadSize())
	err = e.FetchLocked(ctx, head)
	progress.done()
	if err != nil {
		return err
	}
	return out.finish(ctx, plan, progress)
}

func printLines(w io.Writer, lines []string, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, map[string]any{"content": lines})
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
