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

	"filippo.io/age"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// parsedSize is the memory of a byte of the head, once as it is and about three times as it is parsed.
const parsedSize = 4

// Reader reads a bundle from the front: the signature first, then the rest of the head, then the payload.
type Reader struct {
	src      source
	bundle   ocispec.Index // the parsed bundle index
	raw      []byte        // its bytes
	digest   digest.Digest
	format   string // the version that the bundle should have, as far as is known
	envelope *envelope
	public   PublicKey       // the key inside the bundle: for inspection only
	expects  []digest.Digest // the blobs that the statement leaves out, once its signature is verified
	partReader
	head  *Head
	files []ocispec.Descriptor // that Next delivers
	next  int
	err   error  // the permanent error of Next
	input *Input // the input that Close closes, or nil
	// small counts the bytes of the small files that were read.
	small int64
	// keeps makes Head keep the content with all blobs of the head.
	keeps   bool
	content *Content
}

// NewReader returns a reader of a packed bundle in a stream. The caller closes the stream.
func NewReader(name string, r io.Reader) (*Reader, error) {
	return newPackedReader(name, r, nil)
}

// newPackedReader returns a reader of a packed bundle, which may be encrypted to one of the identities.
func newPackedReader(name string, r io.Reader, identities []age.Identity) (*Reader, error) {
	src, err := newTarSource(r, identities)
	if err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", name, err)
	}
	return newReader(name, src)
}

func newReader(name string, src source) (*Reader, error) {
	r := &Reader{src: src}
	if err := r.readTop(); err != nil {
		src.Close() // the first error tells more
		return nil, fmt.Errorf("read bundle %s: %w", name, err)
	}
	return r, nil
}

// isEncrypted reports whether the bundle came encrypted.
func (r *Reader) isEncrypted() bool {
	t, ok := r.src.(*tarSource)
	return ok && t.encrypted
}

// Memory estimates the memory that the reader holds after Head, in bytes.
func (r *Reader) Memory() int64 {
	n := readSize + parsedSize*r.small
	if t, ok := r.src.(*tarSource); ok && t.zstd != nil {
		n += 4 * zstdWindow
	}
	return n
}

// Close closes the files that Open opened.
func (r *Reader) Close() error {
	err := r.src.Close()
	if r.input != nil {
		err = errors.Join(err, r.input.Close())
	}
	return err
}

// Digest returns the digest of the bundle index. Bundles with the same digest have the same content.
func (r *Reader) Digest() digest.Digest { return r.digest }

// Verify verifies the signature with the trusted keys. It returns the signed predicate and the key that signed it.
func (r *Reader) Verify(ctx context.Context, trusted []PublicKey) (*Predicate, PublicKey, error) {
	return r.verify(ctx, trusted)
}

// VerifyUnsafe verifies the signature with the key inside the bundle. This shows that the bundle is intact, not who made it.
func (r *Reader) VerifyUnsafe(ctx context.Context) (*Predicate, PublicKey, error) {
	return r.verify(ctx, []PublicKey{r.public})
}

func (r *Reader) verify(ctx context.Context, keys []PublicKey) (*Predicate, PublicKey, error) {
	p, key, err := r.envelope.verifySignatures(ctx, r.digest, keys)
	if err == nil {
		r.expects, r.verified = p.Expects, true
	}
	return p, key, err
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
	r.format = index.Annotations[AnnotationFormat]
	if r.label, err = parseLabel(index.Annotations); err != nil {
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
	if r.label.number > 0 {
		if err := r.readDivision(t); err != nil {
			return fmt.Errorf("division: %w", err)
		}
	}
	if !bytes.Equal(t.index, rawIndex) {
		return corrupt("%s: it does not follow from the bundle index and the signature", indexFile)
	}
	return nil
}

// validateFormat refuses a newer format before the reader parses anything else, so that the operator gets a helpful error.
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

// readSignature reads the bundle index's signature and derives the files that must come before the items.
func (r *Reader) readSignature(bundleRaw []byte, desc ocispec.Descriptor) (*top, error) {
	if err := decodeIndex(bundleRaw, &r.bundle); err != nil {
		return nil, corrupt("bundle index: %w", err)
	}
	r.raw, r.digest = bundleRaw, digest.FromBytes(bundleRaw)
	r.format = formatOf(r.format, r.bundle.Manifests)
	manifestRaw, err := r.blob(desc, MaxManifestSize)
	if err != nil {
		return nil, err
	}
	var m ocispec.Manifest
	if err := decodeValue(manifestRaw, &m); err != nil {
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
	t := newTop(bundleRaw, raw, r.public, r.bundle.Manifests, r.format)
	if !bytes.Equal(t.manifestRaw, manifestRaw) {
		return nil, corrupt("manifest: it does not follow from the bundle index and the envelope")
	}
	return &t, nil
}

// file reads a whole small file of the head.
func (r *Reader) file(name string, size, max int64) ([]byte, error) {
	f, n, err := r.src.openFile(name, size, max)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, readError(name, err)
	}
	r.small += n
	return b, nil
}

// blob reads a whole small blob and verifies its digest.
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
