package catalog

import "slices"

// SnapNames returns the names of the snaps.
func (c *Snapshot) SnapNames() (names []string) {
	for _, s := range c.Snaps {
		names = append(names, s.Name)
	}
	return names
}

// CharmNames returns the names of the charms of some types: charms, charm bundles or both.
func (c *Snapshot) CharmNames(types ...string) (names []string) {
	for _, ch := range c.Charms {
		if slices.Contains(types, ch.Type) {
			names = append(names, ch.Name)
		}
	}
	return names
}

// SnapChannels returns the channels that a snap is served in, some of them several times.
func (c *Snapshot) SnapChannels(name string) (channels []string) {
	if s := c.snap(name); s != nil {
		for _, row := range s.Served() {
			channels = append(channels, row.Channel)
		}
	}
	return channels
}

// SnapRevisions returns the numbers of a snap's revisions.
func (c *Snapshot) SnapRevisions(name string) (numbers []int) {
	if s := c.snap(name); s != nil {
		for _, r := range s.Revisions {
			numbers = append(numbers, r.Number)
		}
	}
	return numbers
}

// StoresOf returns the IDs of the stores that have a private snap, sorted. There are none if it has left all of them, and no stores below
// these, whose devices get it, too.
func (c *Snapshot) StoresOf(s *Snap) []string {
	stores := []string{}
	for i := range c.Stores {
		if _, ok := slices.BinarySearch(c.Stores[i].SnapIDs, s.SnapID); ok && s.Store != "" {
			stores = append(stores, c.Stores[i].ID)
		}
	}
	return stores
}
