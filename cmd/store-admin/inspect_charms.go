package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
)

// charmSummary is what inspect shows of a charm or charm bundle.
type charmSummary struct {
	Name      string                 `json:"name"`
	ID        string                 `json:"id"`
	Type      string                 `json:"type"`
	Publisher string                 `json:"publisher"`
	Channels  []charm.Release        `json:"channel-map"`
	Revisions []charmRevisionSummary `json:"revisions"`
	Resources []resourceSummary      `json:"resources"`
}

type charmRevisionSummary struct {
	Revision int              `json:"revision"`
	Version  string           `json:"version"`
	Bases    []*charm.Base    `json:"bases"`
	Size     int64            `json:"size"`
	Digest   string           `json:"digest"`
	Snaps    []charm.SnapHint `json:"snaps,omitempty"`
}

type resourceSummary struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
	Type     string `json:"type"`
	Size     int64  `json:"size,omitempty"`
	Digest   string `json:"digest,omitempty"`
	// Image is where the image will be; its digest is in Digest.
	Image string `json:"image,omitempty"`
	// Manifests counts those of the image that are in the bundle, 0 for one that was left out.
	Manifests int `json:"manifests,omitempty"`
}

type imageSummary struct {
	Digest    string `json:"digest"`
	MediaType string `json:"media-type"`
	// Listed counts the manifests that an index lists, Manifests those of them that are in the bundle.
	Listed    int `json:"listed,omitempty"`
	Manifests int `json:"manifests,omitempty"`
	// Size is that of the config and the layers.
	Size int64 `json:"size"`
}

func summariseCharm(c *bundle.Charm, h *bundle.Head) charmSummary {
	out := charmSummary{Name: c.Name, ID: c.ID, Type: c.Type, Publisher: c.Result.Publisher.DisplayName,
		Channels: append([]charm.Release{}, c.ChannelMap...), Revisions: []charmRevisionSummary{}, Resources: []resourceSummary{}}
	for _, r := range h.CharmRevisions {
		if r.Name != c.Name {
			continue
		}
		rev := charmRevisionSummary{Revision: r.Revision.Number, Version: r.Revision.Version, Size: r.Blob.Size, Digest: r.Blob.Digest.String(), Snaps: r.Snaps}
		rev.Bases = slices.DeleteFunc(append([]*charm.Base{}, r.Revision.Bases...), func(b *charm.Base) bool { return b == nil })
		out.Revisions = append(out.Revisions, rev)
	}
	for _, r := range h.CharmResources {
		if r.Charm != c.Name {
			continue
		}
		res := resourceSummary{Name: r.Resource.Name, Revision: r.Resource.Revision, Type: r.Resource.Type}
		if r.Blob != nil {
			res.Size, res.Digest = r.Blob.Size, r.Blob.Digest.String()
		}
		if r.Image != nil {
			res.Image, res.Digest = r.Image.Name, r.Image.Digest
			res.Manifests = len(h.ImageManifests(r.Image.Digest))
		}
		out.Resources = append(out.Resources, res)
	}
	return out
}

func summariseImage(m *bundle.ImageManifest) imageSummary {
	out := imageSummary{Digest: m.Digest.String(), MediaType: m.MediaType, Listed: len(m.Listed), Manifests: len(m.Children)}
	for _, b := range m.Blobs {
		out.Size += b.Size
	}
	return out
}

func (s *summary) printCharms(w io.Writer) {
	for _, c := range s.Charms {
		fmt.Fprintf(w, "\n%s (%s %s) by %s\n", c.Name, c.Type, c.ID, cli.Clean(c.Publisher))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range c.Revisions {
			fmt.Fprintf(t, "  revision %d\t%s\t%s\t%s\n", r.Revision, cli.Clean(r.Version), describeBases(r.Bases), cli.Bytes(r.Size))
		}
		for _, r := range c.Resources {
			fmt.Fprintf(t, "  resource %s %d\t%s\t%s\n", r.Name, r.Revision, r.Type, r.describe())
		}
		for _, row := range c.Channels {
			what := "closed"
			if row.Revision > 0 {
				what = fmt.Sprintf("revision %d", row.Revision)
			}
			var with []string
			for _, r := range row.Resources {
				with = append(with, fmt.Sprintf("%s %d", r.Name, r.Revision))
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", row.Channel, describeBase(row.Base), what, strings.Join(with, ", "))
		}
		t.Flush()
	}
}

func (r *resourceSummary) describe() string {
	switch {
	case r.Type == charm.ResourceImage && r.Manifests == 0:
		return "left out, " + cli.Clean(r.Image)
	case r.Type == charm.ResourceImage:
		return fmt.Sprintf("%s, %s", cli.Count(r.Manifests, "manifest"), cli.Clean(r.Image))
	case r.Digest == "":
		return "never uploaded"
	}
	return cli.Bytes(r.Size)
}

// describeBase is the base of a row, which a bundle has not.
func describeBase(b *charm.Base) string {
	if b == nil {
		return "any base"
	}
	return b.String()
}

func describeBases(bases []*charm.Base) string {
	var out []string
	for _, b := range bases {
		out = append(out, b.String())
	}
	return strings.Join(out, ", ")
}
