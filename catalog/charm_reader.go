package catalog

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
)

// chosenCharms selects the charms that a loader reads.
const chosenCharms = `($1::text[] is null or charm_id = any($1))`

func (l *loader) charms() error {
	const q = `
		select charm_id, name, type, default_track, details, coalesce(icon, ''), coalesce(icon_type, ''), coalesce(size, 0)
		from charm left join blob on icon = digest where ` + chosenCharms + ` order by name collate "C"`
	var c Charm
	var details, icon, iconType string
	var size int64
	err := l.each(q, []any{&c.ID, &c.Name, &c.Type, &c.DefaultTrack, &details, &icon, &iconType, &size}, func() error {
		c.Details, c.Icon = charm.Details{}, nil
		if icon != "" {
			c.Icon = &Icon{digest.Digest(icon), iconType, size}
		}
		if err := json.Unmarshal([]byte(details), &c.Details); err != nil {
			return fmt.Errorf("charm %s: %w", c.Name, err)
		}
		l.c.Charms = append(l.c.Charms, c)
		return nil
	}, l.charmIDs)
	l.charmByID = make(map[string]*Charm, len(l.c.Charms))
	for i := range l.c.Charms {
		l.charmByID[l.c.Charms[i].ID] = &l.c.Charms[i]
	}
	return err
}

func (l *loader) charmRevisions() error {
	const q = `select charm_id, revision, item, blob from charm_revision where ` + chosenCharms + ` order by charm_id, revision`
	var id, item, blob string
	var number int
	return l.each(q, []any{&id, &number, &item, &blob}, func() error {
		var it charm.Item
		if err := json.Unmarshal([]byte(item), &it); err != nil {
			return fmt.Errorf("charm %s revision %d: %w", id, number, err)
		}
		c := l.charmByID[id]
		c.Revisions = append(c.Revisions, CharmRevision{it.Revision, it.Snaps, digest.Digest(blob), it.Images})
		return nil
	}, l.charmIDs)
}

func (l *loader) charmResources() error {
	const q = `
		select charm_id, name, revision, item, coalesce(blob, '') from charm_resource where ` + chosenCharms + `
		order by charm_id, name collate "C", revision`
	var id, name, item, blob string
	var number int
	return l.each(q, []any{&id, &name, &number, &item, &blob}, func() error {
		var it charm.ResourceItem
		if err := json.Unmarshal([]byte(item), &it); err != nil {
			return fmt.Errorf("charm %s: resource %s revision %d: %w", id, name, number, err)
		}
		c := l.charmByID[id]
		c.Resources = append(c.Resources, CharmResource{it.Resource, it.Image, digest.Digest(blob)})
		return nil
	}, l.charmIDs)
}

func (l *loader) charmChannels() error {
	const q = `
		select charm_id, base, base_channel, architecture, channel, coalesce(revision, 0), released_at, resources from charm_channel_map where ` + chosenCharms + `
		order by charm_id, channel collate "C", base collate "C", base_channel collate "C", architecture collate "C"`
	return l.charmReleases(q, func(c *Charm) *[]charm.Release { return &c.ChannelMap })
}

func (l *loader) charmHistory() error {
	const q = `
		select charm_id, base, base_channel, architecture, channel, coalesce(revision, 0), released_at, resources from charm_channel_history where ` + chosenCharms + `
		order by charm_id, signed_at desc, id desc`
	return l.charmReleases(q, func(c *Charm) *[]charm.Release { return &c.History })
}

func (l *loader) charmReleases(q string, list func(*Charm) *[]charm.Release) error {
	var id, resources string
	var base charm.Base
	var row charm.Release
	return l.each(q, []any{&id, &base.Name, &base.Channel, &base.Architecture, &row.Channel, &row.Revision, &row.ReleasedAt, &resources}, func() error {
		row.Base, row.Resources = nil, nil
		if base != (charm.Base{}) {
			b := base
			row.Base = &b
		}
		if resources != "[]" {
			if err := json.Unmarshal([]byte(resources), &row.Resources); err != nil {
				return fmt.Errorf("charm %s: channel %s: %w", id, row.Channel, err)
			}
		}
		rows := list(l.charmByID[id])
		*rows = append(*rows, row)
		return nil
	}, l.charmIDs)
}

func (l *loader) images() error {
	const sizes = `select digest, size from blob where digest in (select unnest(blobs) from image)`
	const q = `
		select digest, media_type, size, children, blobs, coalesce(subject, '') from image join blob using (digest)
		order by digest collate "C"`
	var name string
	var size int64
	bySize := make(map[string]int64)
	if err := l.each(sizes, []any{&name, &size}, func() error {
		bySize[name] = size
		return nil
	}); err != nil {
		return err
	}
	var mediaType, subject string
	var children, blobs []string
	return l.each(q, []any{&name, &mediaType, &size, &children, &blobs, &subject}, func() error {
		im := Image{Digest: digest.Digest(name), MediaType: mediaType, Size: size, Subject: digest.Digest(subject)}
		for _, d := range children {
			im.Children = append(im.Children, digest.Digest(d))
		}
		for _, d := range blobs {
			im.Blobs = append(im.Blobs, ImageBlob{digest.Digest(d), bySize[d]})
		}
		l.c.Images = append(l.c.Images, im)
		return nil
	})
}

func (l *loader) imageTags() error {
	const q = `select repository, tag, digest from image_tag order by repository collate "C", tag collate "C"`
	var t ImageTag
	var name string
	return l.each(q, []any{&t.Repository, &t.Tag, &name}, func() error {
		t.Digest = digest.Digest(name)
		l.c.ImageTags = append(l.c.ImageTags, t)
		return nil
	})
}
