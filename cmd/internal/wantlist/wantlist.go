// Package wantlist prints the items that a store follows, and the items that its clients ask for in vain.
package wantlist

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/wanted"
)

// Options are the forms of the output. Without one, it is a wanted.yaml.
type Options struct {
	JSON, YAML, List bool
	// Charms leaves out everything but charms.
	Charms bool
}

// Print prints the items that the store follows, or the items that its clients ask for in vain.
func (o Options) Print(ctx context.Context, w io.Writer, in *instance.Instance) error {
	list, err := wanted.List(ctx, in.Catalog)
	if err != nil {
		return err
	}
	if o == (Options{}) {
		return printFollowed(ctx, w, in, list)
	}
	shown := []catalog.Wanted{}
	for _, item := range list {
		if !o.Charms && !o.YAML || o.Charms == wanted.IsCharm(item) {
			shown = append(shown, item)
		}
	}
	switch {
	case o.JSON:
		return cli.PrintJSON(w, shown)
	case o.YAML && o.Charms:
		return printFile(w, wanted.Charms(shown), "store-admin export charms FILE", "charm id")
	case o.YAML:
		return printFile(w, wanted.Snaps(shown), "store-admin export snaps --from-yaml FILE", "snap-id")
	}
	return printTable(w, shown)
}

// printFollowed prints the items that the store follows.
func printFollowed(ctx context.Context, w io.Writer, in *instance.Instance, list []catalog.Wanted) error {
	cat, err := in.Catalog.LoadSnapshot(ctx)
	if err != nil {
		return err
	}
	gaps, err := in.Gaps(cat)
	if err != nil {
		return err
	}
	var missing []string
	for _, g := range gaps {
		missing = append(missing, cli.GapLine(g))
	}
	return wanted.Follow(cat).Write(w, list, missing)
}

func printTable(w io.Writer, list []catalog.Wanted) error {
	if len(list) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "Kind\tName\tChannel\tArchitecture\tRevision\tCount\tLast")
	for _, item := range list {
		revision := ""
		if item.Revision > 0 {
			revision = fmt.Sprint(item.Revision)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", item.Kind, cli.Clean(item.Name), cli.Clean(item.Channel), cli.Clean(item.Architecture), revision, item.Count, item.Last.UTC().Format(time.RFC3339))
	}
	return t.Flush()
}

// printFile prints a file for the exporter. The channels and architectures are flags of the export, so a comment has them.
func printFile(w io.Writer, f *wanted.File, command, id string) error {
	for _, c := range f.Channels {
		command += " --channel " + c
	}
	for _, a := range f.Architectures {
		command += " --arch " + a
	}
	fmt.Fprintf(w, "# %s\n", cli.Clean(command))
	if len(f.Unnamed) > 0 {
		fmt.Fprintf(w, "# clients also want %s, whose names are not known here: %s\n", cli.Count(len(f.Unnamed), id), cli.Clean(strings.Join(f.Unnamed, ", ")))
	}
	return f.WriteYAML(w)
}
