package exporter

import (
	"cmp"
	"fmt"
	"slices"

	"offlinestore/bundle"
	"offlinestore/channelmap"
	"offlinestore/charm"
)

// CharmRequest is what the operator asks for of Charmhub.
type CharmRequest struct {
	// Applications say which charms, as a bundle.yaml does.
	Applications []charm.Application
	// Bundle is a charm bundle to export with all its charms, from BundleChannel; that is the default track's stable when empty.
	Bundle, BundleChannel string
	// Base is for applications that name none; zero is ubuntu@22.04. Its architecture is not looked at.
	Base          charm.Base
	Architectures []string
	// NoImages leaves out the container images, NoIcons the pictures.
	NoImages, NoIcons bool
	// ImageArchitectures are those to take of images for several platforms; nil is all.
	ImageArchitectures []string
}

// defaultBase is the original's.
func defaultBase() charm.Base { return charm.Base{Name: charm.Ubuntu, Channel: "22.04"} }

// Charm is the plan for one charm or charm bundle.
type Charm struct {
	Listing charm.Listing
	// Revisions and Resources are sorted by number, and by name and number.
	Revisions []*CharmRevision
	Resources []*CharmResource
	iconURL   string
	// rows have the resources that are released with each revision. Pins wait until the store has said what rows hold. Created is when
	// revisions that are in some channel were made.
	rows    channelmap.Recorder[charm.Base, []charm.ResourceRef]
	pins    []pin
	created map[int]string
	// assertions and icon are filled in by Fetch, which then makes small true.
	assertions []byte
	icon       *bundle.Icon
	prepared   bool
}

// CharmRevision is the plan for one revision of a charm or charm bundle. What its archive says is filled in by Fetch.
type CharmRevision struct {
	charm.Item
	// From says where the revision was found: "14/stable amd64".
	From []string
	// bases are those that the store has it for; all is spelled out.
	bases []charm.Base
	blob  cachedBlob
}

// CharmResource is the plan for one revision of a resource.
type CharmResource struct {
	charm.ResourceItem
	// upstream is what the store has for it: of an image the blob that says where that is.
	upstream remoteBlob
	// mapped is the operator's name for the image, or empty.
	mapped string
	blob   cachedBlob
	image  *image
}

// image is a container image that goes into the bundle.
type image struct {
	// name is for messages: the image inside of its registry.
	name      string
	source    source
	manifests []*bundle.ImageManifest // the first is the image itself
	// blobs are the configs and layers, each once.
	blobs []cachedBlob
}

// Size is the number of payload bytes of the charm, with its resources and their images.
func (c *Charm) Size() int64 { return payloadSize((&Plan{Charms: []*Charm{c}}).blobs()) }

// ImageSize says how many bytes the image of r has in the plan, and in how many manifests. It is zero for a file, and for an image that was
// left out.
func (r *CharmResource) ImageSize() (size int64, manifests int) {
	if r.image == nil {
		return 0, 0
	}
	for _, b := range r.image.blobs {
		size += b.Size
	}
	return size, len(r.image.manifests)
}

// eachBlob calls fn with each blob of the payload.
func (c *Charm) eachBlob(fn func(*remoteBlob)) {
	for _, r := range c.Revisions {
		fn(&r.blob.remoteBlob)
	}
	for _, r := range c.Resources {
		if r.HasBlob() {
			fn(&r.blob.remoteBlob)
		}
		if r.image != nil {
			for i := range r.image.blobs {
				fn(&r.image.blobs[i].remoteBlob)
			}
		}
	}
}

// wantCharm lists what is to be fetched of a charm.
func (e *Exporter) listCharm(l *fetchList, c *Charm) {
	for _, r := range c.Revisions {
		name := fmt.Sprintf("%s revision %d", c.Listing.Name, r.Revision.Number)
		w := l.addItem(&fetchItem{name: name, announcement: &announcement{what: name}, remoteBlob: r.blob.remoteBlob, source: e.Charmhub.Fetch}, &r.blob)
		w.announcement.from = append(w.announcement.from, r.From...)
	}
	resources := &announcement{what: "resources for " + c.Listing.Name}
	for _, r := range c.Resources {
		name := fmt.Sprintf("resource %s revision %d of %s", r.Resource.Name, r.Resource.Revision, c.Listing.Name)
		if r.HasBlob() {
			l.addItem(&fetchItem{name: name, announcement: resources, remoteBlob: r.blob.remoteBlob, source: e.Charmhub.Fetch}, &r.blob)
		}
		if r.image == nil {
			continue
		}
		for i := range r.image.blobs {
			b := &r.image.blobs[i]
			l.addItem(&fetchItem{name: fmt.Sprintf("%s: image %s: layer %.12s", name, r.image.name, b.SHA256), announcement: resources, remoteBlob: b.remoteBlob, source: r.image.source}, b)
		}
	}
}

// Validate says what is wrong with r.
func (r *CharmRequest) Validate() error {
	if len(r.Applications) == 0 && r.Bundle == "" {
		return fmt.Errorf("no charms to export")
	}
	if len(r.Applications) > maxNames {
		return fmt.Errorf("%d applications in one export, at most %d", len(r.Applications), maxNames)
	}
	if r.Bundle != "" {
		if err := charm.ValidateName(r.Bundle); err != nil {
			return err
		}
		if err := checkCharmChannel(r.BundleChannel); err != nil {
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
	for name := range a.Resources {
		if err := charm.ValidateResourceName(name); err != nil {
			return err
		}
	}
	return checkCharmChannel(a.Channel)
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

// Size is that of the archive, in bytes.
func (r *CharmRevision) Size() int64 { return r.blob.Size }
