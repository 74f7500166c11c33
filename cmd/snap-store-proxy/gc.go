package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// gcAge is how old a blob that nothing refers to must be: a push that failed can be tried again until then without copying.
const gcAge = 7 * 24 * time.Hour

func newGC(dir *instance.Dir) *cobra.Command {
	var all, dry bool
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove blobs that nothing refers to",
		Long:  "Remove blobs that nothing refers to: what failed pushes left, from a week on.\nNot while a push runs.",
		Example: `  snap-store-proxy gc --dry-run
  snap-store-proxy gc --all`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				return runGC(c.Context(), c.OutOrStdout(), in, all, dry)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "the new ones, and what is in quarantine, too")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be removed, and change nothing")
	return c
}

func runGC(ctx context.Context, w io.Writer, in *instance.Instance, all, dry bool) error {
	before := time.Now().Add(-gcAge)
	if all {
		before = time.Now()
	}
	release, err := in.Catalog.Lock(ctx, true)
	if err != nil {
		return err
	}
	defer release()
	garbage, err := garbage(ctx, in, before)
	if err != nil {
		return err
	}
	var freed int64
	for _, i := range garbage {
		freed += i.Size
		if dry {
			continue
		}
		if err := in.Blobs.Remove(i.Digest); err != nil {
			return err
		}
	}
	if dry {
		fmt.Fprintf(w, "%d blobs would be removed: %s.\n", len(garbage), cli.Bytes(freed))
		return nil
	}
	if err := tidy(in, all); err != nil {
		return err
	}
	if err := in.Catalog.ForgetBlobs(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "Removed %d blobs: %s.\n", len(garbage), cli.Bytes(freed))
	return nil
}

// garbage lists the blobs of before that nothing refers to.
func garbage(ctx context.Context, in *instance.Instance, before time.Time) ([]blob.Info, error) {
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	used := make(map[blob.Digest]bool, len(blobs))
	for _, b := range blobs {
		used[b.Digest] = true
	}
	var garbage []blob.Info
	err = in.Blobs.List(func(i blob.Info) error {
		if !used[i.Digest] && i.Time.Before(before) {
			garbage = append(garbage, i)
		}
		return nil
	})
	return garbage, err
}

// tidy removes what killed pushes left half done and, if all is to go, the damaged blobs that were kept for inspection.
func tidy(in *instance.Instance, all bool) error {
	err := in.Blobs.CleanStaging()
	if all {
		err = errors.Join(err, in.Blobs.EmptyQuarantine())
	}
	return err
}
