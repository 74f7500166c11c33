package closure

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/snap"
)

// OfBundles returns the combined content of bundles, given their heads.
func OfBundles(heads ...*bundle.Head) (*Set, error) {
	c := &collector{
		set: &Set{Images: make(map[string]bool)}, snaps: make(map[string]*Snap), charms: make(map[string]*Charm),
		revisions: make(map[revisionKey]bool),
	}
	for _, h := range heads {
		c.addSnaps(h)
		c.addCharms(h)
		if err := c.addAssertions(h); err != nil {
			return nil, err
		}
	}
	return c.sortedSet(), nil
}

// needingHeaders begin lines of assertions that need something.
var needingHeaders = []string{"type: model\n", "type: validation-set\n", "type: validation\n", refreshControl + ":"}

// collector joins the heads of bundles, several of which may hold the same snap or charm.
type collector struct {
	set       *Set
	snaps     map[string]*Snap
	charms    map[string]*Charm
	revisions map[revisionKey]bool
}

func (c *collector) addSnaps(h *bundle.Head) {
	for _, from := range h.Snaps {
		s := c.snaps[from.Name]
		if s == nil {
			s = &Snap{Name: from.Name, SnapID: from.SnapID}
			c.snaps[s.Name] = s
		}
		s.DefaultTrack = from.DefaultTrack
		s.ChannelMap = append(s.ChannelMap, from.ChannelMap...)
	}
	for _, r := range h.Revisions {
		if s, key := c.snaps[r.Name], (revisionKey{r.Name, r.Revision.Number}); s != nil && !c.revisions[key] {
			c.revisions[key] = true
			s.Revisions = append(s.Revisions, &r.Revision)
		}
	}
}

func (c *collector) addCharms(h *bundle.Head) {
	for _, from := range h.Charms {
		ch := c.charms[from.Name]
		if ch == nil {
			ch = &Charm{Name: from.Name}
			c.charms[ch.Name] = ch
		}
		ch.Type, ch.DefaultTrack = from.Type, from.DefaultTrack
		ch.ChannelMap = append(ch.ChannelMap, from.ChannelMap...)
	}
	for _, r := range h.CharmRevisions {
		if ch := c.charms[r.Name]; ch != nil {
			ch.Revisions = append(ch.Revisions, CharmRevision{&r.Revision, r.Snaps, r.Images})
		}
	}
	for _, r := range h.CharmResources {
		if ch := c.charms[r.Charm]; ch != nil {
			ch.Resources = append(ch.Resources, CharmResource{r.Resource.Name, r.Resource.Revision, r.Image})
		}
	}
	for _, m := range h.Images {
		c.set.Images[m.Digest.String()] = true
	}
}

// addAssertions adds the assertions of a bundle that need something. Most streams have none, and are not decoded.
func (c *collector) addAssertions(h *bundle.Head) error {
	var streams [][]byte
	for _, s := range h.Snaps {
		streams = append(streams, s.Assertions)
	}
	for _, r := range h.Revisions {
		streams = append(streams, r.Assertions)
	}
	for _, a := range h.Assertions {
		streams = append(streams, a.Assertions)
	}
	for _, stream := range streams {
		if !slices.ContainsFunc(needingHeaders, func(header string) bool { return bytes.Contains(stream, []byte(header)) }) {
			continue
		}
		all, err := assertion.DecodeAll(stream)
		if err != nil {
			return fmt.Errorf("read the assertions: %w", err)
		}
		for _, a := range all {
			c.set.AddAssertion(a)
		}
	}
	return nil
}

// sortedSet returns the set, sorted by name.
func (c *collector) sortedSet() *Set {
	for _, s := range c.snaps {
		s.addUnreleased()
		c.set.Snaps = append(c.set.Snaps, *s)
	}
	for _, ch := range c.charms {
		ch.AddUnreleased()
		c.set.Charms = append(c.set.Charms, *ch)
	}
	slices.SortFunc(c.set.Snaps, func(a, b Snap) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(c.set.Charms, func(a, b Charm) int { return cmp.Compare(a.Name, b.Name) })
	return c.set
}

// addUnreleased adds rows without a channel for the revisions in no channel: they were exported to be installed by number.
func (s *Snap) addUnreleased() {
	released := s.architectures()
	for _, r := range s.Revisions {
		if len(released[r.Number]) > 0 {
			continue
		}
		for _, arch := range r.Architectures {
			s.ChannelMap = append(s.ChannelMap, snap.Release{Architecture: arch, Revision: r.Number})
		}
	}
}

// AddUnreleased adds rows without a channel for the revisions of a charm in no channel, one for each base with an architecture:
// they were exported to be deployed by number.
func (c *Charm) AddUnreleased() {
	released := make(map[int]bool)
	for _, row := range c.ChannelMap {
		released[row.Revision] = true
	}
	for _, r := range c.Revisions {
		if released[r.Revision.Number] {
			continue
		}
		for _, b := range r.Bases {
			if c.Type == charm.TypeBundle || b != nil && b.Architecture != charm.All {
				c.ChannelMap = append(c.ChannelMap, charm.Release{Base: b, Revision: r.Revision.Number})
			}
		}
	}
}
