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
