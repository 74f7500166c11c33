package bundle

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/snap"
)

const mediaAssertions = snap.AssertionMediaType

// iconTypes maps the accepted media types of an icon to the extension of its file.
var iconTypes = map[string]string{
	"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg", "image/gif": ".gif", "image/webp": ".webp",
}

// Blob names one blob of the payload: its address, its size in bytes and its SHA3-384.
type Blob struct {
	Digest  digest.Digest
	Size    int64
	SHA3384 [48]byte
}

// Icon is the picture of a snap or charm.
type Icon struct {
	MediaType string
	Data      []byte
}

// Snap is the item of a snap by name: its listing, its assertions (its declaration in each format, and the assertions that these
// need), and its icon or nil.
type Snap struct {
	snap.Listing
	Assertions []byte
	Icon       *Icon
}

// SnapRevision is the item of one revision: its assertions with the assertions that these need, its blob, the blobs of its
// components in the order of Revision.Components, and the blobs of its integrity data in theirs.
type SnapRevision struct {
	snap.Item
	Assertions []byte
	Blob       Blob
	Components []Blob
	Integrity  []Blob
}

// AddSnap adds a snap by name.
func (d *Builder) AddSnap(s *Snap) error {
	if err := s.validate(); err != nil {
		return err
	}
	return d.addItem(TypeSnap, s.Name, MediaSnapConfig, encode(s.Listing), s.layers())
}

func (s *Snap) validate() error {
	if s.Icon != nil && slices.Contains(s.Unknown, snap.UnknownIcon) {
		return fmt.Errorf("snap %s: its icon is said to be unknown, and is there", s.Name)
	}
	return s.Listing.Validate()
}

func (s *Snap) layers() []Layer {
	layers := []Layer{inline(mediaAssertions, s.Name+".assert", s.Assertions)}
	if s.Icon != nil {
		layers = append(layers, inline(s.Icon.MediaType, s.Name+iconTypes[s.Icon.MediaType], s.Icon.Data))
	}
	return layers
}

// AddRevision adds one revision of a snap.
func (d *Builder) AddRevision(r *SnapRevision) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if n, want := len(r.Components), len(r.Revision.Components()); n != want {
		return fmt.Errorf("%s: %d components, and blobs of %d", r.itemName(), want, n)
	}
	if n := len(r.Integrity); n != len(r.Revision.Integrity) {
		return fmt.Errorf("%s: integrity data %d times, and blobs of %d", r.itemName(), len(r.Revision.Integrity), n)
	}
	return d.addItem(TypeRevision, r.itemName(), MediaRevisionConfig, encode(r.Item), r.layers())
}

func (r *SnapRevision) itemName() string { return fmt.Sprintf("%s_%d", r.Name, r.Revision.Number) }

func (r *SnapRevision) layers() []Layer {
	name := r.itemName()
	layers := []Layer{inline(mediaAssertions, name+".assert", r.Assertions), r.Blob.layer(MediaSnapBlob, name+".snap")}
	for i, res := range r.Revision.Components() {
		layers = append(layers, r.Components[i].layer(MediaComponentBlob, fmt.Sprintf("%s+%s_%d.comp", r.Name, res.Name, res.Revision)))
	}
	for i, b := range r.Integrity {
		layers = append(layers, b.layer(MediaIntegrityBlob, name+"."+r.Revision.Integrity[i].FileName()))
	}
	return layers
}

func inline(mediaType, title string, data []byte) Layer {
	desc := describe(mediaType, data)
	desc.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	return Layer{desc, data}
}

func (b Blob) layer(mediaType, title string) Layer {
	return Layer{Descriptor: ocispec.Descriptor{
		MediaType: mediaType, Digest: b.Digest, Size: b.Size,
		Annotations: map[string]string{ocispec.AnnotationTitle: title, AnnotationSHA3384: hex.EncodeToString(b.SHA3384[:])},
	}}
}

// parseSnap parses a snap's item. data has the content of the small blobs.
func parseSnap(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*Snap, error) {
	s := &Snap{}
	if err := decodeConfig(m, data, &s.Listing); err != nil {
		return nil, corrupt("%s: config: %w", refName(desc), err)
	}
	for i, l := range m.Layers {
		switch {
		case i == 0 && l.MediaType == mediaAssertions:
			s.Assertions = data[l.Digest]
		case i == 1 && l.MediaType != mediaAssertions:
			s.Icon = &Icon{l.MediaType, data[l.Digest]}
		default:
			return nil, corrupt("%s: want an assertion stream and at most one icon", s.Name)
		}
	}
	if err := s.validate(); err != nil {
		return nil, corrupt("%s: %w", refName(desc), err)
	}
	if s.Name != refName(desc) {
		return nil, corrupt("%s: its config is of %s", refName(desc), s.Name)
	}
	return s, nil
}

// parseRevision parses the item of a snap's revision.
func parseRevision(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*SnapRevision, error) {
	r := &SnapRevision{}
	if err := decodeConfig(m, data, &r.Item); err != nil {
		return nil, corrupt("%s: config: %w", refName(desc), err)
	}
	if err := r.Validate(); err != nil {
		return nil, corrupt("%s: %w", refName(desc), err)
	}
	if name := r.itemName(); name != refName(desc) {
		return nil, corrupt("%s: its config is of %s", refName(desc), name)
	}
	downloads := r.Revision.Downloads()
	if len(m.Layers) != 1+len(downloads) || m.Layers[0].MediaType != mediaAssertions || m.Layers[1].MediaType != MediaSnapBlob {
		return nil, corrupt("%s: want an assertion stream, a snap and its %d components", refName(desc), len(r.Revision.Components()))
	}
	r.Assertions = data[m.Layers[0].Digest]
	for i, l := range m.Layers[1:] {
		b, err := parseBlob(l, downloads[i])
		if err != nil {
			return nil, corrupt("%s: %w", refName(desc), err)
		}
		switch want := r.addBlob(i, b); {
		case l.MediaType != want && want == MediaComponentBlob:
			return nil, corrupt("%s: layer %d is no component", refName(desc), i+1)
		case l.MediaType != want:
			return nil, corrupt("%s: layer %d is not %s", refName(desc), i+1, want)
		}
	}
	return r, nil
}

// addBlob adds the blob of the download i of r, and returns the media type that it must have.
func (r *SnapRevision) addBlob(i int, b Blob) string {
	switch {
	case i == 0:
		r.Blob = b
		return MediaSnapBlob
	case i <= len(r.Revision.Resources)+len(r.Revision.Further):
		r.Components = append(r.Components, b)
		return MediaComponentBlob
	}
	r.Integrity = append(r.Integrity, b)
	return MediaIntegrityBlob
}

// parseBlob parses a layer of the payload. It must agree with the store's own message about it.
func parseBlob(l ocispec.Descriptor, want snap.Download) (Blob, error) {
	b := Blob{Digest: l.Digest, Size: l.Size}
	sum, err := hex.DecodeString(l.Annotations[AnnotationSHA3384])
	if err != nil || copy(b.SHA3384[:], sum) != len(b.SHA3384) || len(sum) != len(b.SHA3384) {
		return Blob{}, fmt.Errorf("layer %s: no SHA3-384", l.Digest)
	}
	if hex.EncodeToString(sum) != want.SHA3384 || l.Size != want.Size {
		return Blob{}, fmt.Errorf("layer %s: its size or SHA3-384 is not what the config says", l.Digest)
	}
	return b, nil
}
