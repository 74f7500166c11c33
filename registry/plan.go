package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// maxManifest is the largest manifest that is read into memory; registries have the same limit.
const maxManifest = 4 << 20

// UnknownCharmError reports that the store has no charm of a name.
type UnknownCharmError struct{ Name string }

// Error names the charm.
func (e *UnknownCharmError) Error() string {
	return fmt.Sprintf("there is no charm %.80q in this store", e.Name)
}

// Plan holds the images that a push copies.
type Plan struct {
	// Images are sorted by charm, resource and revision. If several resources have an image under one name, it is listed once. If
	// they have several images under one name, all but the last are listed by their digests.
	Images []PlannedImage `json:"images"`
	// Size is the size of the configs and layers of all images.
	Size int64 `json:"size"`

	blobs     *blob.Storage
	images    images
	referrers map[digest.Digest][]digest.Digest
	tags      map[string][]catalog.ImageTag // by repository
}

// PlannedImage is an image that a push copies, with its resource.
type PlannedImage struct {
	Charm    string `json:"charm"`
	Resource string `json:"resource"`
	Revision int    `json:"revision"`
	// Name is the name of the image inside the registry.
	Name   string        `json:"name"`
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
	// Missing are the platforms that an index lists and this store lacks.
	Missing []string `json:"missing-platforms,omitempty"`
	// Absent reports that the store has no part of the image, because it was exported without images.
	Absent bool `json:"absent,omitempty"`

	reference reference
	// referrers are the manifests that refer to the image or its parts, each after its subject. tags are further tags.
	referrers []digest.Digest
	tags      []catalog.ImageTag
}

// NewPlan finds the images of charms, or of all charms if none is named. For an unknown charm, it returns an *UnknownCharmError.
func NewPlan(ctx context.Context, blobs *blob.Storage, c *catalog.Snapshot, charms ...string) (*Plan, error) {
	for _, name := range charms {
		if !slices.ContainsFunc(c.Charms, func(ch catalog.Charm) bool { return ch.Name == name }) {
			return nil, &UnknownCharmError{name}
		}
	}
	all, err := newImages(c)
	if err != nil {
		return nil, err
	}
	p := &Plan{Images: []PlannedImage{}, blobs: blobs, images: all, referrers: referrersOf(c), tags: make(map[string][]catalog.ImageTag)}
	for _, t := range c.ImageTags {
		p.tags[t.Repository] = append(p.tags[t.Repository], t)
	}
	named, _ := namedImages(c)
	for i, n := range named {
		if len(charms) > 0 && !slices.Contains(charms, n.charm) || n.isRepeated(named[i+1:]) {
			continue
		}
		if n.isOverruled(named[i+1:]) {
			if n.root == "" || all[n.root] == nil {
				continue
			}
			n.name, n.tag = n.repository+"@"+n.root.String(), "" // clusters pull it by its digest
		}
		if err := p.addImage(ctx, n); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// isRepeated reports whether a later resource has the same image under the same name.
func (n namedImage) isRepeated(later []namedImage) bool {
	return slices.ContainsFunc(later, func(o namedImage) bool { return o.name == n.name && o.root == n.root })
}

// isOverruled reports whether a later image has the same name: the newest revision of a resource keeps it.
func (n namedImage) isOverruled(later []namedImage) bool {
	return slices.ContainsFunc(later, func(o namedImage) bool { return o.name == n.name && (o.root != "" || n.root == "") })
}

func (p *Plan) addImage(ctx context.Context, n namedImage) error {
	planned := PlannedImage{Charm: n.charm, Resource: n.resource, Revision: n.revision, Name: n.name, Digest: n.root, reference: n.reference}
	if p.images[n.root] == nil {
		planned.Absent = true
		p.Images = append(p.Images, planned)
		return nil
	}
	sizes := make(map[digest.Digest]int64)
	tree := p.images.below(n.root, math.MaxInt)
	for _, m := range tree {
		missing, err := p.missing(ctx, m)
		if err != nil {
			return err
		}
		planned.Missing = append(planned.Missing, missing...)
	}
	for _, m := range append(tree, p.addReferrers(&planned, tree)...) {
		for _, b := range m.Blobs {
			sizes[b.Digest] = b.Size
		}
	}
	for _, size := range sizes {
		planned.Size += size
	}
	p.Size += planned.Size
	p.Images = append(p.Images, planned)
	return nil
}

// addReferrers adds to an image what refers to the manifests in its tree, and returns the manifests of that.
func (p *Plan) addReferrers(image *PlannedImage, tree []*catalog.Image) (added []*catalog.Image) {
	seen := make(map[digest.Digest]bool, len(tree))
	for _, m := range tree {
		seen[m.Digest] = true
	}
	add := func(root digest.Digest) {
		if !seen[root] {
			image.referrers = append(image.referrers, root)
		}
		for _, m := range p.images.below(root, math.MaxInt) {
			if !seen[m.Digest] {
				seen[m.Digest] = true
				added = append(added, m)
			}
		}
	}
	for _, t := range p.tags[image.reference.repository] {
		if seen[t.Subject()] && p.images[t.Digest] != nil {
			image.tags = append(image.tags, t)
			add(t.Digest)
		}
	}
	for _, m := range tree {
		for _, d := range p.referrers[m.Digest] {
			add(d)
		}
	}
	for i := 0; i < len(added); i++ { // it grows
		for _, d := range p.referrers[added[i].Digest] {
			add(d)
		}
	}
	return added
}

// missing lists the platforms of an index whose manifests are not here.
func (p *Plan) missing(ctx context.Context, m *catalog.Image) ([]string, error) {
	if len(m.Children) == 0 {
		return nil, nil
	}
	raw, err := p.read(ctx, m)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("read index %s: %w", m.Digest, err)
	}
	var list []string
	for _, d := range index.Manifests {
		if p.images[d.Digest] != nil || slices.Contains(list, platform(d)) {
			continue
		}
		list = append(list, platform(d))
	}
	return list, nil
}

func platform(d ocispec.Descriptor) string {
	switch p := d.Platform; {
	case p == nil || p.Architecture == "":
		return d.Digest.String()
	case p.Variant != "":
		return p.OS + "/" + p.Architecture + "/" + p.Variant
	default:
		return p.OS + "/" + p.Architecture
	}
}

// read returns the text of a manifest, verified.
func (p *Plan) read(ctx context.Context, m *catalog.Image) ([]byte, error) {
	return readManifest(ctx, p.blobs, m)
}
