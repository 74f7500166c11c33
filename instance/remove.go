package instance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/closure"
)

// RemoveOptions name a snap, charm or charm bundle to remove from a store, or images that belong to no charm: a repository, or one of its tags
// or digests.
type RemoveOptions struct {
	Kind catalog.ItemKind
	Name string
	// Revisions are the revisions to remove. If empty, everything about the item is removed.
	Revisions []int
	// By names the operator.
	By string
	// Force also removes an item that is still needed.
	Force bool
	// DryRun changes nothing.
	DryRun bool
}

// Removal is the result of a removal.
type Removal struct {
	*catalog.Removed
	// Needs are sentences about everything that needs a removed item.
	Needs []string
}

// NeededError reports an item that was not removed because something still needs it.
type NeededError struct {
	What  string
	Needs []string
}

// Error returns a text that names a limited number of needs.
func (e *NeededError) Error() string {
	const most = 8
	list := e.Needs
	if len(list) > most+1 {
		list = append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(e.Needs)-most))
	}
	return fmt.Sprintf("%s is still needed: %s", e.What, strings.Join(list, "; "))
}

// KindError reports a name that belongs to a charm instead of a charm bundle, or the reverse.
type KindError struct {
	Name string
	Kind catalog.ItemKind
}

// Error returns a text with the kind that has the name.
func (e *KindError) Error() string { return fmt.Sprintf("%s is a %s", e.Name, kindName(e.Kind)) }

// kindName returns the kind of an item in the form used in a sentence.
func kindName(k catalog.ItemKind) string {
	if k == catalog.ItemBundle {
		return "charm bundle"
	}
	return string(k)
}

// Remove removes an item from the catalogue. Its blobs are garbage afterwards. If something still needs the item, it returns a
// *NeededError, unless o.Force is set.
func (in *Instance) Remove(ctx context.Context, o RemoveOptions) (*Removal, error) {
	out := &Removal{Needs: []string{}}
	var asked catalog.Item
	removal := &catalog.Removal{Reason: catalog.ReasonRemove, By: o.By, DryRun: o.DryRun}
	removal.Choose = func(c *catalog.Snapshot) (_ []catalog.Item, err error) {
		if o.Kind == catalog.ItemImage {
			asked, err = imageItem(c, o.Name)
		} else {
			asked, err = itemOf(c, o)
		}
		return []catalog.Item{asked}, err
	}
	removal.Approve = func(before, after *catalog.Snapshot, r *catalog.Removed) (err error) {
		out.Needs, err = in.needsOf(before, after, r)
		if out.Needs = append(out.Needs, tagNeeds(asked, r)...); err != nil || len(out.Needs) == 0 {
			return err
		}
		if !o.Force {
			return &NeededError{kindName(o.Kind) + " " + o.Name, out.Needs}
		}
		removal.Forced = true
		return nil
	}
	var err error
	out.Removed, err = in.Catalog.Remove(ctx, removal)
	return out, err
}

// itemOf finds an item in the catalogue, with its revisions.
func itemOf(c *catalog.Snapshot, o RemoveOptions) (catalog.Item, error) {
	it := catalog.Item{Kind: o.Kind, Name: o.Name, Whole: len(o.Revisions) == 0, Revisions: o.Revisions}
	have, ok := revisionsOf(c, o)
	if !ok {
		if _, other := revisionsOf(c, RemoveOptions{Kind: otherKind(o.Kind), Name: o.Name}); other {
			return it, &KindError{o.Name, otherKind(o.Kind)}
		}
		return it, &catalog.NotFoundError{What: fmt.Sprintf("%s %.60q", kindName(o.Kind), o.Name)}
	}
	left := slices.Clone(have)
	for _, n := range o.Revisions {
		if !slices.Contains(have, n) {
			var names []string
			for _, h := range have {
				names = append(names, fmt.Sprint(h))
			}
			return it, &catalog.NotFoundError{What: fmt.Sprintf("revision %d of %s", n, o.Name), Available: names}
		}
		left = slices.DeleteFunc(left, func(l int) bool { return l == n })
	}
	it.Whole = it.Whole || len(left) == 0
	return it, nil
}

// otherKind returns the other kind among charms and charm bundles, which share their names.
func otherKind(k catalog.ItemKind) catalog.ItemKind {
	switch k {
	case catalog.ItemCharm:
		return catalog.ItemBundle
	case catalog.ItemBundle:
		return catalog.ItemCharm
	}
	return ""
}

// revisionsOf returns the numbers of an item's revisions, and reports whether the catalogue has the item.
func revisionsOf(c *catalog.Snapshot, o RemoveOptions) (numbers []int, ok bool) {
	if o.Kind == catalog.ItemSnap {
		for _, s := range c.Snaps {
			if s.Name == o.Name {
				for _, r := range s.Revisions {
					numbers = append(numbers, r.Number)
				}
				return numbers, true
			}
		}
		return nil, false
	}
	for _, ch := range c.Charms {
		if ch.Name == o.Name && catalog.ItemKind(ch.Type) == o.Kind {
			for _, r := range ch.Revisions {
				numbers = append(numbers, r.Number)
			}
			return numbers, true
		}
	}
	return nil, false
}

// needsOf names everything in after that needs a removed part: rows of channel maps, and other items.
func (in *Instance) needsOf(before, after *catalog.Snapshot, r *catalog.Removed) ([]string, error) {
	needs := []string{}
	for _, m := range r.SnapMoves {
		if !slices.Contains(r.Snaps, m.Snap) {
			needs = append(needs, fmt.Sprintf("revision %d is in %s for %s", m.From, m.Channel, m.Architecture))
		}
	}
	for _, m := range r.Overrides {
		if !slices.Contains(r.Snaps, m.Snap) {
			needs = append(needs, fmt.Sprintf("an override puts revision %d into %s for %s", m.From, m.Channel, m.Architecture))
		}
	}
	for _, m := range r.CharmMoves {
		if slices.Contains(r.Charms, m.Charm) || slices.Contains(r.Bundles, m.Charm) {
			continue
		}
		row := m.Channel
		if m.Base != "" {
			row += " for " + m.Base
		}
		needs = append(needs, fmt.Sprintf("revision %d is in %s", m.From, row))
	}
	gaps, err := in.newGaps(before, after)
	for _, g := range gaps {
		needs = append(needs, g.String())
	}
	return needs, err
}

// newGaps returns the gaps of after that are not gaps of before.
func (in *Instance) newGaps(before, after *catalog.Snapshot) ([]closure.Gap, error) {
	old, err := in.Gaps(before)
	if err != nil {
		return nil, err
	}
	gaps, err := in.Gaps(after)
	if err != nil {
		return nil, err
	}
	type key struct {
		kind  closure.Kind
		needs string
		by    closure.Needer
	}
	known := make(map[key]bool)
	for _, g := range old {
		for _, by := range g.NeededBy {
			known[key{g.Kind, g.Needs(), by}] = true
		}
	}
	for i, g := range gaps {
		gaps[i].NeededBy = slices.DeleteFunc(g.NeededBy, func(by closure.Needer) bool { return known[key{g.Kind, g.Needs(), by}] })
	}
	return slices.DeleteFunc(gaps, func(g closure.Gap) bool { return len(g.NeededBy) == 0 }), nil
}
