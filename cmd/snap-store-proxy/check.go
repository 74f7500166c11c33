package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/cmd/internal/ui"
	"offlinestore/store"
)

// errGaps says that served snaps need something that the store lacks.
var errGaps = errors.New("devices could not install all of the snaps")

// gap is a need of a served snap that the store can't fill.
type gap struct {
	Needs        string   `json:"needs"`
	Architecture string   `json:"architecture"`
	NeededBy     []string `json:"needed-by"`
}

func newCheck(g *globals) *cobra.Command {
	var asJSON, blobs bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Find what the served snaps need and the store lacks",
		Long: `Find what the served snaps need and the store lacks: bases, snapd, default
content providers. With --blobs, read every blob and compare it with its
digests; a damaged one is put into quarantine and is not served any more.
` + ui.ExitHelp,
		Example: "  snap-store-proxy check\n  snap-store-proxy check --blobs",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.withCatalog(c.Context(), func(h *host, cat *store.Catalog) error {
				if blobs {
					return checkBlobs(c.Context(), c.OutOrStdout(), h)
				}
				return checkNeeds(c.OutOrStdout(), cat, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&blobs, "blobs", false, "read and hash every blob")
	return c
}

func checkNeeds(w io.Writer, cat *store.Catalog, asJSON bool) error {
	gaps := findGaps(cat)
	if asJSON {
		if err := ui.PrintJSON(w, map[string]any{"gaps": gaps}); err != nil {
			return err
		}
	} else {
		for _, gp := range gaps {
			fmt.Fprintf(w, "%s for %s is needed by %s\n", gp.Needs, gp.Architecture, strings.Join(gp.NeededBy, ", "))
		}
	}
	if len(gaps) > 0 {
		return ui.Hint(errGaps, "export what is missing: store-admin export snaps %s", exportArgs(gaps))
	}
	if !asJSON {
		fmt.Fprintf(w, "All that the %d snaps need is here.\n", len(cat.Snaps))
	}
	return nil
}

// exportArgs are the arguments of the export that would fill the gaps.
func exportArgs(gaps []gap) string {
	var names, archs []string
	for _, g := range gaps {
		names, archs = append(names, g.Needs), append(archs, "--arch "+g.Architecture)
	}
	slices.Sort(names)
	slices.Sort(archs)
	return strings.Join(slices.Compact(names), " ") + " " + strings.Join(slices.Compact(archs), " ")
}

// findGaps goes over every open row of the channel maps.
func findGaps(cat *store.Catalog) []gap {
	have := make(map[[2]string]bool) // name, architecture
	type row struct {
		name, arch string
		rev        *store.Revision
	}
	var rows []row
	for i := range cat.Snaps {
		s := &cat.Snaps[i]
		for _, c := range s.ChannelMap {
			j := slices.IndexFunc(s.Revisions, func(r store.Revision) bool { return r.Revision.Revision == c.Revision })
			if j < 0 {
				continue
			}
			have[[2]string{s.Name, c.Architecture}] = true
			if slices.Contains(s.Revisions[j].Architectures, "all") {
				have[[2]string{s.Name, "all"}] = true
			}
			rows = append(rows, row{s.Name, c.Architecture, &s.Revisions[j]})
		}
	}
	by := make(map[[2]string][]string)
	for _, r := range rows {
		bases, providers := r.rev.Needs()
		for _, n := range slices.Concat(bases, providers, []string{"snapd"}) {
			key := [2]string{n, r.arch}
			if n != r.name && !have[key] && !have[[2]string{n, "all"}] && !slices.Contains(by[key], r.name) {
				by[key] = append(by[key], r.name)
			}
		}
	}
	gaps := []gap{}
	for key, names := range by {
		slices.Sort(names)
		gaps = append(gaps, gap{key[0], key[1], names})
	}
	slices.SortFunc(gaps, func(a, b gap) int {
		return cmp.Or(cmp.Compare(a.Needs, b.Needs), cmp.Compare(a.Architecture, b.Architecture))
	})
	return gaps
}

// checkBlobs hashes every blob of the catalogue, and takes the damaged ones out of service.
func checkBlobs(ctx context.Context, w io.Writer, h *host) error {
	release, err := h.store.Lock(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	blobs, err := h.store.Blobs(ctx)
	if err != nil {
		return err
	}
	var total int64
	for _, b := range blobs {
		total += b.Size
	}
	bar := ui.NewProgress("Checking", total)
	bad := h.hashAll(ctx, blobs, bar)
	bar.Done()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var errs []error
	for _, b := range bad {
		fmt.Fprintf(w, "%s: %v\n", b.Digest, b.err)
		if errors.Is(b.err, blob.ErrNotFound) {
			continue
		}
		path, err := h.blobs.Quarantine(b.Digest)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(w, "  moved to %s\n", path)
	}
	if len(bad) > 0 {
		err := &ui.Error{Code: ui.Damaged, Err: fmt.Errorf("%d of %d blobs are damaged or missing", len(bad), len(blobs)), Hint: "push the bundles that brought them again: only the missing blobs are copied"}
		return errors.Join(append(errs, err)...)
	}
	fmt.Fprintf(w, "All %d blobs (%s) are good.\n", len(blobs), ui.Bytes(total))
	return nil
}

type badBlob struct {
	store.Blob
	err error
}

// hashAll returns the blobs that are not what the catalogue says.
func (h *host) hashAll(ctx context.Context, blobs []store.Blob, bar *ui.Progress) []badBlob {
	hasher := blob.NewHasher(0)
	results := make(chan badBlob, len(blobs))
	for _, b := range blobs {
		f, err := h.blobs.OpenBlob(b.Digest)
		if err != nil {
			results <- badBlob{b, err}
			continue
		}
		done := func(sum blob.Sum, err error) {
			f.Close() // only read from
			bar.Add(b.Size)
			results <- badBlob{b, errors.Join(err, compare(b, sum, err))}
		}
		if err := hasher.Submit(ctx, blob.Job{Reader: f, Size: b.Size, SHA256: true, Done: done}); err != nil {
			done(blob.Sum{}, err)
		}
	}
	hasher.Close()
	close(results)
	var bad []badBlob
	for r := range results {
		if r.err != nil {
			bad = append(bad, r)
		}
	}
	slices.SortFunc(bad, func(a, b badBlob) int { return cmp.Compare(a.Digest, b.Digest) })
	return bad
}

func compare(b store.Blob, sum blob.Sum, err error) error {
	switch {
	case err != nil:
		return nil
	case hex.EncodeToString(sum.SHA256[:]) != b.Digest.Encoded():
		return errors.New("its content has another SHA-256")
	case b.SHA3384 != "" && hex.EncodeToString(sum.SHA3_384[:]) != b.SHA3384:
		return errors.New("its content has another SHA3-384")
	}
	return nil
}
