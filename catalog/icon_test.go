package catalog_test

import (
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/snap"
)

// TestUnknownIcon shows that a bundle that could not fetch the icons leaves them as they are, in any order of the bundles, and that one
// that knows of none removes them.
func TestUnknownIcon(t *testing.T) {
	t.Parallel()
	icon := catalog.Icon{Blob: digest.FromString("icon"), MediaType: "image/png", Size: 9}
	known := withCharm(with(imp("known", 0), "jq", nil), "pg", nil)
	known.Blobs = append(known.Blobs, catalog.Blob{Digest: icon.Blob, Size: icon.Size})
	known.Snaps[0].Icon, known.Charms[0].Icon = &icon, &icon
	unknown := withCharm(with(imp("unknown", 1), "jq", nil), "pg", nil)
	unknown.Snaps[0].Unknown, unknown.Charms[0].Unknown = []string{snap.UnknownIcon}, []string{charm.UnknownIcon}
	unknown.Snaps[0].Snap.Title = "new title"
	none := withCharm(with(imp("none", 2), "jq", nil), "pg", nil)

	for name, order := range map[string][]*catalog.Import{"known first": {known, unknown}, "unknown first": {unknown, known}} {
		s, _ := open(t)
		for _, in := range order {
			apply(t, s, in)
		}
		c := load(t, s)
		diff(t, name+": icon of the snap", c.Snaps[0].Icon, &icon)
		diff(t, name+": icon of the charm", c.Charms[0].Icon, &icon)
		if c.Snaps[0].Details.Title != "new title" {
			t.Errorf("%s: the title is %q, want the one of the newest bundle", name, c.Snaps[0].Details.Title)
		}
		apply(t, s, none)
		if c := load(t, s); c.Snaps[0].Icon != nil || c.Charms[0].Icon != nil {
			t.Errorf("%s: icons %v and %v, want none", name, c.Snaps[0].Icon, c.Charms[0].Icon)
		}
	}
}

// TestUnsignedLeavesIcon shows that an unsigned file, which has no icons, leaves the icon of a charm as it is.
func TestUnsignedLeavesIcon(t *testing.T) {
	t.Parallel()
	icon := catalog.Icon{Blob: digest.FromString("icon"), MediaType: "image/png", Size: 9}
	signed := withCharm(imp("signed", 0), "pg", nil)
	signed.Blobs = append(signed.Blobs, catalog.Blob{Digest: icon.Blob, Size: icon.Size})
	signed.Charms[0].Icon = &icon
	unsigned := withCharm(imp("unsigned", 1), "pg", nil)
	unsigned.Signer, unsigned.Charms[0].Unknown = catalog.Unsigned, []string{charm.UnknownIcon}
	for name, order := range map[string][]*catalog.Import{"signed first": {signed, unsigned}, "unsigned first": {unsigned, signed}} {
		s, _ := open(t)
		for _, in := range order {
			apply(t, s, in)
		}
		diff(t, name+": icon", load(t, s).Charms[0].Icon, &icon)
	}
}
