package bundle

import (
	"cmp"
	"slices"
	"strconv"

	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/difference"
	"offlinestore/snap"
)

// The values of Difference.Kind.
const (
	DifferentRevision = "revision"
	DifferentChannel  = "channel"
	DifferentResource = "resource"
	DifferentImage    = "image"

	DifferentWithdrawal = "withdrawal"
)

// Difference is one difference between two bundles. It is also the JSON of 'diff --json'.
type Difference struct {
	Snap string `json:"snap"`
	// Charm is set where Snap is empty.
	Charm string `json:"charm,omitempty"`
	// Kind is revision, channel or withdrawal, or of a charm also resource or image. A channel with a Resource is about the resource that is
	// released along with the charm. Any other Kind is one of difference.Change, with Revision, Name, Field, Old and New.
	Kind         string `json:"what"`
	Channel      string `json:"channel"`
	Architecture string `json:"architecture"`
	// Epoch is set for a release for devices with data of an older epoch. It is the lowest one that the release reads.
	Epoch string `json:"epoch,omitempty"`
	// Base is the base of a charm's channel, such as "ubuntu@22.04 amd64".
	Base     string `json:"base,omitempty"`
	Resource string `json:"resource,omitempty"`
	// Image is the digest of the image of the resource.
	Image string `json:"image,omitempty"`
	// ImageName is the name that the image has inside the gap.
	ImageName string `json:"image-name,omitempty"`
	// From and To are revisions: -1 for a thing that is not there, 0 for a closed channel.
	From int   `json:"from"`
	To   int   `json:"to"`
	Size int64 `json:"size"`

	Revision int    `json:"revision,omitempty"`
	Name     string `json:"name,omitempty"`
	Field    string `json:"field,omitempty"`
	Old      string `json:"old,omitempty"`
	New      string `json:"new,omitempty"`
}

// Change returns a difference in something that both bundles have.
func (d *Difference) Change() difference.Change {
	return difference.Change{What: d.Kind, Snap: d.Snap, Charm: d.Charm, Revision: d.Revision, Name: d.Name, Field: d.Field, Channel: d.Channel,
		Architecture: d.Architecture, Base: d.Base, Old: d.Old, New: d.New}
}

func newDifference(c difference.Change) Difference {
	return Difference{Kind: c.What, Snap: c.Snap, Charm: c.Charm, Revision: c.Revision, Name: c.Name, Field: c.Field, Channel: c.Channel,
		Architecture: c.Architecture, Base: c.Base, Old: c.Old, New: c.New}
}

// Compare returns all differences between the contents of two bundles, sorted: revisions, resources, images and the rows of channel maps
// that only one of them has, and the changes of the items that both have.
func Compare(a, b *Head) ([]Difference, error) {
	from, to := a.entries(), b.entries()
	out := []Difference{}
	for key, rev := range to {
		old, ok := from[key]
		if !ok {
			old = -1
		}
		if old != rev {
			key.From, key.To = old, rev
			out = append(out, key)
		}
	}
	for key, rev := range from {
		if _, ok := to[key]; !ok {
			key.From, key.To = rev, -1
			out = append(out, key)
		}
	}
	for _, c := range itemChanges(a, b) {
		out = append(out, newDifference(c))
	}
	assertions, err := assertionChanges(a, b, out)
	if err != nil {
		return nil, err
	}
	for _, c := range assertions {
		out = append(out, newDifference(c))
	}
	SortDifferences(out)
	return out, nil
}

// SortDifferences sorts differences in the order of Compare.
func SortDifferences(list []Difference) { slices.SortFunc(list, compareDifferences) }

func compareDifferences(x, y Difference) int {
	return cmp.Or(cmp.Compare(x.Charm, y.Charm), cmp.Compare(x.Snap, y.Snap), -cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Channel, y.Channel),
		cmp.Compare(x.Architecture, y.Architecture), cmp.Compare(x.Epoch, y.Epoch), cmp.Compare(x.Base, y.Base), cmp.Compare(x.Resource, y.Resource),
		cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To), cmp.Compare(x.Image, y.Image), cmp.Compare(x.ImageName, y.ImageName),
		cmp.Compare(x.Revision, y.Revision), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Field, y.Field))
}

