package wanted

import (
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/channel"
	"offlinestore/difference"
	"offlinestore/receipt"
)

// itemKey names a snap or a charm.
type itemKey struct {
	charm bool
	name  string
}

// row is a place of a channel map.
type row struct {
	charm                   bool
	name, channel, platform string
}

// content is the part of a bundle, a lock or a receipt that all of them have.
type content struct {
	// rows map places to the revisions there: none for a closed channel, and several for several epochs.
	rows map[row][]int
	// byItem has the places of each snap and charm.
	byItem map[itemKey][]row
	// tracks have the default tracks, as far as they are known.
	tracks map[itemKey]string
	// head is nil for a receipt.
	head *bundle.Head
	// images have the digests of the images that belong to no charm, by their names inside.
	images map[string]string
}

func (s *Side) content() *content {
	c := &content{rows: make(map[row][]int), tracks: make(map[itemKey]string), head: s.Head, images: s.images()}
	if s.Receipt != nil {
		for _, ch := range s.Receipt.Channels {
			r := row{ch.Kind == "charm", ch.Name, ch.Channel, ch.Platform}
			if r.charm && r.platform == "" {
				r.platform = anyBase
			}
			c.rows[r] = append(c.rows[r], ch.Revision)
		}
	}
	if s.Head != nil {
		c.addHead(s.Head)
	}
	c.byItem = make(map[itemKey][]row)
	for r, revisions := range c.rows {
		slices.Sort(revisions)
		c.byItem[itemKey{r.charm, r.name}] = append(c.byItem[itemKey{r.charm, r.name}], r)
	}
	return c
}

// addHead adds the channel maps of a bundle.
func (c *content) addHead(h *bundle.Head) {
	add := func(r row, revision int) {
		if c.rows[r] == nil {
			c.rows[r] = []int{}
		}
		if revision > 0 {
			c.rows[r] = append(c.rows[r], revision)
		}
	}
	track := func(key itemKey, name string) {
		if name == "" {
			name = channel.DefaultTrack
		}
		c.tracks[key] = name
	}
	for _, s := range h.Snaps {
		track(itemKey{false, s.Name}, s.DefaultTrack)
		for _, r := range s.ChannelMap {
			add(row{false, s.Name, r.Channel, r.Architecture}, r.Revision)
		}
	}
	for _, ch := range h.Charms {
		track(itemKey{true, ch.Name}, ch.DefaultTrack)
		for _, r := range ch.ChannelMap {
			add(row{true, ch.Name, r.Channel, platform(r.Base)}, r.Revision)
		}
	}
}

// has reports whether the content has the item of a wish. known is false if the content can't tell.
func (c *content) has(wish *bundle.Difference) (has, known bool) {
	if wish.Field == wishImage {
		return c.images[wish.Name] != "", true
	}
	if wish.Field != "" {
		if c.head == nil {
			return false, false
		}
		return c.hasNamed(wish), true
	}
	for _, r := range c.byItem[itemKey{wish.Charm != "", wish.Snap + wish.Charm}] {
		revisions := c.rows[r]
		if len(revisions) > 0 && c.matches(wish, r) && (wish.Revision == 0 || slices.Contains(revisions, wish.Revision)) {
			return true, true
		}
	}
	if wish.Revision > 0 && wish.Channel == "" {
		return c.hasRevision(wish), c.head != nil
	}
	return false, true
}

// hasRevision reports whether a bundle has a revision, in a channel or not.
func (c *content) hasRevision(wish *bundle.Difference) bool {
	if c.head == nil {
		return false
	}
	if wish.Charm != "" {
		return slices.ContainsFunc(c.head.CharmRevisions, func(r *bundle.CharmRevision) bool {
			return r.Name == wish.Charm && r.Revision.Number == wish.Revision
		})
	}
	return slices.ContainsFunc(c.head.Revisions, func(r *bundle.SnapRevision) bool {
		return r.Name == wish.Snap && r.Revision.Number == wish.Revision
	})
}

// hasNamed reports whether a bundle has a store or an assertion.
func (c *content) hasNamed(wish *bundle.Difference) bool {
	if wish.Field == wishStore {
		return slices.ContainsFunc(c.head.Stores, func(s *bundle.Store) bool { return s.ID == wish.Name })
	}
	return slices.ContainsFunc(c.head.Assertions, func(a *bundle.Assertion) bool { return isWished(a.Ref, wish) })
}

// isWished reports whether a wish is about an assertion.
func isWished(ref assertion.Ref, wish *bundle.Difference) bool {
	key := ref.PrimaryKey
	switch {
	case ref.Type != wish.Field:
		return false
	case ref.Type == wishSet && len(key) == 4:
		return key[1]+"/"+key[2] == wish.Name && (wish.Revision == 0 || key[3] == held(wish.Revision))
	case ref.Type == wishModel && len(key) == 3:
		return key[1]+"/"+key[2] == wish.Name
	}
	return len(key) == 1 && key[0] == wish.Name
}

// modelName returns brand/name of a model in a text of assertions, or "".
func modelName(text string) string {
	list, err := assertion.DecodeAll([]byte(text))
	if err != nil {
		return ""
	}
	for _, a := range list {
		if key := a.Ref().PrimaryKey; a.Type() == wishModel && len(key) == 3 {
			return key[1] + "/" + key[2]
		}
	}
	return ""
}

