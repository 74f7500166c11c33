package exporter

import (
	"cmp"
	"fmt"
	"slices"

	"offlinestore/bundle"
	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/upstream"
)

// CharmRequest holds an operator's request to Charmhub.
type CharmRequest struct {
	// Applications name the charms, in the form of a bundle.yaml.
	Applications []charm.Application
	// Bundles are charm bundles to export with all their charms.
	Bundles []CharmBundle
	// Base is for applications that name none; zero is ubuntu@22.04. Its architecture is ignored.
	Base charm.Base
	// Architectures are for applications that name none.
	Architectures []string
	// NoImages leaves out the container images, NoReferrers leaves out what refers to them, and NoIcons leaves out the icons.
	NoImages, NoReferrers, NoIcons bool
	// ImageArchitectures limits images for several platforms to these architectures; nil is all.
	ImageArchitectures []string
}

// CharmBundle names a charm bundle. An empty Channel is stable in the default track.
type CharmBundle struct{ Name, Channel string }

// defaultBase returns the base that the original product uses by default.
func defaultBase() charm.Base { return charm.Base{Name: charm.Ubuntu, Channel: "22.04"} }

// Charm is the plan for one charm or charm bundle.
type Charm struct {
	Listing charm.Listing
	// Revisions are sorted by number, and Resources by name and number.
	Revisions []*CharmRevision
	Resources []*CharmResource
	iconURL   string
	// archs are the architectures of all its applications.
	archs []string
	// rows hold the resources that are released with each revision. Pins wait until the store has answered for the rows. Created holds the
	// creation times of the revisions that some channel holds.
	rows    channelmap.Recorder[charm.Base, []charm.ResourceRef]
	pins    []pin
	created map[int]string
	// releasedIn has the channels of the charm in the store.
	releasedIn releasedIn
	// faults are the reported faults of the archives.
	faults []string
	// assertions and icon are filled in by Fetch, which then sets prepared.
	assertions []byte
	icon       *bundle.Icon
	prepared   bool
}

// CharmRevision is the plan for one revision of a charm or charm bundle. Fetch fills in the metadata of its archive.
type CharmRevision struct {
	charm.Item
	// From lists where the revision was found: "14/stable amd64".
	From []string
	// bases are the bases that the store has the revision for, with "all" replaced by the exported architectures.
	bases []charm.Base
	blob  cachedBlob
	// images are the images that a charm bundle names for its applications.
	images []*image
}

// CharmResource is the plan for one revision of a resource.
type CharmResource struct {
	charm.ResourceItem
	// upstream describes the store's blob for it. The blob of an image only holds the image's location.
	upstream remoteBlob
	// mapped is the operator's name for the image, or empty.
	mapped string
	blob   cachedBlob
	image  *image
}

// image is a container image that goes into the bundle.
type image struct {
	// name is for messages: the image's name in its registry.
	name      string
	source    source
	manifests []*bundle.ImageManifest // the first is the image itself
	// blobs are the configs and layers, each once.
	blobs []cachedBlob
	// repo is where the image's referrers are listed.
	repo *upstream.Repository
	// referrers refer to the image or its parts. unfetched is the reason why some are missing, or nil.
	referrers []*referrer
	unfetched error
}

// Size returns the number of payload bytes of the charm, with its resources and their images.
func (c *Charm) Size() int64 { return payloadSize((&Plan{Charms: []*Charm{c}}).blobs()) }

// ImageSize returns how many bytes and manifests the image of r has in the plan. Both are zero for a file, and for an image that was left
// out.
func (r *CharmResource) ImageSize() (size int64, manifests int) {
	if r.image == nil {
		return 0, 0
	}
	for _, b := range r.image.blobs {
		size += b.Size
	}
	return size, len(r.image.manifests)
}

// Referrers returns the number of manifests in the plan that refer to the image of r, such as signatures.
func (r *CharmResource) Referrers() int {
	if r.image == nil {
		return 0
	}
	return len(r.image.referrers)
}

// eachBlob calls fn with each blob of the payload.
func (c *Charm) eachBlob(fn func(*remoteBlob)) {
	for _, r := range c.Revisions {
		fn(&r.blob.remoteBlob)
		for _, im := range r.images {
			im.eachBlob(fn)
		}
	}
	for _, r := range c.Resources {
		if r.HasBlob() {
			fn(&r.blob.remoteBlob)
		}
		r.image.eachBlob(fn)
	}
}

