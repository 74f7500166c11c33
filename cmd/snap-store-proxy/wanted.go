package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/snap"
)

// wantedOptions are the flags of wanted.
type wantedOptions struct{ json, yaml, charms, forget bool }

func newWanted(dir *instance.Dir) *cobra.Command {
	var o wantedOptions
	c := &cobra.Command{
		Use:   "wanted",
		Short: "List what clients ask for in vain",
		Long: `List the snaps and charms that clients asked for and that are not here, the most
often wanted first. All servers of this store keep the list together, without the
clients' names. A server adds to it within ten seconds. An import removes what it
brings.

--yaml prints a file for 'store-admin export snaps --from-yaml', and with --charms
one for 'store-admin export charms'.`,
		Example: "  snap-store-proxy wanted\n  snap-store-proxy wanted --yaml > wanted.yaml\n  snap-store-proxy wanted --charms --yaml > charms.yaml\n  snap-store-proxy wanted --forget",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.json && o.yaml {
				return cli.Usagef("--json or --yaml: give one of them")
			}
			return withExisting(c.Context(), dir, func(in *instance.Instance) error {
				list, err := in.Catalog.Wanted(c.Context())
				if err == nil {
					list, err = nameSnaps(c.Context(), in.Catalog, list)
				}
				if err == nil {
					err = o.print(c.OutOrStdout(), list)
				}
				if err == nil && o.forget {
					err = in.Catalog.ForgetWanted(c.Context())
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().BoolVar(&o.yaml, "yaml", false, "print the snaps for 'store-admin export snaps --from-yaml'")
	c.Flags().BoolVar(&o.charms, "charms", false, "list only charms; with --yaml, print them for 'store-admin export charms'")
	c.Flags().BoolVar(&o.forget, "forget", false, "empty the list after it is printed")
	return c
}

// nameSnaps replaces the IDs of snaps by their names, as far as assertions of the store have them.
func nameSnaps(ctx context.Context, db *catalog.DB, list []catalog.Wanted) ([]catalog.Wanted, error) {
	for i, w := range list {
		if w.Kind != catalog.WantedSnapID {
			continue
		}
		d, err := db.Assertion(ctx, assertion.Ref{Type: "snap-declaration", PrimaryKey: []string{snap.Series, w.Name}})
		if errors.Is(err, assertion.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if name := d.HeaderString("snap-name"); snap.ValidateName(name) == nil {
			list[i].Kind, list[i].Name = catalog.WantedSnap, name
		}
	}
	return list, nil
}

func wantsCharm(w catalog.Wanted) bool {
	return w.Kind == catalog.WantedCharm || w.Kind == catalog.WantedCharmID
}

func (o wantedOptions) print(w io.Writer, list []catalog.Wanted) error {
	shown := []catalog.Wanted{}
	for _, item := range list {
		if !o.charms && !o.yaml || o.charms == wantsCharm(item) {
			shown = append(shown, item)
		}
	}
	switch {
	case o.json:
		return cli.PrintJSON(w, shown)
	case o.yaml && o.charms:
		return printWantedCharms(w, shown)
	case o.yaml:
		return printWantedSnaps(w, shown)
	}
	if len(shown) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "Kind\tName\tChannel\tArchitecture\tRevision\tCount\tLast")
	for _, item := range shown {
		revision := ""
		if item.Revision > 0 {
			revision = fmt.Sprint(item.Revision)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", item.Kind, cli.Clean(item.Name), cli.Clean(item.Channel), cli.Clean(item.Architecture), revision, item.Count, item.Last.UTC().Format(time.RFC3339))
	}
	return t.Flush()
}
