package bundle

import (
	"fmt"

	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/snap"
)

// validate refuses a head whose items contradict each other.
func (h *Head) validate() error {
	if err := h.checkSnaps(); err != nil {
		return err
	}
	if err := h.checkCharms(); err != nil {
		return err
	}
	if err := h.checkWithdrawals(); err != nil {
		return err
	}
	if err := h.checkStores(); err != nil {
		return err
	}
	if err := h.checkRepositories(); err != nil {
		return err
	}
	return h.checkImages()
}

func (h *Head) checkSnaps() error {
	ids, names := make(map[string]string, len(h.Snaps)), make(map[string]string, len(h.Snaps))
	for _, s := range h.Snaps {
		if other := names[s.SnapID]; other != "" {
			return corrupt("%s and %s have the same snap-id", other, s.Name)
		}
		ids[s.Name], names[s.SnapID] = s.SnapID, s.Name
	}
	have := make(map[string]*SnapRevision, len(h.Revisions))
	for _, r := range h.Revisions {
		if ids[r.Name] != r.SnapID {
			return corrupt("%s: the bundle has no snap of that name and snap-id", r.itemName())
		}
		have[r.itemName()] = r
	}
	for _, s := range h.Snaps {
		if err := s.checkChannels(have); err != nil {
			return err
		}
	}
	return nil
}

// checkChannels refuses a row without its revision, and two releases of one epoch in a channel. revisions has the bundle's
// revisions by item name.
func (s *Snap) checkChannels(revisions map[string]*SnapRevision) error {
	type release struct {
		architecture, channel string
		epoch                 channelmap.Epoch
	}
	seen := make(map[release]bool, len(s.ChannelMap))
	for _, row := range s.ChannelMap {
		if row.Revision == 0 {
			continue
		}
		r := revisions[fmt.Sprintf("%s_%d", s.Name, row.Revision)]
		if r == nil {
			return corrupt("%s: revision %d is released to %s and not in the bundle", s.Name, row.Revision, row.Channel)
		}
		if row.Architecture == snap.All && !r.Revision.Supports(snap.All) {
			return corrupt("%s: revision %d is released to %s for all architectures, and does not run on all", s.Name, row.Revision, row.Channel)
		}
		key := release{row.Architecture, row.Channel, channelmap.NewEpoch(r.Revision.Epoch.Read, r.Revision.Epoch.Write)}
		if seen[key] {
			return corrupt("%s: %s for %s has two revisions of the same epoch", s.Name, row.Channel, row.Architecture)
		}
		seen[key] = true
	}
	return nil
}

func (h *Head) checkCharms() error {
	charms, names := make(map[string]*Charm, len(h.Charms)), make(map[string]string, len(h.Charms))
	for _, c := range h.Charms {
		if other := names[c.ID]; other != "" {
			return corrupt("%s and %s have the same id", other, c.Name)
		}
		charms[c.Name], names[c.ID] = c, c.Name
	}
	have := make(map[string]bool, len(h.CharmRevisions)+len(h.CharmResources))
	for _, r := range h.CharmRevisions {
		if c := charms[r.Name]; c == nil || c.ID != r.ID || c.Type != r.Type {
			return corrupt("%s: the bundle has no %s of that name and id", r.itemName(), r.Type)
		}
		have[r.itemName()] = true
	}
	for _, r := range h.CharmResources {
		if c := charms[r.Charm]; c == nil || c.ID != r.CharmID || c.Type != charm.TypeCharm {
			return corrupt("%s: the bundle has no charm of that name and id", r.itemName())
		}
		have[r.itemName()] = true
	}
	for _, c := range h.Charms {
		for _, row := range c.ChannelMap {
			if row.Revision > 0 && !have[charmRevisionName(c.Name, row.Revision)] {
				return corrupt("%s: revision %d is released to %s and not in the bundle", c.itemName(), row.Revision, row.Channel)
			}
			for _, r := range row.Resources {
				if !have[charmResourceName(c.Name, r.Name, r.Revision)] {
					return corrupt("%s: revision %d of resource %s is released to %s and not in the bundle", c.itemName(), r.Revision, r.Name, row.Channel)
				}
			}
		}
	}
	return nil
}
