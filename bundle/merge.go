package bundle

import (
	"maps"

	"github.com/opencontainers/go-digest"
)

// Merge returns the content of several bundles together. Of an item that several have, the later bundle's counts. The result is for
// comparisons: it cannot be imported.
func Merge(heads ...*Head) *Head {
	out := &Head{small: make(map[digest.Digest][]byte)}
	for _, h := range heads {
		out.Snaps = merge(out.Snaps, h.Snaps, func(s *Snap) string { return s.SnapID })
		out.Revisions = merge(out.Revisions, h.Revisions, (*SnapRevision).itemName)
		out.Charms = merge(out.Charms, h.Charms, (*Charm).itemName)
		out.CharmRevisions = merge(out.CharmRevisions, h.CharmRevisions, (*CharmRevision).itemName)
		out.CharmResources = merge(out.CharmResources, h.CharmResources, (*CharmResource).itemName)
		out.Images = merge(out.Images, h.Images, func(m *ImageManifest) digest.Digest { return m.Digest })
		out.Assertions = merge(out.Assertions, h.Assertions, func(a *Assertion) string { return a.Ref.String() })
		out.Withdrawals = merge(out.Withdrawals, h.Withdrawals, (*Withdrawal).itemName)
		out.Stores = merge(out.Stores, h.Stores, (*Store).itemName)
		maps.Copy(out.small, h.small)
	}
	return out
}

// merge adds items to a list, in place of the ones with the same key.
func merge[T any, K comparable](list, items []T, key func(T) K) []T {
	at := make(map[K]int, len(list))
	for i, item := range list {
		at[key(item)] = i
	}
	for _, item := range items {
		if i, ok := at[key(item)]; ok {
			list[i] = item
			continue
		}
		list = append(list, item)
	}
	return list
}
