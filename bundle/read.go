package bundle

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// Reader reads a bundle from the front: the signature first, then the rest of the head, then the payload.
type Reader struct {
	src      source
	bundle   ocispec.Index // D, as parsed
	digest   digest.Digest
	envelope *envelope
	public   PublicKey // the key that the bundle brings along: for inspection only
	head     *Head
	next     int
	input    *Input // nil unless it is ours to close
}

// NewReader reads a packed bundle from a stream, which stays the caller's to close.
func NewReader(name string, r io.Reader) (*Reader, error) {
	src, err := newTarSource(r)
	if err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", name, err)
	}
	return newReader(name, src)
}

func newReader(name string, src source) (*Reader, error) {
	r := &Reader{src: src}
	if err := r.readTop(); err != nil {
		src.Close() // the error at hand says more
		return nil, fmt.Errorf("read bundle %s: %w", name, err)
	}
	return r, nil
}

// Close closes what Open opened.
func (r *Reader) Close() error {
	err := r.src.Close()
	if r.input != nil {
		err = errors.Join(err, r.input.Close())
	}
	return err
}

// Digest is the digest of the bundle index: by it, two bundles of the same content are the same.
func (r *Reader) Digest() digest.Digest { return r.digest }

// SignerKeyID is the fingerprint of the key that the bundle claims to be signed with.
func (r *Reader) SignerKeyID() string { return r.envelope.keyID }

// Verify checks the signature against the trusted keys. It returns what was signed and the key that signed.
func (r *Reader) Verify(ctx context.Context, trusted []PublicKey) (*Predicate, PublicKey, error) {
	return r.envelope.verify(ctx, r.digest, trusted)
}

// VerifyUnsafe checks the signature against the key that the bundle itself brings along: it shows that the bundle is
// whole, not who made it.
func (r *Reader) VerifyUnsafe(ctx context.Context) (*Predicate, PublicKey, error) {
	return r.envelope.verify(ctx, r.digest, []PublicKey{r.public})
}

// readTop reads everything above the items.
func (r *Reader) readTop() error {
	if got, err := r.file(layoutFile, -1, 4096); err != nil {
		return err
	} else if !bytes.Equal(got, layoutContent) {
		return corrupt("%s: not that of a bundle", layoutFile)
	}
	rawIndex, err := r.file(indexFile, -1, MaxIndexSize)
	if err != nil {
		return err
	}
	var index ocispec.Index
	if err := decodeStrict(rawIndex, &index); err != nil {
		return corrupt("%s: %w", indexFile, err)
	}
	if err := checkFormat(index.Annotations[AnnotationFormat]); err != nil {
		return err
	}
	if len(index.Manifests) < 2 {
		return corrupt("%s: no bundle index and signature in it", indexFile)
	}
	bundleRaw, err := r.blob(index.Manifests[0], MaxIndexSize)
	if err != nil {
		return fmt.Errorf("bundle index: %w", err)
	}
	t, err := r.readSignature(bundleRaw, index.Manifests[1])
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if !bytes.Equal(t.index, rawIndex) {
		return corrupt("%s: it does not follow from the bundle index and the signature", indexFile)
	}
	return nil
}

// checkFormat is asked before anything else is understood, so that a newer format gets an answer that helps.
func checkFormat(version string) error {
	major, minor, ok := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	if _, err2 := strconv.Atoi(minor); !ok || err != nil || err2 != nil {
		return corrupt("%s: no format version in it", indexFile)
	}
	if n > FormatMajor {
		return fmt.Errorf("it is in format %.20s, this program reads up to %d.x: install snap-store-proxy %d.0 or newer: %w", version, FormatMajor, n, ErrTooNew)
	}
	if version != formatVersion() {
		return corrupt("format %.20s: unknown", version)
	}
	return nil
}

