package bundle

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// sealed returns the bundle that is read, with its signature.
func (r *Reader) sealed(c *Content) *SignedBundle {
	here := *c.tree
	here.payload = c.head.Payload
	top := newTop(c.raw, encode(r.envelope.dsse), r.public, c.items, c.format)
	return &SignedBundle{top: top, tree: here, data: c.data, left: len(c.head.Expected), items: c.items, format: c.format}
}

// placeFiles tells the source of a folder for inspection the paths of the payload.
func (r *Reader) placeFiles(c *Content) (err error) {
	d, ok := r.src.(*dirSource)
	if ok && d.folder != "" {
		d.files, err = newFileTree(r.sealed(c))
	}
	return err
}

// Sealed returns the bundle with its signature, to be written in another framing. That of a part is the whole bundle. Call it instead of Head, after Verify or VerifyUnsafe.
func (r *Reader) Sealed() (*SignedBundle, error) {
	if r.head != nil && r.content == nil {
		return nil, errors.New("repack bundle: its head was read before")
	}
	r.keeps = true
	if _, err := r.Head(); err != nil {
		return nil, err
	}
	return r.sealed(r.content), nil
}

// OpenNext opens a blob of the payload as an Opener does, for writers that ask for the blobs in their order. Blobs before it are skipped.
func (r *Reader) OpenNext(d digest.Digest) (io.ReadCloser, error) {
	for {
		desc, content, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read %s: %w", d, blob.ErrNotFound)
		case err != nil:
			return nil, err
		case desc.Digest == d:
			return io.NopCloser(content), nil
		}
	}
}

// CanOpenBlob reports whether OpenBlob works: for folders, and for archives in a file that are neither encrypted nor compressed with zstd.
func (r *Reader) CanOpenBlob() bool {
	t, ok := r.src.(*tarSource)
	return r.src.random() || ok && t.isRandom()
}

// OpenBlob opens a blob of the payload in any order. In a folder, the blob before it must not be read any more.
func (r *Reader) OpenBlob(d digest.Digest) (io.ReadCloser, error) {
	h, err := r.Head()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(h.Payload, func(desc ocispec.Descriptor) bool { return desc.Digest == d })
	if i < 0 || !r.CanOpenBlob() {
		return nil, fmt.Errorf("read %s: %w", d, blob.ErrNotFound)
	}
	var f io.Reader
	if t, ok := r.src.(*tarSource); ok {
		f, err = t.openRandom(h.Payload, i)
	} else {
		f, _, err = r.src.openFile(blobName(d), h.Payload[i].Size, MaxBlobSize)
	}
	if err != nil {
		return nil, blobError(h.Payload[i], err)
	}
	return io.NopCloser(f), nil
}

// ReadEnd makes sure that nothing follows the payload. Blobs that were not opened are skipped.
func (r *Reader) ReadEnd() error {
	for {
		if _, _, err := r.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