// compareContent returns the wishes that a content does not have, and the snaps and charms that no wish names: dependencies, mostly.
// turned is set if the file is the second side.
func compareContent(f *File, c *content, turned bool) []bundle.Difference {
	out := []bundle.Difference{}
	add := func(d bundle.Difference, from, to int) {
		if turned {
			from, to = to, from
		}
		d.From, d.To = from, to
		out = append(out, d)
	}
	named := make(map[itemKey]bool)
	wished := make(map[string]bool)
	for _, w := range f.wishes() {
		if w.Field == wishImage {
			wished[w.Name] = true
		}
		if w.Snap+w.Charm != "" {
			named[itemKey{w.Charm != "", w.Snap + w.Charm}] = true
		}
		if has, known := c.has(&w); known && !has {
			add(w, 0, -1)
		}
	}
	for name := range c.images {
		if !wished[name] {
			add(bundle.Difference{Kind: DifferentWish, ImageName: name}, -1, 0)
		}
	}
	for key := range c.byItem {
		if named[key] {
			continue
		}
		d := bundle.Difference{Kind: DifferentWish, Snap: key.name}
		if key.charm {
			d.Snap, d.Charm = "", key.name
		}
		add(d, -1, 0)
	}
	return out
}

// compareRows returns the rows in which two contents differ.
func compareRows(a, b *content) []bundle.Difference {
	out := []bundle.Difference{}
	places := make(map[row]bool)
	for _, c := range []*content{a, b} {
		for r := range c.rows {
			places[r] = true
		}
	}
	for r := range places {
		d := bundle.Difference{Kind: bundle.DifferentChannel, Snap: r.name, Channel: r.channel, Architecture: r.platform}
		if r.charm {
			d.Snap, d.Charm, d.Architecture, d.Base = "", r.name, "", r.platform
		}
		// The newest revision stands for the row, unless only others differ.
		d.From, d.To = a.newest(r), b.newest(r)
		if d.From != d.To && max(d.From, d.To) > 0 { // a receipt has no closed channels
			out = append(out, d)
		}
	}
	return append(out, compareImages(a, b)...)
}

// newest returns the revision of a row: -1 for none, and 0 for a closed channel. A receipt has no closed ones.
func (c *content) newest(r row) int {
	revisions, ok := c.rows[r]
	switch {
	case !ok:
		return -1
	case len(revisions) == 0:
		return 0
	}
	return revisions[len(revisions)-1]
}

// lacks reports whether the store of a receipt lacks a manifest, or a blob of its image.
func lacks(r *receipt.Receipt, m *bundle.ImageManifest) bool {
	return !r.Blobs.Has(m.Digest) || slices.ContainsFunc(m.Blobs, func(d ocispec.Descriptor) bool { return !r.Blobs.Has(d.Digest) })
}

// missingBlobs returns the revisions and resources of a bundle whose files the store of a receipt does not have.
func missingBlobs(a, b Side) []bundle.Difference {
	head, r, turned := a.Head, b.Receipt, false
	if head == nil {
		head, r, turned = b.Head, a.Receipt, true
	}
	if head == nil || r == nil {
		return nil
	}
	var out []bundle.Difference
	add := func(d bundle.Difference, number int) {
		d.From, d.To = number, -1
		if turned {
			d.From, d.To = -1, number
		}
		out = append(out, d)
	}
	for _, rev := range head.Revisions {
		if !r.Blobs.Has(rev.Blob.Digest) {
			add(bundle.Difference{Kind: bundle.DifferentRevision, Snap: rev.Name, Size: rev.Blob.Size}, rev.Revision.Number)
		}
		for i, c := range rev.Revision.Components() {
			if r.Blobs.Has(rev.Components[i].Digest) {
				continue
			}
			d := bundle.Difference{Kind: difference.Component, Snap: rev.Name, Revision: rev.Revision.Number, Name: c.Name, Old: held(c.Revision)}
			if turned {
				d.Old, d.New = d.New, d.Old
			}
			out = append(out, d)
		}
	}
	out = append(out, missingImages(head, r, turned)...)
	for _, rev := range head.CharmRevisions {
		if !r.Blobs.Has(rev.Blob.Digest) {
			add(bundle.Difference{Kind: bundle.DifferentRevision, Charm: rev.Name, Size: rev.Blob.Size}, rev.Revision.Number)
		}
	}
	for _, res := range head.CharmResources {
		if res.Blob != nil && !r.Blobs.Has(res.Blob.Digest) {
			add(bundle.Difference{Kind: bundle.DifferentResource, Charm: res.Charm, Resource: res.Resource.Name, Size: res.Blob.Size}, res.Resource.Revision)
		}
		if img := res.Image; img != nil && slices.ContainsFunc(head.ImageManifests(img.Digest), func(m *bundle.ImageManifest) bool { return lacks(r, m) }) {
			add(bundle.Difference{Kind: bundle.DifferentImage, Charm: res.Charm, Resource: res.Resource.Name, Image: img.Digest, ImageName: img.Name}, res.Resource.Revision)
		}
	}
	return out
}
