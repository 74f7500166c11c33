package server

import (
	"slices"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/snap"
)

// pinComponents returns the components of r with the revisions that a validation set pins, as far as they are here. It reports whether
// these are others than the released ones.
func pinComponents(r *snap.Revision, pins []assertion.SetComponent) (list []snap.Resource, changed bool) {
	list = slices.Clone(r.Resources)
	for _, p := range pins {
		i := slices.IndexFunc(list, func(res snap.Resource) bool { return res.Name == p.Name })
		c, ok := r.Component(p.Name, p.Revision)
		switch {
		case !ok || p.Revision == 0 || i >= 0 && list[i].Revision == p.Revision:
			continue
		case i < 0:
			list = append(list, c)
		default:
			list[i] = c
		}
		changed = true
	}
	return list, changed
}

// pinnedObject returns the answer about rev to an action. The validation sets of the action take precedence over the ones of the
// installed snap, as upstream. Sets that a device enforces together pin the same revisions, so the first that pins any decides.
func (c *refreshCall) pinnedObject(a *snap.Action, sn *indexedSnap, rev *indexedRevision) (*object, error) {
	pins := c.ix.pins[sn.SnapID]
	if len(pins) == 0 {
		return rev.answers()
	}
	full, err := rev.read()
	if err != nil || len(full.Further) == 0 {
		return rev.answers()
	}
	sets := a.ValidationSets
	if installed := c.installed(a.InstanceKey); len(sets) == 0 && installed != nil && a.Action == snap.ActionRefresh {
		sets = installed.ValidationSets
	}
	for _, set := range sets {
		key := assertionKey("validation-set", set)
		for _, p := range pins {
			if p.set != key || p.Revision != 0 && p.Revision != rev.number || !c.ix.seesAssertion(c.ix.special[key]) {
				continue
			}
			if o := pinRevision(full, sn.SnapID, p.Components); o != nil {
				return o, nil
			}
		}
	}
	return rev.answers()
}

// pinRevision returns the answer about a revision with the components that a validation set pins, or nil if these are the released ones.
func pinRevision(r *catalog.SnapRevision, snapID string, components []assertion.SetComponent) *object {
	list, changed := pinComponents(&r.Revision, components)
	if !changed {
		return nil
	}
	pinned := *r
	pinned.Resources = list
	o, err := revisionFields.prepare(snapRevision{&pinned, snapID})
	if err != nil {
		return nil // the components of a bundle are valid, so this does not happen
	}
	return &o
}
