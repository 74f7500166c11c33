package server

import (
	"fmt"
	"slices"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/snap"
)

// addPins prepares the answers for devices with a validation set that pins other revisions of components than the released ones.
func (ix *index) addPins() error {
	if !slices.ContainsFunc(ix.snaps, (*indexedSnap).hasFurther) {
		return nil
	}
	for key, list := range ix.assertions.all() {
		if list[0].Type != "validation-set" {
			continue
		}
		set, err := assertion.Decode(list[0].Raw)
		if err != nil {
			return fmt.Errorf("index assertion %s: %w", list[0].ref(), err)
		}
		snaps, err := set.SetSnaps()
		if err != nil {
			continue // no device accepts the set
		}
		for _, s := range snaps {
			if sn := ix.byID.get(s.SnapID); sn != nil {
				if err := sn.addPins(key, s); err != nil {
					return fmt.Errorf("index snap %s: %w", sn.Name, err)
				}
			}
		}
	}
	return nil
}

func (sn *indexedSnap) hasFurther() bool {
	return slices.ContainsFunc(sn.Revisions, func(r catalog.SnapRevision) bool { return len(r.Further) > 0 })
}

// addPins prepares the answers for a validation set, which pins want.
func (sn *indexedSnap) addPins(set string, want assertion.SetSnap) error {
	for _, r := range sn.revisions {
		if want.Revision != 0 && want.Revision != r.number() {
			continue
		}
		list, changed := pinComponents(&r.SnapRevision.Revision, want.Components)
		if !changed {
			continue
		}
		pinned := *r.SnapRevision
		pinned.Resources = list
		o, err := revisionFields.prepare(snapRevision{&pinned, sn.SnapID})
		if err != nil {
			return err
		}
		if r.pinned == nil {
			r.pinned = make(map[string]*object)
		}
		r.pinned[set] = &o
	}
	return nil
}

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
func (c *refreshCall) pinnedObject(a *snap.Action, rev *indexedRevision) *object {
	if len(rev.pinned) == 0 {
		return &rev.object
	}
	sets := a.ValidationSets
	if installed := c.installed(a.InstanceKey); len(sets) == 0 && installed != nil && a.Action == snap.ActionRefresh {
		sets = installed.ValidationSets
	}
	for _, set := range sets {
		key := assertionKey("validation-set", set)
		if o := rev.pinned[key]; o != nil && c.ix.assertions.get(key) != nil { // the device sees the set
			return o
		}
	}
	return &rev.object
}