// readSignature reads the bundle index's signature and derives what must stand above the items.
func (r *Reader) readSignature(bundleRaw []byte, desc ocispec.Descriptor) (*top, error) {
	if err := decodeStrict(bundleRaw, &r.bundle); err != nil {
		return nil, corrupt("bundle index: %w", err)
	}
	r.digest = digest.FromBytes(bundleRaw)
	manifestRaw, err := r.blob(desc, MaxManifestSize)
	if err != nil {
		return nil, err
	}
	var m ocispec.Manifest
	if err := decodeStrict(manifestRaw, &m); err != nil {
		return nil, corrupt("manifest: %w", err)
	}
	if len(m.Layers) != 1 {
		return nil, corrupt("manifest: want one layer")
	}
	der, err := base64.StdEncoding.DecodeString(m.Annotations[AnnotationPublicKey])
	if err != nil {
		return nil, corrupt("public key: %w", err)
	}
	if r.public, err = parseDER(der); err != nil {
		return nil, corrupt("%w", err)
	}
	if _, err := r.blob(describe(ocispec.MediaTypeEmptyJSON, emptyConfig), MaxConfigSize); err != nil {
		return nil, err
	}
	raw, err := r.blob(m.Layers[0], MaxEnvelopeSize)
	if err != nil {
		return nil, err
	}
	if r.envelope, err = parseEnvelope(raw); err != nil {
		return nil, err
	}
	if r.envelope.keyID != r.public.ID() {
		return nil, corrupt("the key in the manifest is not the one that the envelope names")
	}
	t := newTop(bundleRaw, raw, r.public, r.bundle.Manifests)
	if !bytes.Equal(t.manifestRaw, manifestRaw) {
		return nil, corrupt("manifest: it does not follow from the bundle index and the envelope")
	}
	return &t, nil
}

// file reads a whole small file of the head.
func (r *Reader) file(name string, size, max int64) ([]byte, error) {
	f, n, err := r.src.open(name, size, max)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, corrupt("%s: %w", name, cutOff(err))
	}
	return b, nil
}

// blob reads a whole small blob and checks its digest.
func (r *Reader) blob(desc ocispec.Descriptor, max int64) ([]byte, error) {
	if err := checkDescriptor(desc, max); err != nil {
		return nil, err
	}
	b, err := r.file(blobName(desc.Digest), desc.Size, max)
	if err != nil {
		return nil, err
	}
	if digest.FromBytes(b) != desc.Digest {
		return nil, corrupt("blob %s: its content has another digest", desc.Digest)
	}
	return b, nil
}

// Head is what a bundle says of its content: all but the payload.
type Head struct {
	Snaps     []*Snap
	Revisions []*SnapRevision
	// Payload lists the large blobs in the order in which Next delivers them.
	Payload []ocispec.Descriptor
}

// PayloadSize is the size of the payload in bytes.
func (h *Head) PayloadSize() int64 {
	var n int64
	for _, d := range h.Payload {
		n += d.Size
	}
	return n
}

// Head reads and checks the rest of the head. Call Verify first: what no trusted key has signed is better left unread.
func (r *Reader) Head() (*Head, error) {
	if r.head != nil {
		return r.head, nil
	}
	want := bundleIndex(r.bundle.Manifests)
	if got, err := json.Marshal(r.bundle); err != nil || !bytes.Equal(got, encode(want)) {
		return nil, corrupt("bundle index: it has more than a bundle index of this format")
	}
	manifests, err := r.manifests()
	if err != nil {
		return nil, err
	}
	t, err := newTree(r.bundle.Manifests, manifests)
	if err != nil {
		return nil, err
	}
	data := make(map[digest.Digest][]byte, len(t.small))
	for _, desc := range t.small[len(manifests):] {
		if data[desc.Digest], err = r.blob(desc, MaxConfigSize); err != nil {
			return nil, err
		}
	}
	h := &Head{Payload: t.payload}
	if err := h.parse(r.bundle.Manifests, manifests, data); err != nil {
		return nil, err
	}
	r.head = h
	return h, nil
}

