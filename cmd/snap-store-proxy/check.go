package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/closure"
	"offlinestore/cmd/internal/advice"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// gapsError reports the dependencies of served items that the store lacks.
type gapsError struct{ gaps []closure.Gap }

func (e *gapsError) Error() string { return "not all that is served could be installed" }

func newCheck(dir *instance.Dir) *cobra.Command {
	var asJSON, blobs bool
	var o scrubFlags
	c := &cobra.Command{
		Use:   "check",
		Short: "Find dependencies of the served snaps and charms that the store lacks",
		Long: `Find dependencies that the store lacks: snaps need their bases, snapd and default
content providers; charms need their resources, their images and the snaps that
they install; charm bundles need their charms; models need their gadget, kernel,
base and other snaps; validation sets need the revisions that they pin; snaps
that control the refreshes of others need the approvals of these. Also find
channels with a revision for other architectures, and names that several images
have. With --blobs, read every blob and verify its digests; a damaged blob is put
into quarantine and is not served any more. An interrupted check of the blobs
continues where it stopped when it is run again within a week. With --subset,
check one of several parts of the blobs, for example another one every night.`,
		Example: "  snap-store-proxy check\n  snap-store-proxy check --blobs\n  snap-store-proxy check --blobs --subset 1/7",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			opts, err := o.options(blobs)
			if err != nil {
				return err
			}
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				if blobs {
					return checkBlobs(c.Context(), c.OutOrStdout(), in, opts, asJSON)
				}
				return checkNeeds(c.OutOrStdout(), in, cat, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&blobs, "blobs", false, "read and hash every blob")
	c.Flags().StringVar(&o.subset, "subset", "", "with --blobs, only part N of T parts, in the form `N/T`")
	c.Flags().BoolVar(&o.fromStart, "from-start", false, "with --blobs, do not continue an interrupted check")
	return c
}

func checkNeeds(w io.Writer, in *instance.Instance, cat *catalog.Snapshot, asJSON bool) error {
	gaps, err := in.Gaps(cat)
	if err != nil {
		return err
	}
	if asJSON {
		if err := cli.PrintJSON(w, advice.NewGapRows(gaps)); err != nil {
			return err
		}
	} else {
		for _, g := range gaps {
			fmt.Fprintln(w, cli.GapLine(g))
		}
	}
	switch {
	case len(gaps) > 0:
		return &gapsError{gaps}
	case !asJSON && len(cat.Charms) > 0:
		fmt.Fprintf(w, "All that the %s and %s need is here.\n", cli.Count(len(cat.Snaps), "snap"), cli.Count(len(cat.Charms), "charm"))
	case !asJSON:
		fmt.Fprintf(w, "All that the %d snaps need is here.\n", len(cat.Snaps))
	}
	return nil
}
