package wanted

import (
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// Only returns the part of a file that is about some of its snaps, charms, charm bundles and images. It returns an error for a name that the file
// does not have.
func (f *File) Only(names []string) (*File, error) {
	g := *f
	g.ValidationSets, g.AccountKeys, g.Models, g.Stores = nil, nil, nil, nil
	found := make(map[string]bool)
	g.Snaps = keep(f.Snaps, func(s *Snap) string { return s.Name }, names, found)
	g.Charms = keep(f.Charms, func(c *Charm) string { return c.Name }, names, found)
	g.Bundles = keep(f.Bundles, func(b *CharmBundle) string { return b.Name }, names, found)
	g.Images.List = nil
	for _, i := range f.Images.List {
		for _, name := range []string{i.Name, i.wish()} {
			if slices.Contains(names, name) {
				found[name] = true
				if !slices.ContainsFunc(g.Images.List, func(have Image) bool { return have.Position == i.Position }) {
					g.Images.List = append(g.Images.List, i)
				}
			}
		}
	}
	g.Applications = nil
	for _, a := range f.Applications {
		if slices.Contains(names, a.Charm) {
			found[a.Charm], g.Applications = true, append(g.Applications, a)
		}
	}
	for _, name := range names {
		if !found[name] {
			return nil, fmt.Errorf("%s names no snap, charm, bundle or image %.*q", f.Path, maxShown, name)
		}
	}
	return &g, nil
}

// keep returns the elements of a list that have one of the names.
func keep[T any](list []T, name func(*T) string, names []string, found map[string]bool) (out []T) {
	for i := range list {
		if n := name(&list[i]); slices.Contains(names, n) {
			found[n], out = true, append(out, list[i])
		}
	}
	return out
}

// Update returns the content of a lock in which the snaps, charms and tags of another content stand in place of its own ones.
func Update(old, now *bundle.Content) (*bundle.Content, error) {
	a, b := old.Head(), now.Head()
	newer := make(map[itemKey]bool)
	kept, images := keptRepositories(a, b)
	for _, s := range b.Snaps {
		newer[itemKey{false, s.Name}] = true
	}
	for _, c := range b.Charms {
		newer[itemKey{true, c.Name}] = true
	}
	h := &bundle.Head{
		Snaps:          without(newer, false, a.Snaps, func(s *bundle.Snap) string { return s.Name }),
		Revisions:      without(newer, false, a.Revisions, func(r *bundle.SnapRevision) string { return r.Name }),
		Charms:         without(newer, true, a.Charms, func(c *bundle.Charm) string { return c.Name }),
		CharmRevisions: without(newer, true, a.CharmRevisions, func(r *bundle.CharmRevision) string { return r.Name }),
		CharmResources: without(newer, true, a.CharmResources, func(r *bundle.CharmResource) string { return r.Charm }),
		Assertions:     a.Assertions, Stores: a.Stores,
		Repositories: kept,
	}
	for _, w := range a.Withdrawals {
		if !newer[itemKey{w.Kind == bundle.WithdrawnCharm, w.Name}] {
			h.Withdrawals = append(h.Withdrawals, w)
		}
	}
	h.Images = append(imagesOf(a, h), images...)
	h.Snaps, h.Revisions = append(h.Snaps, b.Snaps...), append(h.Revisions, b.Revisions...)
	h.Charms, h.CharmRevisions = append(h.Charms, b.Charms...), append(h.CharmRevisions, b.CharmRevisions...)
	h.CharmResources, h.Images = append(h.CharmResources, b.CharmResources...), append(h.Images, b.Images...)
	h.Withdrawals = append(h.Withdrawals, b.Withdrawals...)
	d := &bundle.Builder{}
	if err := d.AddHead(h); err != nil {
		return nil, err
	}
	return d.Content()
}

// without returns the elements of a list whose snaps or charms are not in newer.
func without[T any](newer map[itemKey]bool, charm bool, list []*T, name func(*T) string) (out []*T) {
	for _, e := range list {
		if !newer[itemKey{charm, name(e)}] {
			out = append(out, e)
		}
	}
	return out
}

// imagesOf returns the manifests of a bundle that the charms in part need.
func imagesOf(all, part *bundle.Head) (out []*bundle.ImageManifest) {
	seen := make(map[digest.Digest]bool)
	add := func(list []*bundle.ImageManifest) {
		for _, m := range list {
			if !seen[m.Digest] {
				seen[m.Digest], out = true, append(out, m)
			}
		}
	}
	for _, r := range part.CharmResources {
		if r.Image != nil {
			add(all.ImageTree(r.Image))
		}
	}
	for _, r := range part.CharmRevisions {
		for i := range r.Images {
			add(all.ImageTree(&r.Images[i]))
		}
	}
	return out
}
