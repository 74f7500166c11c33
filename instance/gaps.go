package instance

import (
	"bytes"
	"fmt"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/closure"
)

// Gaps returns the needs of a catalogue's snaps, charms, models and validation sets that the catalogue cannot fill. If the settings name another
// registry, it has the images.
func (in *Instance) Gaps(c *catalog.Snapshot) ([]closure.Gap, error) {
	set, err := SetOf(c)
	if err != nil {
		return nil, err
	}
	set.ImagesElsewhere = in.Settings.Values().RegistryDomain != ""
	return set.Gaps(), nil
}

// SetOf returns the content of a catalogue in closure's form: snaps with the channel maps that devices are served.
func SetOf(c *catalog.Snapshot) (*closure.Set, error) {
	set := &closure.Set{Images: make(map[string]bool, len(c.Images))}
	for i := range c.Snaps {
		s := &c.Snaps[i]
		out := closure.Snap{Name: s.Name, SnapID: s.SnapID, DefaultTrack: s.DefaultTrack, ChannelMap: s.Served()}
		for j := range s.Revisions {
			out.Revisions = append(out.Revisions, &s.Revisions[j].Revision)
		}
		set.Snaps = append(set.Snaps, out)
	}
	for i := range c.Charms {
		ch := &c.Charms[i]
		out := closure.Charm{Name: ch.Name, Type: ch.Type, DefaultTrack: ch.DefaultTrack, ChannelMap: ch.ChannelMap}
		for j := range ch.Revisions {
			out.Revisions = append(out.Revisions, closure.CharmRevision{Revision: &ch.Revisions[j].Revision, Snaps: ch.Revisions[j].Snaps, Images: ch.Revisions[j].Images})
		}
		for _, r := range ch.Resources {
			out.Resources = append(out.Resources, closure.CharmResource{Name: r.Name, Revision: r.Revision, Image: r.Image})
		}
		set.Charms = append(set.Charms, out)
	}
	for _, image := range c.Images {
		set.Images[image.Digest.String()] = true
	}
	set.Hidden = hidden(c)
	return set, addAssertions(set, c.Assertions)
}

// hidden returns whether devices of a model don't get a snap, by the rule of the server.
func hidden(c *catalog.Snapshot) func(*assertion.Assertion, string) bool {
	stores, friends, private := make(map[string]*catalog.Store), make(map[string][]string), make(map[string]bool)
	for i := range c.Stores {
		stores[c.Stores[i].ID] = &c.Stores[i]
	}
	for i := range c.Snaps {
		private[c.Snaps[i].SnapID] = c.Snaps[i].Store != ""
	}
	for _, a := range c.Assertions {
		if a.Type == "store" {
			friends[a.PrimaryKey[0]] = append(friends[a.PrimaryKey[0]], catalog.FriendlyStores(a.Raw)...)
		}
	}
	seen := make(map[string]map[string]bool) // by store: a list may be long, and models have many snaps
	return func(model *assertion.Assertion, snapID string) bool {
		id := model.HeaderString("store")
		if st := stores[id]; st != nil && st.BrandID != "" && st.BrandID != model.HeaderString("brand-id") {
			return private[snapID]
		}
		if private[snapID] && seen[id] == nil {
			seen[id] = catalog.VisibleSnaps(stores, id, friends[id])
		}
		return private[snapID] && !seen[id][snapID]
	}
}

// addAssertions adds the assertions that need something. It decodes a declaration only if it may control refreshes, and has no newer
// revision in another format.
func addAssertions(set *closure.Set, list []catalog.Assertion) error {
	newest := make(map[string]int)
	for _, a := range list {
		key := assertion.Ref{Type: a.Type, PrimaryKey: a.PrimaryKey}.Key()
		newest[key] = max(newest[key], a.Revision)
	}
	for _, a := range list {
		ref := assertion.Ref{Type: a.Type, PrimaryKey: a.PrimaryKey}
		switch a.Type {
		case "model", "validation-set", "validation":
		case "snap-declaration":
			if a.Revision < newest[ref.Key()] || !bytes.Contains(a.Raw, []byte("\nrefresh-control:")) {
				continue
			}
		default:
			continue
		}
		decoded, err := assertion.Decode(a.Raw)
		if err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		set.AddAssertion(decoded)
	}
	return nil
}
