package instance

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/receipt"
)

// Receipt returns the signed file that describes the store to an exporter. The store's own key signs it, the one of the audit trail.
func (in *Instance) Receipt(ctx context.Context) ([]byte, *receipt.Receipt, error) {
	if _, err := in.MakeAuditKey(ctx, false); err != nil {
		return nil, nil, err
	}
	key, err := in.Dir.auditKey()
	if err != nil {
		return nil, nil, err
	}
	r, err := in.receipt(ctx)
	if err != nil {
		return nil, nil, err
	}
	file, err := r.Sign(key)
	return file, r, err
}

// receipt describes the store.
func (in *Instance) receipt(ctx context.Context) (*receipt.Receipt, error) {
	cat, err := in.Catalog.LoadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	if blobs, err = heldBy(ctx, in.Blobs, blobs); err != nil { // a damaged one is in quarantine
		return nil, err
	}
	var held []digest.Digest
	for _, b := range blobs {
		held = append(held, b.Digest)
	}
	history, err := in.Catalog.History(ctx, "")
	if err != nil {
		return nil, err
	}
	v := in.Settings.Values()
	r := &receipt.Receipt{
		Store: cmp.Or(v.StoreID, v.StoreURL, OwnURL(v)), Created: time.Now().UTC().Truncate(time.Second), Generation: cat.Generation,
		Channels: channelsOf(cat), Exporters: exportersOf(history), Images: imagesOf(cat),
	}
	r.Blobs, err = receipt.NewBlobs(held)
	return r, err
}

// channelsOf returns the contents of all channels that are not closed.
func channelsOf(cat *catalog.Snapshot) []receipt.Channel {
	list := []receipt.Channel{}
	add := func(c receipt.Channel) {
		if c.Revision > 0 {
			list = append(list, c)
		}
	}
	for i := range cat.Snaps {
		s := &cat.Snaps[i]
		for _, row := range s.ChannelMap {
			add(receipt.Channel{Kind: "snap", Name: s.Name, Platform: row.Architecture, Channel: row.Channel, Revision: row.Revision})
		}
	}
	for i := range cat.Charms {
		c := &cat.Charms[i]
		for _, row := range c.ChannelMap {
			platform := ""
			if row.Base != nil {
				platform = row.Base.String()
			}
			add(receipt.Channel{Kind: "charm", Name: c.Name, Platform: platform, Channel: row.Channel, Revision: row.Revision})
		}
	}
	return list
}

// imagesOf returns the images that belong to no charm.
func imagesOf(cat *catalog.Snapshot) (list []receipt.Image) {
	for i := range cat.Repositories {
		r := &cat.Repositories[i]
		for _, t := range r.Tags {
			list = append(list, receipt.Image{Name: r.Name + ":" + t.Tag, Digest: t.Digest})
		}
		for _, image := range r.Images {
			if len(r.TagsOf(image.Digest)) == 0 {
				list = append(list, receipt.Image{Name: r.Name + "@" + image.Digest.String(), Digest: image.Digest})
			}
		}
	}
	return list
}

// exportersOf returns the last bundle of each key that has signed one.
func exportersOf(history []catalog.Record) []receipt.Exporter {
	list := []receipt.Exporter{}
	at := make(map[string]int)
	for _, record := range history {
		if !strings.HasPrefix(record.Signer, "sha256:") {
			continue // nobody has signed it
		}
		e := receipt.Exporter{Key: record.Signer, Bundle: record.Bundle, Sequence: record.Sequence, Created: record.SignedAt.UTC().Truncate(time.Second)}
		i, known := at[e.Key]
		switch {
		case !known:
			at[e.Key] = len(list)
			list = append(list, e)
		case e.Created.After(list[i].Created):
			list[i] = e
		}
	}
	return list
}