// manifests reads the items' manifests, of which each must be there once.
func (r *Reader) manifests() ([]ocispec.Manifest, error) {
	if n := len(r.bundle.Manifests); n == 0 || n > MaxItems {
		return nil, limit("items of the bundle", int64(n), MaxItems)
	}
	seen := make(map[string]bool)
	out := make([]ocispec.Manifest, len(r.bundle.Manifests))
	var total int64
	for i, desc := range r.bundle.Manifests {
		name := refName(desc)
		key := desc.ArtifactType + " " + name
		if seen[key] || seen[desc.Digest.String()] {
			return nil, corrupt("item %.80q twice", name)
		}
		seen[key], seen[desc.Digest.String()] = true, true
		if total += desc.Size; total > MaxHeadSize {
			return nil, limit("bytes of the bundle's head", total, MaxHeadSize)
		}
		raw, err := r.blob(desc, MaxManifestSize)
		if err != nil {
			return nil, fmt.Errorf("item %.80q: %w", name, err)
		}
		if err := decodeStrict(raw, &out[i]); err != nil {
			return nil, corrupt("item %.80q: %w", name, err)
		}
		if err := checkItem(desc, &out[i]); err != nil {
			return nil, fmt.Errorf("item %.80q: %w", name, err)
		}
	}
	return out, nil
}

func (h *Head) parse(descs []ocispec.Descriptor, manifests []ocispec.Manifest, data map[digest.Digest][]byte) error {
	for i, desc := range descs {
		switch desc.ArtifactType {
		case TypeSnap:
			s, err := parseSnap(desc, &manifests[i], data)
			if err != nil {
				return err
			}
			h.Snaps = append(h.Snaps, s)
		case TypeRevision:
			rev, err := parseRevision(desc, &manifests[i], data)
			if err != nil {
				return err
			}
			h.Revisions = append(h.Revisions, rev)
		}
	}
	return h.check()
}

// check refuses a head whose items contradict each other.
func (h *Head) check() error {
	ids := make(map[string]string, len(h.Snaps))
	for _, s := range h.Snaps {
		ids[s.Name] = s.SnapID
	}
	have := make(map[string]bool, len(h.Revisions))
	for _, r := range h.Revisions {
		if ids[r.Name] != r.SnapID {
			return corrupt("%s_%d: the bundle has no snap of that name and snap-id", r.Name, r.Revision.Revision)
		}
		have[fmt.Sprintf("%s_%d", r.Name, r.Revision.Revision)] = true
	}
	for _, s := range h.Snaps {
		for _, row := range s.ChannelMap {
			if row.Revision > 0 && !have[fmt.Sprintf("%s_%d", s.Name, row.Revision)] {
				return corrupt("%s: revision %d is released to %s and not in the bundle", s.Name, row.Revision, row.Channel)
			}
		}
	}
	return nil
}

// Next delivers the next blob of the payload, in the order of Head.Payload; after the last one it makes sure that nothing
// follows and returns io.EOF. The blob's reader returns a *BlobError in place of io.EOF when the content is not that of the
// digest; the blobs after it can be read all the same.
func (r *Reader) Next() (ocispec.Descriptor, io.Reader, error) {
	if r.next == len(r.head.Payload) {
		if err := r.src.finish(); err != nil {
			return ocispec.Descriptor{}, nil, err
		}
		return ocispec.Descriptor{}, nil, io.EOF
	}
	desc := r.head.Payload[r.next]
	r.next++
	f, _, err := r.src.open(blobName(desc.Digest), desc.Size, MaxBlobSize)
	if err != nil {
		return desc, nil, err
	}
	return desc, &blobReader{desc, blob.NewVerifyReader(f, desc.Digest, desc.Size)}, nil
}

// blobReader says which blob it is that is damaged.
type blobReader struct {
	desc ocispec.Descriptor
	r    io.Reader
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = &BlobError{b.desc.Digest, b.desc.Annotations[ocispec.AnnotationTitle], err}
	}
	return n, err
}
