package instance

import (
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
		out := closure.Snap{Name: s.Name, DefaultTrack: s.DefaultTrack, ChannelMap: s.Served()}
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
	for _, a := range c.Assertions {
		if a.Type != "model" && a.Type != "validation-set" {
			continue
		}
		decoded, err := assertion.Decode(a.Raw)
		if err != nil {
			return nil, fmt.Errorf("%s %v: %w", a.Type, a.PrimaryKey, err)
		}
		set.AddAssertion(decoded)
	}
	return set, nil
}
