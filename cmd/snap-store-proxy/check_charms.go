package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/charm"
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
	by := "charm"
	if g.Kind == "charm" {
		by = "bundle"
	}
	return fmt.Sprintf("%s %s is needed by %s %s revision %d: %s", g.Kind, g.Needs, by, g.Charm, g.Revision, g.Fix)
}

// charmChecker looks for gaps of charms.
type charmChecker struct {
	cat    *catalog.Snapshot
	images map[string]bool
	snaps  map[string]*catalog.Snap
	// elsewhere says that images are in another registry, of which nothing is known here.
	elsewhere bool
	gaps      []charmGap
}

// findCharmGaps goes over every open row of the charms' channel maps.
func findCharmGaps(cat *catalog.Snapshot, elsewhere bool) []charmGap {
	k := &charmChecker{cat: cat, images: imagesOf(cat), snaps: make(map[string]*catalog.Snap), elsewhere: elsewhere, gaps: []charmGap{}}
	for i := range cat.Snaps {
		k.snaps[cat.Snaps[i].Name] = &cat.Snaps[i]
	}
	for i := range cat.Charms {
		c := &cat.Charms[i]
		for _, row := range c.ChannelMap {
			for j := range c.Revisions {
				if r := &c.Revisions[j]; row.Revision > 0 && r.Revision.Number == row.Revision {
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

func (k *charmChecker) row(c *catalog.Charm, r *catalog.CharmRevision, row *charm.Release) {
	if c.Type == charm.TypeBundle {
		k.charms(c, r)
		return
	}
	k.resources(c, r, row)
	for i := range r.Snaps {
		if row.Base != nil {
			k.snap(c, r, row, &r.Snaps[i])
		}
	}
}

func (k *charmChecker) add(c *catalog.Charm, r *catalog.CharmRevision, kind, needs, fix string) {
	k.gaps = append(k.gaps, charmGap{c.Name, r.Revision.Number, kind, needs, fix})
}

// resources finds what the charm's metadata declares and its release lacks, and images that nobody could pull.
func (k *charmChecker) resources(c *catalog.Charm, r *catalog.CharmRevision, row *charm.Release) {
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
		i := slices.IndexFunc(c.Resources, func(res catalog.CharmResource) bool { return res.Name == ref.Name && res.Revision == ref.Revision })
		if i < 0 || c.Resources[i].Image == nil || k.elsewhere || k.images[c.Resources[i].Image.Digest] {
			continue
		}
		k.add(c, r, "image", c.Resources[i].Image.Name, "export the charm without --no-images, or name the registry that has it (proxy.oci-registry.domain)")
	}
}

// snap finds a snap that the charm installs and the store does not have for the row's architecture, or not in the revision that the
// charm insists on.
func (k *charmChecker) snap(c *catalog.Charm, r *catalog.CharmRevision, row *charm.Release, h *charm.SnapHint) {
	arch := row.Base.Architecture
	n, pinned := h.Revisions[arch]
	if !pinned {
		n, pinned = h.Revisions[""]
	}
	if !pinned && len(h.Revisions) > 0 {
		return // it is not installed there
	}
	fits := func(rev catalog.SnapRevision) bool {
		if pinned {
			return rev.Revision.Number == n
		}
		return slices.Contains(rev.Architectures, arch) || slices.Contains(rev.Architectures, "all")
	}
	if s := k.snaps[h.Name]; s != nil && slices.ContainsFunc(s.Revisions, fits) {
		return
	}
	if pinned {
		k.add(c, r, "snap", fmt.Sprintf("%s revision %d", h.Name, n),
			fmt.Sprintf("export the charm again, with --with-snaps, or put '{name: %s, revision: %d}' under packages in the FILE of 'store-admin export snaps --from-yaml FILE --arch %s'", h.Name, n, arch))
		return
	}
	command := "store-admin export snaps " + h.Name + " --arch " + arch
	if h.Channel != "" {
		command += " --channel " + h.Channel
	}
	k.add(c, r, "snap", h.Name+" for "+arch, fmt.Sprintf("export the charm again, with --with-snaps, or the snap: '%s'", command))
}

// charms finds the charms of a bundle that are not here, or not in the channel or revision that it names.
func (k *charmChecker) charms(c *catalog.Charm, r *catalog.CharmRevision) {
	b, err := charm.ParseBundle([]byte(r.BundleYAML))
	if err != nil {
		return // the import has looked at it
	}
	for i := range b.Applications {
		a := &b.Applications[i]
		if needs := k.application(a); needs != "" {
			k.add(c, r, "charm", needs, fmt.Sprintf("export the bundle again: 'store-admin export bundle %s'", c.Name))
		}
	}
}

// application says what an application of a bundle lacks, "" for nothing.
func (k *charmChecker) application(a *charm.Application) string {
	if a.Local {
		return ""
	}
	i := slices.IndexFunc(k.cat.Charms, func(have catalog.Charm) bool { return have.Name == a.Charm })
	if i < 0 {
		return a.Charm
	}
	have := &k.cat.Charms[i]
	if a.Revision != nil {
		if slices.ContainsFunc(have.Revisions, func(r catalog.CharmRevision) bool { return r.Revision.Number == *a.Revision }) {
			return ""
		}
		return fmt.Sprintf("%s revision %d", a.Charm, *a.Revision)
	}
	wanted, err := channel.Parse(cmp.Or(a.Channel, channel.Stable))
	if err != nil {
		return ""
	}
	wanted = wanted.WithTrack(cmp.Or(have.DefaultTrack, channel.DefaultTrack))
	for _, ch := range wanted.Fallbacks() {
		if slices.ContainsFunc(have.ChannelMap, func(row charm.Release) bool { return row.Revision > 0 && row.Channel == ch.String() }) {
			return ""
		}
	}
	return a.Charm + " in " + wanted.String()
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
