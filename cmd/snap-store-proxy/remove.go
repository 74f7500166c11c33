package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// errNotRemoved reports that the operator did not confirm a removal.
var errNotRemoved = errors.New("nothing was removed: it was not confirmed")

// removeOptions are the flags of the commands that remove items.
type removeOptions struct {
	instance.RemoveOptions
	yes, json bool
}

func newRemovals(dir *instance.Dir) []*cobra.Command {
	return []*cobra.Command{
		newRemove(dir, catalog.ItemSnap, &cobra.Command{
			Use:   "remove-snap NAME",
			Short: "Remove a snap, or some of its revisions, from this store",
			Long: `Remove a snap, or some of its revisions, from this store. Devices that have the snap
keep it and keep working; they get no updates of it. This fails if something still
needs the snap, unless --force is given. 'gc' then frees the space of its blobs. A
bundle that has the snap brings it back.`,
			Example: "  snap-store-proxy remove-snap jq --dry-run\n  snap-store-proxy remove-snap jq --revision 6 --revision 8",
		}),
		newRemove(dir, catalog.ItemCharm, &cobra.Command{
			Use:   "remove-charm NAME",
			Short: "Remove a charm, or some of its revisions, from this store",
			Long: `Remove a charm with its resources, or some of its revisions, from this store. Images
that no other charm needs go with it. This fails if something still needs the
charm, unless --force is given. 'gc' then frees the space of its blobs.`,
			Example: "  snap-store-proxy remove-charm postgresql --dry-run\n  snap-store-proxy remove-charm postgresql --revision 336",
		}),
		newRemove(dir, catalog.ItemBundle, &cobra.Command{
			Use:   "remove-bundle NAME",
			Short: "Remove a charm bundle, or some of its revisions, from this store",
			Long: `Remove a charm bundle, or some of its revisions, from this store. Its charms stay.
'gc' then frees the space of its blobs.`,
			Example: "  snap-store-proxy remove-bundle cos-lite --yes",
		}),
	}
}

func newRemove(dir *instance.Dir, kind catalog.ItemKind, c *cobra.Command) *cobra.Command {
	o := removeOptions{RemoveOptions: instance.RemoveOptions{Kind: kind}}
	c.Args = cobra.ExactArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		o.Name, o.By = args[0], instance.Operator() // before root's rights are given up
		for _, n := range o.Revisions {
			if n < 1 {
				return cli.Usagef("revision %d: want a number from 1", n)
			}
		}
		return withInstance(c.Context(), dir, func(in *instance.Instance) error {
			return runRemoval(c.Context(), c.OutOrStdout(), o.removalOptions(), func(ctx context.Context, dryRun bool) (*instance.Removal, error) {
				o := o.RemoveOptions
				o.DryRun = dryRun
				return in.Remove(ctx, o)
			})
		})
	}
	c.Flags().IntSliceVar(&o.Revisions, "revision", nil, "remove only revision `N`; may be repeated")
	o.addFlags(c.Flags())
	return c
}

// addFlags defines the flags that all of these commands have.
func (o *removeOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.Force, "force", false, "remove it although something needs it")
	f.BoolVar(&o.DryRun, "dry-run", false, "print what would be removed, and change nothing")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.BoolVar(&o.json, "json", false, "print JSON")
}

// removalOptions are the flags that all removals have.
type removalOptions struct{ dryRun, yes, json bool }

func (o *removeOptions) removalOptions() removalOptions {
	return removalOptions{o.DryRun, o.yes, o.json}
}

// runRemoval plans a removal, asks, and removes.
func runRemoval(ctx context.Context, w io.Writer, o removalOptions, remove func(ctx context.Context, dryRun bool) (*instance.Removal, error)) error {
	plan, err := remove(ctx, true)
	if err != nil {
		return err
	}
	if o.dryRun || plan.IsEmpty() {
		return o.print(w, plan, true)
	}
	if !o.yes {
		changes.PrintRemoved(os.Stderr, plan.Removed)
		warnOfNeeds(plan)
		yes, err := cli.Confirm("Remove this?")
		if err != nil {
			return err
		}
		if !yes {
			return errNotRemoved
		}
	}
	done, err := remove(ctx, false)
	if err != nil {
		return err
	}
	return o.print(w, done, false)
}

func (o removalOptions) print(w io.Writer, r *instance.Removal, dryRun bool) error {
	if o.json {
		return cli.PrintJSON(w, struct {
			DryRun  bool             `json:"dry-run"`
			Removed *catalog.Removed `json:"removed"`
			Needs   []string         `json:"needs"`
		}{dryRun, r.Removed, r.Needs})
	}
	changes.PrintRemoved(w, r.Removed)
	warnOfNeeds(r)
	var err error
	switch {
	case r.IsEmpty():
		_, err = fmt.Fprintln(w, "Nothing to remove.")
	case dryRun:
		_, err = fmt.Fprintf(w, "Would leave %s unused: %s. Nothing was changed.\n", cli.Count(r.Blobs, "blob"), cli.Bytes(r.Size))
	default:
		_, err = fmt.Fprintf(w, "Removed. 'snap-store-proxy gc' frees %s in %s.\n", cli.Bytes(r.Size), cli.Count(r.Blobs, "blob"))
	}
	return err
}

func warnOfNeeds(r *instance.Removal) {
	for _, need := range r.Needs {
		fmt.Fprintf(os.Stderr, "Warning: %s\n", cli.Clean(need))
	}
}
