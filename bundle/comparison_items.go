package bundle

import (
	"maps"
	"slices"
	"strconv"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/charm"
	"offlinestore/difference"
	"offlinestore/snap"
)

// itemChanges returns the changes of the items that both bundles have, and the snaps and charms by name that only one of them has and
// that no revision tells of.
func itemChanges(a, b *Head) []difference.Change {
	var out []difference.Change
	for _, p := range pairs(a.Snaps, b.Snaps, func(s *Snap) string { return s.Name }) {
		out = append(out, snapChanges(p[0], p[1], a, b)...)
	}
	for _, p := range pairs(a.Revisions, b.Revisions, (*SnapRevision).itemName) {
		if p[0] != nil && p[1] != nil {
			out = append(out, difference.OfRevision(&p[0].Item, &p[1].Item)...)
		}
	}
	for _, p := range pairs(a.Charms, b.Charms, func(c *Charm) string { return c.Name }) {
		out = append(out, charmChanges(p[0], p[1], a, b)...)
	}
	for _, p := range pairs(a.CharmRevisions, b.CharmRevisions, (*CharmRevision).itemName) {
		if p[0] != nil && p[1] != nil {
			out = append(out, difference.OfCharmRevision(&p[0].Item, &p[1].Item)...)
		}
	}
	for _, p := range pairs(a.CharmResources, b.CharmResources, (*CharmResource).itemName) {
		if p[0] != nil && p[1] != nil {
			out = append(out, resourceChanges(p[0], p[1], a, b)...)
		}
	}
	for _, p := range pairs(a.Withdrawals, b.Withdrawals, (*Withdrawal).itemName) {
		if p[0] != nil && p[1] != nil {
			c := difference.Change{Snap: p[1].Name}
			if p[1].Kind == WithdrawnCharm {
				c = difference.Change{Charm: p[1].Name}
			}
			out = append(out, difference.OfWithdrawal(c, p[0].WithdrawalConfig, p[1].WithdrawalConfig)...)
		}
	}
	for _, p := range pairs(a.Stores, b.Stores, (*Store).itemName) {
		out = append(out, difference.OfStore(p[0].description(), p[1].description())...)
	}
	for _, p := range pairs(a.Repositories, b.Repositories, (*Repository).itemName) {
		out = append(out, difference.OfRepository(p[0].description(), p[1].description())...)
	}
	for _, p := range pairs(a.Images, b.Images, (*ImageManifest).itemName) {
		if p[0] != nil && p[1] != nil && (p[0].MediaType != p[1].MediaType || !slices.Equal(p[0].Children, p[1].Children)) {
			out = append(out, difference.Change{What: difference.Manifest, Name: p[1].Digest.String(), Field: "manifests", Old: strconv.Itoa(len(p[0].Children)), New: strconv.Itoa(len(p[1].Children))})
		}
	}
	return out
}

// pairs returns the elements of both lists by their keys, in the order of the keys. An element that one list lacks is nil.
func pairs[T any](a, b []*T, key func(*T) string) [][2]*T {
	byKey := make(map[string]*[2]*T)
	for i, list := range [][]*T{a, b} {
		for _, e := range list {
			if byKey[key(e)] == nil {
				byKey[key(e)] = new([2]*T)
			}
			byKey[key(e)][i] = e
		}
	}
	var out [][2]*T
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		out = append(out, *byKey[k])
	}
	return out
}

func snapChanges(s, t *Snap, a, b *Head) []difference.Change {
	switch {
	case s == nil && !slices.ContainsFunc(b.Revisions, func(r *SnapRevision) bool { return r.SnapID == t.SnapID }):
		return []difference.Change{{What: difference.Snap, Snap: t.Name, Field: "snap-id", New: t.SnapID}}
	case t == nil && !slices.ContainsFunc(a.Revisions, func(r *SnapRevision) bool { return r.SnapID == s.SnapID }):
		return []difference.Change{{What: difference.Snap, Snap: s.Name, Field: "snap-id", Old: s.SnapID}}
	case s == nil || t == nil:
		return nil
	}
	out := append(difference.OfSnap(&s.Listing, &t.Listing), iconChange(difference.Change{Snap: t.Name}, s.Icon, t.Icon, s.Unknown, t.Unknown)...)
	for _, row := range t.ChannelMap {
		i := slices.IndexFunc(s.ChannelMap, func(r snap.Release) bool {
			return r.Architecture == row.Architecture && r.Channel == row.Channel && r.Revision == row.Revision
		})
		if i >= 0 {
			c := difference.Change{Snap: t.Name, Channel: row.Channel, Architecture: row.Architecture}
			out = append(out, difference.OfReleaseTime(c, s.ChannelMap[i].ReleasedAt, row.ReleasedAt)...)
		}
	}
	return out
}