// entries maps the content of a bundle to revisions. The key of a revision holds it in From, so that another revision is another entry.
func (h *Head) entries() map[Difference]int {
	out := make(map[Difference]int)
	for _, s := range h.Snaps {
		h.addReleaseEntries(s, out)
	}
	for _, r := range h.Revisions {
		n := r.Revision.Number
		out[Difference{Snap: r.Name, Kind: DifferentRevision, Size: r.Blob.Size, From: n}] = n
	}
	for _, r := range h.CharmRevisions {
		n := r.Revision.Number
		out[Difference{Charm: r.Name, Kind: DifferentRevision, Size: r.Blob.Size, From: n}] = n
	}
	for _, w := range h.Withdrawals {
		entry := Difference{Kind: DifferentWithdrawal, Snap: w.Name}
		if w.Kind == WithdrawnCharm {
			entry.Snap, entry.Charm = "", w.Name
		}
		out[entry] = 0
	}
	h.addResourceEntries(out)
	for _, c := range h.Charms {
		c.addChannelEntries(out)
	}
	return out
}

// addReleaseEntries adds the rows of the channel map of s.
func (h *Head) addReleaseEntries(s *Snap, out map[Difference]int) {
	epochs := make(map[int]channelmap.Epoch)
	for _, r := range h.Revisions {
		if r.Name == s.Name {
			epochs[r.Revision.Number] = channelmap.NewEpoch(r.Revision.Epoch.Read, r.Revision.Epoch.Write)
		}
	}
	for _, row := range snap.Rows(s.ChannelMap) {
		newest := slices.MaxFunc(row, func(a, b snap.Release) int { return epochs[a.Revision].Compare(epochs[b.Revision]) })
		for _, r := range row {
			entry := Difference{Snap: s.Name, Kind: DifferentChannel, Channel: r.Channel, Architecture: r.Architecture}
			if r.Revision != newest.Revision {
				entry.Epoch = strconv.FormatUint(uint64(epochs[r.Revision].Read), 10)
			}
			out[entry] = r.Revision
		}
	}
}

// addResourceEntries adds the resources of charms. An image counts as here if the bundle has at least one of its manifests.
func (h *Head) addResourceEntries(out map[Difference]int) {
	for _, r := range h.CharmResources {
		n := r.Resource.Revision
		entry := Difference{Charm: r.Charm, Kind: DifferentResource, Resource: r.Resource.Name, From: n}
		if r.Blob != nil {
			entry.Size = r.Blob.Size
		}
		out[entry] = n
		if r.Image != nil && len(h.ImageManifests(r.Image.Digest)) > 0 {
			out[Difference{Charm: r.Charm, Kind: DifferentImage, Resource: r.Resource.Name, Image: r.Image.Digest, ImageName: r.Image.Name, From: n}] = n
		}
	}
}

func (c *Charm) addChannelEntries(out map[Difference]int) {
	for _, row := range c.ChannelMap {
		key := Difference{Charm: c.Name, Kind: DifferentChannel, Channel: row.Channel, Base: baseName(row.Base)}
		out[key] = row.Revision
		for _, r := range row.Resources {
			key.Resource = r.Name
			out[key] = r.Revision
		}
	}
}

// baseName returns the name of a row's base. The rows of charm bundles have none.
func baseName(b *charm.Base) string {
	if b == nil {
		return "any base"
	}
	return b.String()
}

// ImageManifests returns the manifests of an image that the bundle has, the index among them. It returns none for an image that was
// left out.
func (h *Head) ImageManifests(root string) []*ImageManifest {
	var out []*ImageManifest
	todo := []string{root}
	seen := make(map[string]bool)
	for len(todo) > 0 {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		i := slices.IndexFunc(h.Images, func(m *ImageManifest) bool { return m.Digest.String() == d })
		if i < 0 || seen[d] {
			continue
		}
		seen[d] = true
		out = append(out, h.Images[i])
		for _, child := range h.Images[i].Children {
			todo = append(todo, child.String())
		}
	}
	return out
}