func (im *image) eachBlob(fn func(*remoteBlob)) {
	if im == nil {
		return
	}
	for i := range im.blobs {
		fn(&im.blobs[i].remoteBlob)
	}
	for _, ref := range im.referrers {
		for i := range ref.blobs {
			fn(&ref.blobs[i].remoteBlob)
		}
	}
}

// listImage adds the blobs of an image to the list; im may be nil.
func (l *fetchList) listImage(name, charm string, a *announcement, im *image) {
	if im == nil {
		return
	}
	for i := range im.blobs {
		b := &im.blobs[i]
		l.addItem(&fetchItem{name: fmt.Sprintf("%s: image %s: layer %.12s", name, im.name, b.SHA256), charm: charm, announcement: a, remoteBlob: b.remoteBlob, source: im.source}, b)
	}
}

// listCharm adds the blobs of a charm to the list.
func (e *Exporter) listCharm(l *fetchList, c *Charm) {
	for _, r := range c.Revisions {
		name := fmt.Sprintf("%s revision %d", c.Listing.Name, r.Revision.Number)
		w := l.addItem(&fetchItem{name: name, charm: c.Listing.Name, announcement: &announcement{what: name}, remoteBlob: r.blob.remoteBlob, source: e.Charmhub.Fetch}, &r.blob)
		w.announcement.from = append(w.announcement.from, r.From...)
		for _, im := range r.images {
			l.listImage(name, c.Listing.Name, w.announcement, im)
		}
	}
	resources := &announcement{what: "resources for " + c.Listing.Name}
	for _, r := range c.Resources {
		name := fmt.Sprintf("resource %s revision %d of %s", r.Resource.Name, r.Resource.Revision, c.Listing.Name)
		if r.HasBlob() {
			l.addItem(&fetchItem{name: name, charm: c.Listing.Name, announcement: resources, remoteBlob: r.blob.remoteBlob, source: e.Charmhub.Fetch}, &r.blob)
		}
		l.listImage(name, c.Listing.Name, resources, r.image)
	}
}

// Validate returns an error if r is no valid request.
func (r *CharmRequest) Validate() error {
	if len(r.Applications)+len(r.Bundles) == 0 {
		return fmt.Errorf("no charms to export")
	}
	if len(r.Applications) > maxNames {
		return fmt.Errorf("%d applications in one export, at most %d", len(r.Applications), maxNames)
	}
	for _, b := range r.Bundles {
		if err := charm.ValidateName(b.Name); err != nil {
			return err
		}
		if err := validateChannel(b.Channel); err != nil {
			return err
		}
	}
	if len(r.Architectures) == 0 {
		return fmt.Errorf("no architectures to export for")
	}
	for _, a := range slices.Concat(r.Architectures, r.ImageArchitectures) {
		if err := charm.ValidateArchitecture(a); err != nil {
			return err
		}
	}
	for _, a := range r.Applications {
		if err := validateApplication(&a); err != nil {
			return fmt.Errorf("application %s: %w", a.Name, err)
		}
	}
	return nil
}

func validateApplication(a *charm.Application) error {
	if a.Local {
		return nil
	}
	if a.Revision != nil && (*a.Revision < 1 || *a.Revision > charm.MaxRevision) {
		return fmt.Errorf("revision %d: out of range", *a.Revision)
	}
	if err := charm.ValidateName(a.Charm); err != nil {
		return err
	}
	for _, arch := range slices.Concat(a.Architectures, a.Beside) {
		if err := charm.ValidateArchitecture(arch); err != nil {
			return err
		}
	}
	for name := range a.Resources {
		if err := charm.ValidateResourceName(name); err != nil {
			return err
		}
	}
	return validateChannel(a.Channel)
}

func (c *Charm) sort() {
	slices.SortFunc(c.Revisions, func(a, b *CharmRevision) int { return a.Revision.Number - b.Revision.Number })
	slices.SortFunc(c.Resources, func(a, b *CharmResource) int {
		return cmp.Or(cmp.Compare(a.Resource.Name, b.Resource.Name), a.Resource.Revision-b.Resource.Revision)
	})
	slices.SortFunc(c.Listing.ChannelMap, func(a, b charm.Release) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), compareBases(a.Base, b.Base))
	})
}

func compareBases(a, b *charm.Base) int {
	if a == nil || b == nil {
		return 0
	}
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Architecture, b.Architecture))
}

// Size returns the size of the archive in bytes.
func (r *CharmRevision) Size() int64 { return r.blob.Size }