func charmChanges(s, t *Charm, a, b *Head) []difference.Change {
	switch {
	case s == nil && !slices.ContainsFunc(b.CharmRevisions, func(r *CharmRevision) bool { return r.ID == t.ID }):
		return []difference.Change{{What: difference.Charm, Charm: t.Name, Field: "id", New: t.ID}}
	case t == nil && !slices.ContainsFunc(a.CharmRevisions, func(r *CharmRevision) bool { return r.ID == s.ID }):
		return []difference.Change{{What: difference.Charm, Charm: s.Name, Field: "id", Old: s.ID}}
	case s == nil || t == nil:
		return nil
	}
	out := append(difference.OfCharm(&s.Listing, &t.Listing), iconChange(difference.Change{Charm: t.Name}, s.Icon, t.Icon, s.Unknown, t.Unknown)...)
	for _, row := range t.ChannelMap {
		i := slices.IndexFunc(s.ChannelMap, func(r charm.Release) bool {
			return baseName(r.Base) == baseName(row.Base) && r.Channel == row.Channel && r.Revision == row.Revision
		})
		if i >= 0 {
			c := difference.Change{Charm: t.Name, Channel: row.Channel, Base: baseName(row.Base)}
			out = append(out, difference.OfReleaseTime(c, s.ChannelMap[i].ReleasedAt, row.ReleasedAt)...)
		}
	}
	return out
}

// iconChange returns the change of an icon, if both bundles know it. c names the snap or charm.
func iconChange(c difference.Change, before, after *Icon, unknownBefore, unknownAfter []string) []difference.Change {
	if before == nil && len(unknownBefore) > 0 || after == nil && len(unknownAfter) > 0 {
		return nil
	}
	return difference.OfIcon(c, iconPair(before), iconPair(after))
}

// iconPair returns an icon as a digest and a media type, empty for none.
func iconPair(i *Icon) [2]string {
	if i == nil {
		return [2]string{}
	}
	return [2]string{digest.FromBytes(i.Data).String(), i.MediaType}
}

// resourceChanges returns the changes of a revision of a resource. If both bundles have its image, a change of that has entries of its own.
func resourceChanges(s, t *CharmResource, a, b *Head) []difference.Change {
	out := difference.OfResource(&s.ResourceItem, &t.ResourceItem)
	if s.Image != nil && t.Image != nil && len(a.ImageManifests(s.Image.Digest)) > 0 && len(b.ImageManifests(t.Image.Digest)) > 0 {
		out = slices.DeleteFunc(out, func(c difference.Change) bool { return c.Field == "image-digest" || c.Field == "image-name" })
	}
	return out
}

// assertionChanges returns the changes of assertions. The assertions of a revision or a component are named only if no difference in a
// revision or component of the same snap tells of them.
func assertionChanges(a, b *Head, told []Difference) ([]difference.Change, error) {
	names := make(map[string]bool)
	for _, d := range told {
		if d.Kind == DifferentRevision || d.Kind == difference.Component {
			names[d.Snap] = true
		}
	}
	old, err := a.assertionStates()
	if err != nil {
		return nil, err
	}
	now, err := b.assertionStates()
	if err != nil {
		return nil, err
	}
	snaps := make(map[string]string)
	for _, s := range slices.Concat(a.Snaps, b.Snaps) {
		snaps[s.SnapID] = s.Name
	}
	var out []difference.Change
	for _, p := range pairs(old, now, func(s *assertionState) string { return s.ref.Key() }) {
		before, after := p[0], p[1]
		if before == nil {
			before = &assertionState{ref: after.ref}
		}
		if after == nil {
			after = &assertionState{ref: before.ref}
		}
		name := difference.SnapOf(after.ref, snaps)
		if !slices.Equal(before.all, after.all) && !(names[name] && ofRevision(after.ref.Type)) {
			out = append(out, difference.OfAssertion(name, after.ref, before.newest, after.newest))
		}
	}
	return out, nil
}

// assertionState holds the texts of an assertion in all formats, and the newest of them.
type assertionState struct {
	ref    assertion.Ref
	all    []string
	newest difference.AssertionState
}

// assertionStates returns the states of all assertions, ordered by their refs.
func (h *Head) assertionStates() ([]*assertionState, error) {
	var set assertion.Set
	if _, err := h.addStreams(&set); err != nil {
		return nil, err
	}
	var out []*assertionState
	for _, a := range set.All() {
		n := len(out)
		if n == 0 || out[n-1].ref.Key() != a.Ref().Key() {
			out, n = append(out, &assertionState{ref: a.Ref()}), n+1
		}
		s := out[n-1]
		s.all = append(s.all, string(a.Raw()))
		if state := (difference.AssertionState{Format: a.Format(), Revision: a.Revision(), Raw: a.Raw()}); s.newest.Raw == nil || state.Compare(s.newest) > 0 {
			s.newest = state
		}
	}
	return out, nil
}

// ofRevision reports whether assertions of a type belong to a revision or a component.
func ofRevision(typ string) bool {
	return slices.Contains([]string{"snap-revision", "snap-resource-revision", "snap-resource-pair"}, typ)
}
