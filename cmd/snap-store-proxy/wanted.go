package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/wanted"
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
				list, err := wanted.List(c.Context(), in.Catalog)
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

func (o wantedOptions) print(w io.Writer, list []catalog.Wanted) error {
	shown := []catalog.Wanted{}
	for _, item := range list {
		if !o.charms && !o.yaml || o.charms == wanted.IsCharm(item) {
			shown = append(shown, item)
		}
	}
	switch {
	case o.json:
		return cli.PrintJSON(w, shown)
	case o.yaml && o.charms:
		return printWantedFile(w, wanted.Charms(shown), "store-admin export charms FILE", "charm id")
	case o.yaml:
		return printWantedFile(w, wanted.Snaps(shown), "store-admin export snaps --from-yaml FILE", "snap-id")
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

// printWantedFile prints a file for the exporter. The channels and architectures are flags of the export, so a comment has them.
func printWantedFile(w io.Writer, f *wanted.File, command, id string) error {
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
