package wanted

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"offlinestore/bundle"
	"offlinestore/charm"
)

// Lines describes a content for people: a line for each revision with its digest, and for each row of a channel map. They are sorted.
func Lines(h *bundle.Head) []string {
	out := []string{}
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, s := range h.Snaps {
		for _, row := range s.ChannelMap {
			add("snap %s %s %s: %s", s.Name, row.Channel, row.Architecture, held(row.Revision))
		}
	}
	for _, r := range h.Revisions {
		add("snap %s revision %d (%.40s) %s, sha3-384 %s, %d bytes", r.Name, r.Revision.Number, clean(r.Revision.Version), r.Blob.Digest, hex.EncodeToString(r.Blob.SHA3384[:]), r.Blob.Size)
		for i, c := range r.Revision.Components() {
			add("snap %s revision %d component %s revision %d %s, %d bytes", r.Name, r.Revision.Number, c.Name, c.Revision, r.Components[i].Digest, r.Components[i].Size)
		}
	}
	charmLines(h, add)
	for _, a := range h.Assertions {
		add("assertion %s", clean(a.Ref.Name()))
	}
	for _, r := range h.Repositories {
		for _, i := range r.Images {
			of := "no platform"
			if len(i.Platforms) > 0 {
				of = strings.Join(i.Platforms, ", ")
			}
			add("image %s@%s from %s (%s)", r.Name, i.Digest, i.Source, of)
			for tag := range i.Tags {
				add("image %s:%s is %s", r.Name, tag, i.Digest)
			}
		}
	}
	for _, s := range h.Stores {
		add("store %s of %s, with %d snaps", clean(s.ID), clean(s.BrandID), len(s.Snaps))
	}
	for _, w := range h.Withdrawals {
		add("%s %s is withdrawn (%s)", w.Kind, w.Name, w.Reason)
	}
	slices.Sort(out)
	return out
}

// charmLines adds the lines of charms, their resources and their images.
func charmLines(h *bundle.Head, add func(format string, args ...any)) {
	for _, c := range h.Charms {
		for _, row := range c.ChannelMap {
			var with []string
			for _, r := range row.Resources {
				with = append(with, fmt.Sprintf(", %s revision %d", r.Name, r.Revision))
			}
			add("charm %s %s %s: %s%s", c.Name, row.Channel, platform(row.Base), held(row.Revision), strings.Join(with, ""))
		}
	}
	for _, r := range h.CharmRevisions {
		add("charm %s revision %d %s, %d bytes", r.Name, r.Revision.Number, r.Blob.Digest, r.Blob.Size)
		for _, img := range r.Images {
			add("charm %s revision %d image %s %s", r.Name, r.Revision.Number, clean(img.Name), img.Digest)
		}
	}
	for _, r := range h.CharmResources {
		switch {
		case r.Blob != nil:
			add("charm %s resource %s revision %d %s, %d bytes", r.Charm, r.Resource.Name, r.Resource.Revision, r.Blob.Digest, r.Blob.Size)
		case r.Image != nil:
			add("charm %s resource %s revision %d image %s %s", r.Charm, r.Resource.Name, r.Resource.Revision, clean(r.Image.Name), r.Image.Digest)
		default:
			add("charm %s resource %s revision %d, empty", r.Charm, r.Resource.Name, r.Resource.Revision)
		}
	}
}

// platform names the base of a row. The rows of charm bundles have none.
func platform(b *charm.Base) string {
	if b == nil {
		return "any base"
	}
	return b.String()
}

func held(revision int) string {
	if revision == 0 {
		return "closed"
	}
	return fmt.Sprint(revision)
}

// clean replaces the characters that a terminal could obey.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
