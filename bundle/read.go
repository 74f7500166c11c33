package bundle

import (
	"bytes"
	"context"
	"encoding/base64"
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
	bundle   ocispec.Index // the bundle index, as parsed
	raw      []byte        // and as it stands
	digest   digest.Digest
	envelope *envelope
	public   PublicKey // the key that the bundle brings along: for inspection only
	head     *Head
	next     int
	err      error  // what Next returned for good
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

// Verify checks the signature against the trusted keys. It returns what was signed and the key that signed.
func (r *Reader) Verify(ctx context.Context, trusted []PublicKey) (*Predicate, PublicKey, error) {
	return r.envelope.verifySignatures(ctx, r.digest, trusted)
}

// VerifyUnsafe checks the signature against the key that the bundle itself brings along: it shows that the bundle is
// whole, not who made it.
func (r *Reader) VerifyUnsafe(ctx context.Context) (*Predicate, PublicKey, error) {
	return r.envelope.verifySignatures(ctx, r.digest, []PublicKey{r.public})
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
	if err := decodeIndex(rawIndex, &index); err != nil {
		return corrupt("%s: %w", indexFile, err)
	}
	if err := validateFormat(index.Annotations[AnnotationFormat]); err != nil {
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

// validateFormat is asked before anything else is understood, so that a newer format gets an answer that helps.
func validateFormat(version string) error {
	before, after, _ := strings.Cut(version, ".")
	major, err := strconv.ParseUint(before, 10, 16)
	minor, err2 := strconv.ParseUint(after, 10, 16)
	switch {
	case err != nil || err2 != nil || fmt.Sprintf("%d.%d", major, minor) != version:
		return corrupt("%s: no format version in it", indexFile)
	case major > FormatMajor || major == FormatMajor && minor > FormatMinor:
		return &FormatError{Version: version, Newest: formatVersion()}
	case major != FormatMajor:
		return corrupt("format %s: there is none", version)
	}
	return nil
}

// readSignature reads the bundle index's signature and derives what must stand above the items.
func (r *Reader) readSignature(bundleRaw []byte, desc ocispec.Descriptor) (*top, error) {
	if err := decodeIndex(bundleRaw, &r.bundle); err != nil {
		return nil, corrupt("bundle index: %w", err)
	}
	r.raw, r.digest = bundleRaw, digest.FromBytes(bundleRaw)
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
		return nil, readError(name, err)
	}
	return b, nil
}

// blob reads a whole small blob and checks its digest.
func (r *Reader) blob(desc ocispec.Descriptor, max int64) ([]byte, error) {
	if err := validateDescriptor(desc, max); err != nil {
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

// Next delivers the next blob of the payload, in the order of Head.Payload; after the last one it makes sure that nothing
// follows and returns io.EOF. The blob's reader returns a *BlobError in place of io.EOF when the content is not that of the
// digest; the blobs after it can be read all the same. So does Next itself for a blob that a directory lacks; all other
// errors of Next are for good. What is not read of a blob is passed over, and not verified.
func (r *Reader) Next() (ocispec.Descriptor, io.Reader, error) {
	if r.err == nil {
		_, r.err = r.Head()
	}
	if r.err == nil && r.next == len(r.head.Payload) {
		if r.err = r.src.finish(); r.err == nil {
			r.err = io.EOF
		}
	}
	if r.err != nil {
		return ocispec.Descriptor{}, nil, r.err
	}
	desc := r.head.Payload[r.next]
	r.next++
	f, _, err := r.src.open(blobName(desc.Digest), desc.Size, MaxBlobSize)
	if err != nil && r.src.random() {
		return desc, nil, blobError(desc, err)
	}
	if err != nil {
		r.err = err
		return desc, nil, err
	}
	return desc, &blobReader{desc, blob.NewVerifyReader(f, desc.Digest, desc.Size), r.src.random()}, nil
}

func blobError(desc ocispec.Descriptor, err error) error {
	return &BlobError{desc.Digest, desc.Annotations[ocispec.AnnotationTitle], err}
}

// blobReader says which blob it is that is damaged.
type blobReader struct {
	desc   ocispec.Descriptor
	r      io.Reader
	random bool
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	var damaged *blob.CorruptError
	if b.random || errors.As(err, &damaged) || errors.Is(err, ErrCorrupt) {
		return n, blobError(b.desc, err)
	}
	return n, err // the input as a whole can't be read
}
