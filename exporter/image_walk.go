package exporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
	oci "offlinestore/image"
	"offlinestore/upstream"
)

// imageWalk collects the manifests and blobs of one image.
type imageWalk struct {
	ctx       context.Context
	repo      *upstream.Repository
	archs     []string
	left      *atomic.Int64 // of maxManifests
	seen      map[digest.Digest]ocispec.Descriptor
	manifests []*bundle.ImageManifest
	blobs     []ocispec.Descriptor
	sizes     map[digest.Digest]int64
	// leave records a child of an index that is left out because of an error. It is nil if that ends the walk.
	leave func(ocispec.Descriptor, error)
}

// addManifest fetches a manifest or index and its children, except the platforms that were not requested. listed is the description in the
// parent index, or nil.
func (w *imageWalk) addManifest(ref string, listed *ocispec.Descriptor, depth int) error {
	switch {
	case depth > maxImageDepth:
		return fmt.Errorf("its indexes are nested more than %d deep", maxImageDepth)
	case len(w.manifests) == maxImageManifests:
		return fmt.Errorf("it has more than %d manifests", maxImageManifests)
	}
	raw, mediaType, d, err := w.repo.Manifest(w.ctx, ref)
	if err != nil {
		return err
	}
	got := ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
	if err := compareListed(got, listed); err != nil {
		return err
	}
	if w.left.Add(-got.Size) < 0 {
		return fmt.Errorf("the manifests of all images have more than %d bytes", maxManifests)
	}
	m, err := bundle.ParseImageManifest(mediaType, raw)
	if err != nil {
		return err
	}
	w.seen[d] = got
	w.manifests = append(w.manifests, m)
	if err := w.addBlobs(m); err != nil || len(m.Listed) == 0 {
		return err
	}
	return w.addChildren(m, depth)
}

// cachedBlobs returns the blobs of the image for the cache.
func (w *imageWalk) cachedBlobs() (out []cachedBlob) {
	for _, d := range w.blobs {
		out = append(out, cachedBlob{remoteBlob: remoteBlob{URL: w.repo.BlobURL(d.Digest), SHA256: d.Digest.Encoded(), Size: d.Size}})
	}
	return out
}

func (w *imageWalk) addBlobs(m *bundle.ImageManifest) error {
	for _, b := range m.Blobs {
		size, ok := w.sizes[b.Digest]
		if ok && size != b.Size {
			return fmt.Errorf("blob %s has two sizes, %d and %d", b.Digest, size, b.Size)
		}
		if !ok {
			w.sizes[b.Digest], w.blobs = b.Size, append(w.blobs, b)
		}
	}
	return nil
}

func (w *imageWalk) addChildren(m *bundle.ImageManifest, depth int) error {
	children := platforms(m.Listed, w.archs)
	if len(children) == 0 {
		return fmt.Errorf("%w for %s: it has %s", ErrNoPlatform, strings.Join(w.archs, ", "), describePlatforms(m.Listed))
	}
	var left []error
	for _, child := range children {
		manifests, blobs := len(w.manifests), len(w.blobs)
		err := w.addChild(&child, depth)
		if err == nil {
			continue
		}
		if left = append(left, err); w.leave == nil || w.ctx.Err() != nil || len(left) == len(children) {
			return left[0]
		}
		w.forget(manifests, blobs)
		w.leave(child, err)
	}
	return nil
}

func (w *imageWalk) addChild(child *ocispec.Descriptor, depth int) error {
	if have, ok := w.seen[child.Digest]; ok {
		return compareListed(have, child)
	}
	return w.addManifest(child.Digest.String(), child, depth+1)
}

// forget removes the manifests and blobs after the first ones.
func (w *imageWalk) forget(manifests, blobs int) {
	for _, m := range w.manifests[manifests:] {
		delete(w.seen, m.Digest)
	}
	for _, b := range w.blobs[blobs:] {
		delete(w.sizes, b.Digest)
	}
	w.manifests, w.blobs = w.manifests[:manifests], w.blobs[:blobs]
}

// describeChild names a child of an image's index.
func describeChild(repo *upstream.Repository, d ocispec.Descriptor) string {
	if d.Platform == nil {
		return fmt.Sprintf("image %s: %s", repo, d.Digest)
	}
	return fmt.Sprintf("image %s: %.20s/%.20s", repo, d.Platform.OS, d.Platform.Architecture)
}

// compareListed compares a manifest with the description in its index; listed is nil for the root.
func compareListed(got ocispec.Descriptor, listed *ocispec.Descriptor) error {
	switch {
	case listed == nil:
	case listed.Size != got.Size:
		return fmt.Errorf("manifest %s has %d bytes, its index says %d", got.Digest, got.Size, listed.Size)
	case listed.MediaType != got.MediaType:
		return fmt.Errorf("manifest %s is %s, its index says %.100q", got.Digest, got.MediaType, listed.MediaType)
	}
	return nil
}

// ErrNoPlatform reports an image that has no part for the requested architectures.
var ErrNoPlatform = errors.New("the image has nothing")

// platforms returns the children of an index to export. With nil archs, these are all. Children without a platform belong to other
// children, which may be left out.
func platforms(all []ocispec.Descriptor, archs []string) []ocispec.Descriptor {
	if archs == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(d ocispec.Descriptor) bool {
		return d.Platform != nil && !slices.ContainsFunc(archs, func(a string) bool { return oci.Architecture(a) == d.Platform.Architecture })
	})
}

func describePlatforms(all []ocispec.Descriptor) string {
	var out []string
	for _, d := range all {
		if d.Platform == nil || d.Platform.Architecture == "unknown" {
			continue
		}
		if name := fmt.Sprintf("%.20q", d.Platform.Architecture); !slices.Contains(out, name) && len(out) < 20 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
