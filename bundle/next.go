package bundle

import (
	"errors"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// CheckLength refuses a bundle that is cut off, lacks a blob or has more than its head describes, as far as the sizes of its files tell.
// It reads none of the payload. Call it before Next.
func (r *Reader) CheckLength() error {
	h, err := r.Head()
	if err != nil {
		return err
	}
	return r.src.checkLength(h.files())
}

// Next delivers the next blob of the payload, in the order of Head.Payload, and then the ranges of a part. After the last one it makes sure that nothing follows
// and returns io.EOF. If the content does not match its digest, the blob's reader returns a *BlobError in place of io.EOF, and
// the next blobs can still be read. If a directory lacks a blob, Next itself returns a *BlobError, and the next blobs can be
// read, too. All other errors of Next are permanent: a disk that fails tells nothing about the bundle. The unread rest of a blob is
// skipped and not verified.
func (r *Reader) Next() (ocispec.Descriptor, io.Reader, error) {
	desc, f, err := r.openNext()
	if err != nil {
		return desc, nil, err
	}
	return desc, &blobReader{desc, blob.NewVerifyReader(f, desc.Digest, desc.Size)}, nil
}

// NextUnsafe does the same as Next, without verifying digests. It is for the ranges of a blob that the caller verifies whole.
func (r *Reader) NextUnsafe() (ocispec.Descriptor, io.Reader, error) {
	desc, f, err := r.openNext()
	if err != nil {
		return desc, nil, err
	}
	return desc, &blobReader{desc, f}, nil
}

// openNext opens the next file of the payload.
func (r *Reader) openNext() (ocispec.Descriptor, io.Reader, error) {
	if r.err == nil && r.files == nil {
		var h *Head
		if h, r.err = r.Head(); r.err == nil {
			r.files = h.files()
		}
	}
	if r.err == nil && r.next == len(r.files) {
		if r.err = r.src.expectEnd(); r.err == nil {
			r.err = io.EOF
		}
	}
	if r.err != nil {
		return ocispec.Descriptor{}, nil, r.err
	}
	desc := r.files[r.next]
	r.next++
	f, _, err := r.src.openFile(blobName(desc.Digest), desc.Size, MaxBlobSize)
	if r.src.random() && errors.Is(err, ErrCorrupt) {
		return desc, nil, blobError(desc, err)
	}
	if err != nil {
		r.err = err
	}
	return desc, f, err
}

func blobError(desc ocispec.Descriptor, err error) error {
	return &BlobError{desc.Digest, desc.Annotations[ocispec.AnnotationTitle], err}
}

// blobReader wraps the errors of a damaged blob in a *BlobError.
type blobReader struct {
	desc ocispec.Descriptor
	r    io.Reader
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	var damaged *blob.CorruptError
	if errors.As(err, &damaged) || errors.Is(err, ErrCorrupt) {
		return n, blobError(b.desc, err)
	}
	return n, err // the whole input can't be read
}
