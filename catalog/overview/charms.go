package overview

import (
	"offlinestore/catalog"
	"offlinestore/charm"
)

// Charm is a charm or charm bundle in a list.
type Charm struct {
	Name      string          `json:"name"`
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Revisions []CharmRevision `json:"revisions"`
	Resources []Resource      `json:"resources"`
}

// CharmRevision is a revision of a charm or charm bundle.
type CharmRevision struct {
	Revision int      `json:"revision"`
	Version  string   `json:"version"`
	Bases    []string `json:"bases"`
	Size     int64    `json:"size"`
	SHA256   string   `json:"sha256"`
	// Channels include the base: "14/stable ubuntu@22.04 amd64".
	Channels []string `json:"channels"`
	// Images are the images that a charm bundle names for its applications.
	Images []Resource `json:"images,omitempty"`
}

// Resource is a resource of a charm: a file or an image.
type Resource struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Revision int    `json:"revision"`
	Size     int64  `json:"size,omitempty"`
	// Image is the name of an image inside the registry. HasImage reports whether this store has it.
	Image    string `json:"image,omitempty"`
	HasImage bool   `json:"has-image,omitempty"`
}

// ImageText returns the name of a resource's image, and tells if the store lacks it.
func (r *Resource) ImageText() string {
	if r.Image != "" && !r.HasImage {
		return r.Image + " (not in this store)"
	}
	return r.Image
}

// Charms returns the charms and charm bundles of a catalogue.
func Charms(cat *catalog.Snapshot) []Charm {
	images := imagesOf(cat)
	out := []Charm{}
	for i := range cat.Charms {
		out = append(out, listCharm(&cat.Charms[i], images))
	}
	return out
}

func listCharm(c *catalog.Charm, images map[string]bool) Charm {
	out := Charm{Name: c.Name, ID: c.ID, Type: c.Type, Revisions: []CharmRevision{}, Resources: []Resource{}}
	for _, r := range c.Revisions {
		listed := CharmRevision{Revision: r.Revision.Number, Version: r.Version, Bases: baseNames(r.Bases), Size: r.Download.Size,
			SHA256: r.Download.SHA256, Channels: charmChannels(c, r.Revision.Number)}
		for _, i := range r.Images {
			listed.Images = append(listed.Images, Resource{Name: i.Repository(), Type: charm.ResourceImage, Revision: r.Revision.Number, Image: i.Name, HasImage: images[i.Digest]})
		}
		out.Revisions = append(out.Revisions, listed)
	}
	for _, r := range c.Resources {
		l := Resource{Name: r.Name, Type: r.Type, Revision: r.Revision, Size: r.Download.Size}
		if r.Image != nil {
			l.Image, l.HasImage = r.Image.Name, images[r.Image.Digest]
		}
		out.Resources = append(out.Resources, l)
	}
	return out
}

// imagesOf returns the digests of the images that the store has.
func imagesOf(cat *catalog.Snapshot) map[string]bool {
	out := make(map[string]bool, len(cat.Images))
	for _, i := range cat.Images {
		out[i.Digest.String()] = true
	}
	return out
}

func baseNames(bases []*charm.Base) []string {
	out := []string{}
	for _, b := range bases {
		if b != nil {
			out = append(out, b.String())
		}
	}
	return out
}

// charmChannels returns the rows of the channel map that hold a revision.
func charmChannels(c *catalog.Charm, revision int) []string {
	out := []string{}
	for _, row := range c.ChannelMap {
		switch {
		case row.Revision != revision:
		case row.Base == nil:
			out = append(out, row.Channel)
		default:
			out = append(out, row.Channel+" "+row.Base.String())
		}
	}
	return out
}
