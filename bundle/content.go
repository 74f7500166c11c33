package bundle

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Content is a bundle without its payload and its signature: the bundle index with the small blobs below it. The same content has the same
// index, regardless of its signers and of the times of their signatures.
type Content struct {
	raw    []byte // the bundle index
	items  []ocispec.Descriptor
	format string
	tree   *tree
	data   map[digest.Digest][]byte
	head   *Head
}

// Content orders the items and makes the bundle index. The same items give the same index, regardless of the order in which they were
// added.
func (d *Builder) Content() (*Content, error) {
	items := slices.Clone(d.items)
	slices.SortFunc(items, func(a, b item) int { return compareItems(a.desc, b.desc) })
	descs := make([]ocispec.Descriptor, len(items))
	for i := range items {
		descs[i] = items[i].desc
	}
	if err := validateItems(descs); err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	t, err := newTree(items)
	if err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	h := &Head{Payload: t.payload}
	if err := h.parse(items, d.small); err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	format := h.format()
	return &Content{encode(bundleIndex(descs, format)), descs, format, t, d.small, h}, nil
}

// AddHead adds all items of a head.
func (d *Builder) AddHead(h *Head) error {
	return errors.Join(
		addAll(d.AddSnap, h.Snaps), addAll(d.AddRevision, h.Revisions), addAll(d.AddCharm, h.Charms),
		addAll(d.AddCharmRevision, h.CharmRevisions), addAll(d.AddCharmResource, h.CharmResources), addAll(d.AddImageManifest, h.Images),
		addAll(d.AddAssertion, h.Assertions), addAll(d.AddWithdrawal, h.Withdrawals), addAll(d.AddStore, h.Stores),
		addAll(d.AddRepository, h.Repositories))
}

func addAll[T any](add func(T) error, all []T) error {
	for _, one := range all {
		if err := add(one); err != nil {
			return err
		}
	}
	return nil
}

// ReadContent reads a bundle index and the small blobs below it. It refuses everything that a reader of bundles would refuse.
func ReadContent(index []byte, blobs map[digest.Digest][]byte) (*Content, error) {
	if n := int64(len(index)); n > MaxIndexSize {
		return nil, limit("bytes of the bundle index", n, MaxIndexSize)
	}
	var parsed ocispec.Index
	if err := decodeIndex(index, &parsed); err != nil {
		return nil, corrupt("bundle index: %w", err)
	}
	claimed := parsed.Annotations[AnnotationFormat]
	if err := validateFormat(claimed); err != nil {
		return nil, err
	}
	find := func(desc ocispec.Descriptor, max int64) ([]byte, error) {
		if err := validateDescriptor(desc, max); err != nil {
			return nil, err
		}
		b, ok := blobs[desc.Digest]
		if !ok {
			return nil, corrupt("blob %s: it is missing", desc.Digest)
		}
		if int64(len(b)) != desc.Size || digest.FromBytes(b) != desc.Digest {
			return nil, corrupt("blob %s: its content has another digest", desc.Digest)
		}
		return b, nil
	}
	return readContent(index, parsed.Manifests, formatOf(claimed, parsed.Manifests), nil, find)
}

// readContent reads and validates the content below a bundle index, of which the blobs in expects are left out. blob returns a small blob.
func readContent(raw []byte, descs []ocispec.Descriptor, format string, expects []digest.Digest, blob func(ocispec.Descriptor, int64) ([]byte, error)) (*Content, error) {
	if !bytes.Equal(encode(bundleIndex(descs, format)), raw) {
		return nil, corrupt("bundle index: not in its canonical encoding, or not one of format %s", format)
	}
	if err := validateItems(descs); err != nil {
		return nil, err
	}
	data := make(map[digest.Digest][]byte)
	items, err := readItems(descs, data, blob)
	if err != nil {
		return nil, err
	}
	t, err := newTree(items)
	if err != nil {
		return nil, err
	}
	for _, desc := range t.small[len(items):] {
		if data[desc.Digest], err = blob(desc, MaxConfigSize); err != nil {
			return nil, err
		}
	}
	h := new(Head)
	if h.Payload, h.Expected, err = splitExpected(t.payload, expects); err != nil {
		return nil, err
	}
	if err := h.parse(items, data); err != nil {
		return nil, err
	}
	if want := h.format(); format != want {
		return nil, corrupt("bundle index: format %s, while its content is of format %s", format, want)
	}
	return &Content{raw, descs, format, t, data, h}, nil
}

// readItems reads the items' manifests, and puts them into data.
func readItems(descs []ocispec.Descriptor, data map[digest.Digest][]byte, blob func(ocispec.Descriptor, int64) ([]byte, error)) ([]item, error) {
	out := make([]item, len(descs))
	for i, desc := range descs {
		raw, err := blob(desc, maxManifestSize(desc))
		if err != nil {
			return nil, fmt.Errorf("item %.80q: %w", refName(desc), err)
		}
		if out[i], err = parseItem(desc, raw); err != nil {
			return nil, fmt.Errorf("item %.80q: %w", refName(desc), err)
		}
		data[desc.Digest] = raw
	}
	return out, nil
}

// Digest returns the digest of the bundle index.
func (c *Content) Digest() digest.Digest { return digest.FromBytes(c.raw) }

// Index returns the bundle index.
func (c *Content) Index() []byte { return c.raw }

// Head returns the description of the content. It leaves nothing out.
func (c *Content) Head() *Head { return c.head }

// Small lists the blobs below the bundle index that are no payload, in the order in which a bundle has them.
func (c *Content) Small() []Layer {
	var out []Layer
	for _, desc := range c.tree.small {
		out = append(out, Layer{desc, c.data[desc.Digest]})
	}
	return out
}

// Seal signs the content. A reliance, which may be nil, makes the bundle an increment: without the blobs that a receiver has.
func (c *Content) Seal(ctx context.Context, p Predicate, key crypto.Signer, r Reliance) (*SignedBundle, error) {
	if r != nil {
		p.Expects = leftOut(c.tree.payload, r)
		p.Increment = r.Increment(p.Expects)
	}
	t := *c.tree
	var err error
	if t.payload, _, err = splitExpected(t.payload, p.Expects); err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	envelope, public, err := signStatement(ctx, c.Digest(), p, key)
	if err != nil {
		return nil, err
	}
	s := &SignedBundle{top: newTop(c.raw, envelope, public, c.items, c.format), tree: t, data: c.data, left: len(p.Expects), items: c.items, format: c.format}
	if n := int64(len(s.top.index)); n > MaxIndexSize {
		return nil, limit("bytes of index.json", n, MaxIndexSize)
	}
	return s, nil
}
