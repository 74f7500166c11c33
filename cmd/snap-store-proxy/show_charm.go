package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// shownCharm is the result of show for a charm or charm bundle.
type shownCharm struct {
	Name      string               `json:"name"`
	ID        string               `json:"id"`
	Type      string               `json:"type"`
	Title     string               `json:"title"`
	Publisher string               `json:"publisher"`
	Revisions []shownCharmRevision `json:"revisions"`
	Resources []shownResource      `json:"resources"`
	Channels  []shownCharmChannel  `json:"channels"`
}

// shownOrigin is the import that brought an item. It is empty if the history does not know it any more.
type shownOrigin struct {
	Bundle     string `json:"bundle,omitempty"`
	File       string `json:"file,omitempty"`
	ImportedAt string `json:"imported-at,omitempty"`
}

type shownCharmRevision struct {
	Revision int      `json:"revision"`
	Version  string   `json:"version"`
	Bases    []string `json:"bases"`
	Size     int64    `json:"size"`
	// Images are the names of the images that a charm bundle names. Snaps are the snaps that a charm installs.
	Images []string `json:"images,omitempty"`
	Snaps  []string `json:"snaps,omitempty"`
	shownOrigin
}

type shownResource struct {
	listedResource
	shownOrigin
}

// shownCharmChannel is a row from which Juju is served. Base is empty for a charm bundle. Revision 0 means a closed channel.
type shownCharmChannel struct {
	Channel    string   `json:"channel"`
	Base       string   `json:"base,omitempty"`
	Revision   int      `json:"revision"`
	ReleasedAt string   `json:"released-at,omitempty"`
	Resources  []string `json:"resources,omitempty"`
}

// originOf returns a record of the history as an origin.
func originOf(r catalog.Record) shownOrigin {
	return shownOrigin{r.Bundle.String(), r.Name, r.ImportedAt.UTC().Format(time.RFC3339)}
}

func showCharm(ctx context.Context, in *instance.Instance, cat *catalog.Snapshot, c *catalog.Charm) (*shownCharm, error) {
	records, err := in.Catalog.History(ctx, "")
	if err != nil {
		return nil, err
	}
	revisions, resources := make(map[int]shownOrigin), make(map[charm.ResourceRef]shownOrigin)
	for _, rec := range slices.Backward(records) { // the newest import of a revision, since an earlier one was removed
		for _, r := range rec.Report.CharmRevisions {
			if r.Charm == c.Name {
				revisions[r.Revision] = originOf(rec)
			}
		}
		for _, r := range rec.Report.CharmResources {
			if r.Charm == c.Name {
				resources[charm.ResourceRef{Name: r.Resource, Revision: r.Revision}] = originOf(rec)
			}
		}
	}
	listed := charmRows(&catalog.Snapshot{Charms: []catalog.Charm{*c}, Images: cat.Images})[0]
	out := &shownCharm{Name: c.Name, ID: c.ID, Type: c.Type, Title: c.Details.Title, Publisher: c.Details.Publisher.DisplayName,
		Revisions: []shownCharmRevision{}, Resources: []shownResource{}, Channels: []shownCharmChannel{}}
	for i, r := range listed.Revisions {
		v := shownCharmRevision{Revision: r.Revision, Version: r.Version, Bases: r.Bases, Size: r.Size, shownOrigin: revisions[r.Revision]}
		for _, image := range r.Images {
			v.Images = append(v.Images, image.image())
		}
		for _, s := range c.Revisions[i].Snaps {
			v.Snaps = append(v.Snaps, s.Name)
		}
		out.Revisions = append(out.Revisions, v)
	}
	for _, r := range listed.Resources {
		out.Resources = append(out.Resources, shownResource{r, resources[charm.ResourceRef{Name: r.Name, Revision: r.Revision}]})
	}
	for _, row := range c.ChannelMap {
		v := shownCharmChannel{Channel: row.Channel, Revision: row.Revision, ReleasedAt: row.ReleasedAt}
		if row.Base != nil {
			v.Base = row.Base.String()
		}
		for _, ref := range row.Resources {
			v.Resources = append(v.Resources, fmt.Sprintf("%s %d", ref.Name, ref.Revision))
		}
		out.Channels = append(out.Channels, v)
	}
	return out, nil
}

func (c *shownCharm) print(w io.Writer) error {
	fmt.Fprintf(w, "Name: %s\nType: %s\nCharm ID: %s\nTitle: %s\nPublisher: %s\n\n", c.Name, c.Type, c.ID, cli.Clean(c.Title), cli.Clean(c.Publisher))
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "Revision\tVersion\tBases\tSize\tImages and snaps\tImported\tFile")
	for _, r := range c.Revisions {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Revision, cli.Clean(r.Version), strings.Join(r.Bases, ", "), cli.Bytes(r.Size),
			cli.Clean(strings.Join(slices.Concat(r.Images, r.Snaps), ", ")), r.ImportedAt, cli.Clean(r.File))
	}
	if len(c.Resources) > 0 {
		fmt.Fprintln(t, "\nResource\tRevision\tType\tSize\tImage\tImported\tFile")
	}
	for _, r := range c.Resources {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Revision, r.Type, r.size(), cli.Clean(r.image()), r.ImportedAt, cli.Clean(r.File))
	}
	fmt.Fprintln(t, "\nChannel\tBase\tRevision\tReleased\tResources")
	for _, r := range c.Channels {
		revision := fmt.Sprint(r.Revision)
		if r.Revision == 0 {
			revision = "closed"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Channel, r.Base, revision, cli.Clean(r.ReleasedAt), strings.Join(r.Resources, ", "))
	}
	return t.Flush()
}
