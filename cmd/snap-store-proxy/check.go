package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// errGaps says that served snaps need something that the store lacks.
var errGaps = errors.New("not all that is served could be installed")

// gap is a need of a served snap that the store can't fill.
type gap struct {
	Needs        string   `json:"needs"`
	Architecture string   `json:"architecture"`
	NeededBy     []string `json:"needed-by"`
}

func newCheck(dir *instance.Dir) *cobra.Command {
	var asJSON, blobs bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Find what the served snaps and charms need and the store lacks",
		Long: `Find what is served and needs something that the store lacks: snaps their bases,
snapd and default content providers; charms their resources, their images and
the snaps that they install; charm bundles their charms. With --blobs, read every blob and compare it with its
digests; a damaged one is put into quarantine and is not served any more.`,
		Example: "  snap-store-proxy check\n  snap-store-proxy check --blobs",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				if blobs {
					return checkBlobs(c.Context(), c.OutOrStdout(), in, asJSON)
				}
				return checkNeeds(c.OutOrStdout(), in, cat, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&blobs, "blobs", false, "read and hash every blob")
	return c
}

func checkNeeds(w io.Writer, in *instance.Instance, cat *catalog.Snapshot, asJSON bool) error {
	domain := in.Settings.Values().RegistryDomain
	gaps, charmGaps := findGaps(cat), findCharmGaps(cat, domain != "")
	if asJSON {
		if err := cli.PrintJSON(w, map[string]any{"gaps": gaps, "charm-gaps": charmGaps}); err != nil {
			return err
		}
	} else {
		for _, line := range printable(gaps, charmGaps) {
			fmt.Fprintln(w, line)
		}
	}
	switch {
	case len(gaps) > 0:
		return cli.Hint(errGaps, "export what is missing: store-admin export snaps %s", exportArgs(gaps))
	case len(charmGaps) > 0:
		return cli.Hint(errGaps, "each line says what would fill the gap")
	case !asJSON && len(cat.Charms) > 0:
		fmt.Fprintf(w, "All that the %s and %s need is here.\n", cli.Count(len(cat.Snaps), "snap"), cli.Count(len(cat.Charms), "charm"))
	case !asJSON:
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

// findGaps goes over every open row of the channel maps, as they are served.
func findGaps(cat *catalog.Snapshot) []gap {
	have := make(map[[2]string]bool) // name, architecture
	type row struct {
		name, arch string
		rev        *catalog.SnapRevision
	}
	var rows []row
	for i := range cat.Snaps {
		s := &cat.Snaps[i]
		for _, c := range s.Served() {
			j := slices.IndexFunc(s.Revisions, func(r catalog.SnapRevision) bool { return r.Revision.Number == c.Revision })
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
