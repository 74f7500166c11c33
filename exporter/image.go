package exporter

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/upstream"
)

// Limits of one image. Real ones have an index, about five manifests and as many attestations, of a few kilobytes each.
const (
	maxImageDepth     = 4
	maxImageManifests = 1000
)

// maxManifests bounds the bytes of the manifests of all images together. They are kept in memory, and a bundle accepts no more.
const maxManifests = bundle.MaxHeadSize

// ImageError names the image that can't be fetched, and the resource that needs it.
type ImageError struct {
	Charm, Resource string
	Revision        int
	// Image is its location upstream, or empty if that isn't known.
	Image string
	Err   error
}

func (e *ImageError) Error() string {
	at := ""
	if e.Image != "" {
		at = "image " + e.Image + ": "
	}
	return fmt.Sprintf("%s: resource %s revision %d: %s%v", e.Charm, e.Resource, e.Revision, at, e.Err)
}

func (e *ImageError) Unwrap() error { return e.Err }

// planImages finds the location of each resource that is an image and, unless images are left out, its manifests and blobs.
func (p *charmPlanner) planImages() error {
	var all []*CharmResource
	for _, c := range p.plan.Charms {
		for _, r := range c.Resources {
			if r.Resource.Type == charm.ResourceImage {
				all = append(all, r)
			}
		}
	}
	failed := make([]error, len(all))
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(cmp.Or(p.e.Jobs, 4))
	for i, r := range all {
		g.Go(func() error {
			err := p.planImage(ctx, r)
			if err == nil || ctx.Err() != nil || r.mapped == "" {
				return err
			}
			failed[i] = err
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, r := range all {
		if r.mapped != "" {
			p.plan.Overrides = append(p.plan.Overrides, r.Resource.Name)
		}
		if failed[i] != nil {
			// The operator has mapped it to another registry, and may have copied it there.
			p.warn("%s is left to the registry inside: %v", r.mapped, failed[i])
		}
	}
	return nil
}

// planImage fills in r.Image and r.image.
func (p *charmPlanner) planImage(ctx context.Context, r *CharmResource) error {
	r.Image = &charm.Image{Name: r.mapped}
	if r.upstream.Size == 0 {
		return nil // never uploaded, and mapped
	}
	ref, username, password, err := p.imageBlob(ctx, r)
	if err != nil {
		return &StoreError{&ImageError{r.Charm, r.Resource.Name, r.Resource.Revision, "", err}}
	}
	host, name, dgst, err := charm.SplitReference(ref)
	if err != nil {
		return &StoreError{&ImageError{r.Charm, r.Resource.Name, r.Resource.Revision, "", err}}
	}
	r.Image.Source = host + "/" + name
	r.Image.Digest = dgst
	if r.mapped == "" {
		r.Image.Name = name
	} else if _, at, ok := strings.Cut(r.mapped, "@"); ok && at != dgst {
		r.Image.Digest = at // another image, which the operator provides
		return nil
	}
	if p.req.NoImages {
		return nil
	}
	if r.image, err = p.listImage(ctx, ref, username, password, p.imageArchitectures(p.charms[r.Charm])); err != nil {
		return &StoreError{&ImageError{r.Charm, r.Resource.Name, r.Resource.Revision, r.Image.Source, err}}
	}
	r.Image.Digest = r.image.manifests[0].Digest.String()
	if r.mapped == "" {
		r.Image.Name = r.Image.Repository() + "@" + r.Image.Digest
	}
	r.image.name = r.Image.Repository()
	return nil
}

// imageBlob fetches the blob that holds the location of a resource's image. It never goes into the bundle, because it holds credentials.
func (p *charmPlanner) imageBlob(ctx context.Context, r *CharmResource) (ref, username, password string, err error) {
	data, err := p.fetchSmall(ctx, "where it is", r.upstream, charm.MaxImageBlob)
	if err != nil {
		return "", "", "", err
	}
	return charm.ParseImageBlob(data)
}

// fetchSmall fetches a blob that planning needs, and verifies it.
func (p *charmPlanner) fetchSmall(ctx context.Context, name string, a remoteBlob, limit int64) ([]byte, error) {
	if a.Size > limit {
		return nil, fmt.Errorf("%s: %d bytes are over the limit of %d", name, a.Size, limit)
	}
	var b bytes.Buffer
	restart := func() error { b.Reset(); return nil }
	if err := p.e.Charmhub.Fetch(ctx, upstream.Blob{Name: name, URL: a.URL, Size: a.Size, Restart: restart}, &b); err != nil {
		return nil, err
	}
	sums := newSums(&a)
	sums.Write(b.Bytes())
	if err := a.verifySums(sums); err != nil {
		return nil, fmt.Errorf("download %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// listImage asks a registry for the manifests and blobs of an image.
func (p *charmPlanner) listImage(ctx context.Context, ref, username, password string, archs []string) (*image, error) {
	repo, err := upstream.OpenRepository(ctx, p.e.Registry, ref, username, password)
	if err != nil {
		return nil, err
	}
	w := &imageWalk{ctx: ctx, repo: repo, archs: archs, left: &p.manifests, seen: make(map[digest.Digest]ocispec.Descriptor), sizes: make(map[digest.Digest]int64)}
	if err := w.addManifest(repo.Reference(), nil, 0); err != nil {
		return nil, err
	}
	img := &image{manifests: w.manifests, blobs: w.cachedBlobs(), source: repo.Fetch}
	return img, p.listReferrers(ctx, repo, img)
}

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
		return fmt.Errorf("%w for %s: it has %s", errNoPlatform, strings.Join(w.archs, ", "), describePlatforms(m.Listed))
	}
	for _, child := range children {
		if have, ok := w.seen[child.Digest]; ok {
			if err := compareListed(have, &child); err != nil {
				return err
			}
			continue
		}
		if err := w.addManifest(child.Digest.String(), &child, depth+1); err != nil {
			return err
		}
	}
	return nil
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

var errNoPlatform = errors.New("the image has nothing")

// platforms returns the children of an index to export. With nil archs, these are all. Children without a platform belong to other
// children, which may be left out.
func platforms(all []ocispec.Descriptor, archs []string) []ocispec.Descriptor {
	if archs == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(d ocispec.Descriptor) bool {
		return d.Platform != nil && !slices.ContainsFunc(archs, func(a string) bool { return goArch(a) == d.Platform.Architecture })
	})
}

// goArch returns the name that images use for a Debian architecture.
func goArch(arch string) string {
	switch arch {
	case "armhf", "armel":
		return "arm"
	case "i386":
		return "386"
	case "ppc64el":
		return "ppc64le"
	}
	return arch
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
