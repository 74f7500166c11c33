package catalog

import "offlinestore/assertion"

// VisibleSnaps returns the private snaps that the devices of a store get, by snap-id: the ones of the store, of the stores above it, and
// of its friendly stores. stores has all stores by ID.
func VisibleSnaps(stores map[string]*Store, id string, friends []string) map[string]bool {
	from := map[string]bool{}
	for st := stores[id]; st != nil && !from[st.ID]; st = stores[st.Parent] {
		from[st.ID] = true
	}
	for _, friend := range friends {
		from[friend] = true
	}
	seen := make(map[string]bool)
	for id := range from {
		if st := stores[id]; st != nil {
			for _, snapID := range st.SnapIDs {
				seen[snapID] = true
			}
		}
	}
	return seen
}

// FriendlyStores returns the friendly stores that a store assertion names. One that can't be read has none, because no device accepts it.
func FriendlyStores(raw []byte) (ids []string) {
	a, err := assertion.Decode(raw)
	if err != nil {
		return nil
	}
	names, _ := a.Header("friendly-stores").([]any)
	for _, name := range names {
		if id, ok := name.(string); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
