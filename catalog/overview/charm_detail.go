package overview

import (
	"fmt"
	"slices"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// CharmDetail is a charm or charm bundle with the origin of its revisions and resources.
type CharmDetail struct {
	Name      string                `json:"name"`
	ID        string                `json:"id"`
	Type      string                `json:"type"`
	Title     string                `json:"title"`
	Publisher string                `json:"publisher"`
	Revisions []CharmRevisionDetail `json:"revisions"`
	Resources []ResourceDetail      `json:"resources"`
	Channels  []CharmChannel        `json:"channels"`
	// Hold is a line about the hold of the charm, empty for none.
	Hold string `json:"hold,omitempty"`
}

// CharmRevisionDetail is a revision of a charm or charm bundle, and its origin.
type CharmRevisionDetail struct {
	Revision int      `json:"revision"`
	Version  string   `json:"version"`
	Bases    []string `json:"bases"`
	Size     int64    `json:"size"`
	// Images are the names of the images that a charm bundle names. Snaps are the snaps that a charm installs.
	Images []string `json:"images,omitempty"`
	Snaps  []string `json:"snaps,omitempty"`
	Origin
}

// ResourceDetail is a resource and its origin.
type ResourceDetail struct {
	Resource
	Origin
}

// CharmChannel is a row from which Juju is served. Base is empty for a charm bundle. Revision 0 means a closed channel.
type CharmChannel struct {
	Channel    string   `json:"channel"`
	Base       string   `json:"base,omitempty"`
	Revision   int      `json:"revision"`
	ReleasedAt string   `json:"released-at,omitempty"`
	Resources  []string `json:"resources,omitempty"`
}

// DescribeCharm describes a charm or charm bundle of a catalogue. The records are the whole history, newest first.
func DescribeCharm(cat *catalog.Snapshot, c *catalog.Charm, records []catalog.Record) *CharmDetail {
	revisions, resources := charmOrigins(c.Name, records)
	listed := listCharm(c, imagesOf(cat))
	out := &CharmDetail{Name: c.Name, ID: c.ID, Type: c.Type, Title: c.Details.Title, Publisher: c.Details.Publisher.DisplayName,
		Revisions: []CharmRevisionDetail{}, Resources: []ResourceDetail{}, Channels: []CharmChannel{}, Hold: HoldLine(cat, c.Name, true)}
	for i, r := range listed.Revisions {
		v := CharmRevisionDetail{Revision: r.Revision, Version: r.Version, Bases: r.Bases, Size: r.Size, Origin: revisions[r.Revision]}
		for _, image := range r.Images {
			v.Images = append(v.Images, image.ImageText())
		}
		for _, s := range c.Revisions[i].Snaps {
			v.Snaps = append(v.Snaps, s.Name)
		}
		out.Revisions = append(out.Revisions, v)
	}
	for _, r := range listed.Resources {
		out.Resources = append(out.Resources, ResourceDetail{r, resources[charm.ResourceRef{Name: r.Name, Revision: r.Revision}]})
	}
	for _, row := range c.ChannelMap {
		v := CharmChannel{Channel: row.Channel, Revision: row.Revision, ReleasedAt: row.ReleasedAt}
		if row.Base != nil {
			v.Base = row.Base.String()
		}
		for _, ref := range row.Resources {
			v.Resources = append(v.Resources, fmt.Sprintf("%s %d", ref.Name, ref.Revision))
		}
		out.Channels = append(out.Channels, v)
	}
	return out
}

// charmOrigins returns the origins of a charm's revisions and resources.
func charmOrigins(name string, records []catalog.Record) (revisions map[int]Origin, resources map[charm.ResourceRef]Origin) {
	revisions, resources = make(map[int]Origin), make(map[charm.ResourceRef]Origin)
	for _, rec := range slices.Backward(records) { // the newest import of a revision, since an earlier one was removed
		for _, r := range rec.Report.CharmRevisions {
			if r.Charm == name {
				revisions[r.Revision] = originOf(rec)
			}
		}
		for _, r := range rec.Report.CharmResources {
			if r.Charm == name {
				resources[charm.ResourceRef{Name: r.Resource, Revision: r.Revision}] = originOf(rec)
			}
		}
	}
	return revisions, resources
}
