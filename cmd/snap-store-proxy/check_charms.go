package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/charm"
	"offlinestore/store"
)

// charmGap is something that a served charm or charm bundle needs and the store lacks.
type charmGap struct {
	Charm    string `json:"charm"`
	Revision int    `json:"revision"`
	// Kind is "resource", "image", "snap" or "charm".
	Kind  string `json:"kind"`
	Needs string `json:"needs"`
	// Fix is what to do about it, outside.
	Fix string `json:"fix"`
}

// String is the gap as a sentence.
func (g *charmGap) String() string {
	return fmt.Sprintf("%s %s is needed by charm %s revision %d: %s", g.Kind, g.Needs, g.Charm, g.Revision, g.Fix)
}

// charmChecker looks for gaps of charms.
type charmChecker struct {
	cat    *store.Catalog
	images map[string]bool
	snaps  map[string]*store.Snap
	// elsewhere says that images are in another registry, of which nothing is known here.
	elsewhere bool
	gaps      []charmGap
}

// findCharmGaps goes over every open row of the charms' channel maps.
func findCharmGaps(cat *store.Catalog, elsewhere bool) []charmGap {
	k := &charmChecker{cat: cat, images: imagesOf(cat), snaps: make(map[string]*store.Snap), elsewhere: elsewhere, gaps: []charmGap{}}
	for i := range cat.Snaps {
		k.snaps[cat.Snaps[i].Name] = &cat.Snaps[i]
	}
	for i := range cat.Charms {
		c := &cat.Charms[i]
		for _, row := range c.ChannelMap {
			for j := range c.Revisions {
				if r := &c.Revisions[j]; row.Revision > 0 && r.Revision.Revision == row.Revision {
					k.row(c, r, &row)
				}
			}
		}
	}
	slices.SortFunc(k.gaps, func(a, b charmGap) int {
		return cmp.Or(cmp.Compare(a.Charm, b.Charm), cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Needs, b.Needs))
	})
	return slices.Compact(k.gaps) // one revision may be in several rows
}

func (k *charmChecker) row(c *store.Charm, r *store.CharmRevision, row *charm.Release) {
	if c.Type == charm.TypeBundle {
		k.charms(c, r)
		return
	}
	k.resources(c, r, row)
	for _, h := range r.Snaps {
		k.snap(c, r, &h)
	}
}

func (k *charmChecker) add(c *store.Charm, r *store.CharmRevision, kind, needs, fix string) {
	k.gaps = append(k.gaps, charmGap{c.Name, r.Revision.Revision, kind, needs, fix})
}

// resources finds what the charm's metadata declares and its release lacks, and images that nobody could pull.
func (k *charmChecker) resources(c *store.Charm, r *store.CharmRevision, row *charm.Release) {
	m, err := charm.ParseMetadata(r.MetadataYAML)
	if err != nil {
		return // the import has looked at it
	}
	for name := range m.Resources {
		if !slices.ContainsFunc(row.Resources, func(ref charm.ResourceRef) bool { return ref.Name == name }) {
			k.add(c, r, "resource", name, "Charmhub has released none with it; attach a file of your own with 'juju deploy --resource'")
		}
	}
	for _, ref := range row.Resources {
		i := slices.IndexFunc(c.Resources, func(res store.CharmResource) bool { return res.Name == ref.Name && res.Revision == ref.Revision })
		if i < 0 || c.Resources[i].Image == nil || k.elsewhere || k.images[c.Resources[i].Image.Digest] {
			continue
		}
		k.add(c, r, "image", c.Resources[i].Image.Name, "export the charm without --no-images, or name the registry that has it (proxy.oci-registry.domain)")
	}
}

// snap finds a snap that the charm installs and the store does not have, or not in the revision that the charm insists on.
func (k *charmChecker) snap(c *store.Charm, r *store.CharmRevision, h *charm.SnapHint) {
	s := k.snaps[h.Name]
	if s == nil {
		k.add(c, r, "snap", hintName(h, 0), "store-admin export snaps "+h.Name+channelFlag(h))
		return
	}
	for arch, n := range h.Revisions {
		if slices.ContainsFunc(s.Revisions, func(rev store.Revision) bool { return rev.Revision.Revision == n }) || !runsOn(r, arch) {
			continue
		}
		k.add(c, r, "snap", hintName(h, n), fmt.Sprintf("store-admin export snaps --from-yaml FILE, with '{name: %s, revision: %d}' under packages", h.Name, n))
	}
}

// runsOn says whether the charm is for an architecture; a hint's may be empty, for any.
func runsOn(r *store.CharmRevision, arch string) bool {
	return arch == "" || slices.ContainsFunc(r.Bases, func(b *charm.Base) bool { return b != nil && b.Architecture == arch })
}

func hintName(h *charm.SnapHint, revision int) string {
	if revision == 0 {
		return h.Name
	}
	return h.Name + " revision " + strconv.Itoa(revision)
}

func channelFlag(h *charm.SnapHint) string {
	if h.Channel == "" {
		return ""
	}
	return " --channel " + h.Channel
}

// charms finds the charms of a bundle that are not here.
func (k *charmChecker) charms(c *store.Charm, r *store.CharmRevision) {
	b, err := charm.ParseBundle([]byte(r.BundleYAML))
	if err != nil {
		return
	}
	for _, a := range b.Applications {
		if a.Local || slices.ContainsFunc(k.cat.Charms, func(have store.Charm) bool { return have.Name == a.Charm }) {
			continue
		}
		k.add(c, r, "charm", a.Charm, "store-admin export bundle "+c.Name)
	}
}

// printable joins the gaps of both kinds into lines.
func printable(snaps []gap, charms []charmGap) []string {
	var out []string
	for _, g := range snaps {
		out = append(out, fmt.Sprintf("%s for %s is needed by %s", g.Needs, g.Architecture, strings.Join(g.NeededBy, ", ")))
	}
	for _, g := range charms {
		out = append(out, g.String())
	}
	return out
}
