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
)

// gcAge is how old a blob that nothing refers to must be: a push that failed can be tried again until then without copying.
const gcAge = 7 * 24 * time.Hour

func newGC(g *globals) *cobra.Command {
	var all, dry bool
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove blobs that nothing refers to",
		Long:  "Remove blobs that nothing refers to: what failed pushes left, from a week on.\nNot while a push runs.",
		Example: `  snap-store-proxy gc --dry-run
  snap-store-proxy gc --all`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.withHost(c.Context(), func(h *host) error {
				return runGC(c.Context(), c.OutOrStdout(), h, all, dry)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "the new ones, and what is in quarantine, too")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be removed, and change nothing")
	return c
}

func runGC(ctx context.Context, w io.Writer, h *host, all, dry bool) error {
	before := time.Now().Add(-gcAge)
	if all {
		before = time.Now()
	}
	release, err := h.store.Lock(ctx, true)
	if err != nil {
		return err
	}
	defer release()
	garbage, err := h.garbage(ctx, before)
	if err != nil {
		return err
	}
	var freed int64
	for _, i := range garbage {
		freed += i.Size
		if dry {
			continue
		}
		if err := h.blobs.Remove(i.Digest); err != nil {
			return err
		}
	}
	if dry {
		fmt.Fprintf(w, "%d blobs would be removed: %s.\n", len(garbage), cli.Bytes(freed))
		return nil
	}
	if err := h.tidy(all); err != nil {
		return err
	}
	if err := h.store.ForgetBlobs(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "Removed %d blobs: %s.\n", len(garbage), cli.Bytes(freed))
	return nil
}

// garbage lists the blobs of before that nothing refers to.
func (h *host) garbage(ctx context.Context, before time.Time) ([]blob.Info, error) {
	blobs, err := h.store.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	used := make(map[blob.Digest]bool, len(blobs))
	for _, b := range blobs {
		used[b.Digest] = true
	}
	var garbage []blob.Info
	err = h.blobs.List(func(i blob.Info) error {
		if !used[i.Digest] && i.Time.Before(before) {
			garbage = append(garbage, i)
		}
		return nil
	})
	return garbage, err
}

// tidy removes what killed pushes left half done and, if all is to go, the damaged blobs that were kept for inspection.
func (h *host) tidy(all bool) error {
	err := h.blobs.CleanStaging()
	if all {
		err = errors.Join(err, h.blobs.EmptyQuarantine())
	}
	return err
}
