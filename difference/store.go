package difference

import (
	"cmp"

	"offlinestore/snap"
)

// OfStore returns the changes of the store of a brand. before or after is nil if the store is not there.
func OfStore(before, after *snap.Store) []Change {
	switch {
	case before == nil:
		return []Change{{What: Store, Name: after.ID, New: cmp.Or(after.Name, after.ID)}}
	case after == nil:
		return []Change{{What: Store, Name: before.ID, Old: cmp.Or(before.Name, before.ID)}}
	}
	c := Change{What: Store, Name: after.ID}
	out := c.fields(before, after, "snaps")
	old, now := snapsOf(before), snapsOf(after)
	for _, id := range unite(old, now) {
		b, was := old[id]
		a, is := now[id]
		c := Change{What: StoreSnap, Name: after.ID, Snap: a.Name}
		switch {
		case !was:
			out = append(out, c.values("", after.Home(a)))
		case !is:
			c.Snap = b.Name
			out = append(out, c.values(before.Home(b), ""))
		default:
			out = append(out, c.fields(b, a)...)
		}
	}
	return out
}

func snapsOf(s *snap.Store) map[string]snap.StoreSnap {
	out := make(map[string]snap.StoreSnap, len(s.Snaps))
	for _, m := range s.Snaps {
		out[m.SnapID] = m
	}
	return out
}
