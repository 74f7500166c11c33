package bundle

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/charm"
)

// blobStatement holds the properties of a blob of the payload that the head states besides its SHA-256.
type blobStatement struct {
	sha384 []string      // from the charms' resources that have this blob
	items  []*charm.Item // the charms that have this blob as their archive
	// encrypted reports that the blob came encrypted, and must not lie on a disk in clear.
	encrypted bool
}

// blobStatements returns the statements of h about each blob, also about the ones that are not here.
func blobStatements(h *Head) map[digest.Digest]*blobStatement {
	out := make(map[digest.Digest]*blobStatement, h.Len())
	all := slices.Concat(h.files(), h.Expected)
	if h.Part != nil {
		all = append(all, h.Part.Blobs...)
	}
	for _, d := range all {
		out[d.Digest] = &blobStatement{}
	}
	for _, r := range h.CharmRevisions {
		s := out[r.Blob.Digest]
		s.items = append(s.items, &r.Item)
	}
	for _, r := range h.CharmResources {
		if r.Blob != nil {
			s := out[r.Blob.Digest]
			s.sha384 = append(s.sha384, r.Resource.Download.SHA384)
		}
	}
	return out
}

// VerifyPayload reads the whole payload and verifies every digest that h, the head of the bundle, names for it, and the files
// inside of charms. It goes on after a bad blob: the error names all bad blobs. It stores only one charm at a time, in a
// temporary file.
func (r *Reader) VerifyPayload(ctx context.Context, h *Head, progress func(int64)) error {
	var bad []error
	statements := blobStatements(h)
	buf := make([]byte, 256<<10)
	for n := 0; ; n++ {
		desc, content, err := r.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(bad...)
		}
		if err != nil {
			return errors.Join(append(bad, err)...)
		}
		content = blob.NewMeter(ctx, content, progress)
		if n < len(h.Payload) {
			statement := statements[desc.Digest]
			statement.encrypted = r.isEncrypted()
			err = statement.verifyBlob(content, desc, buf)
		} else {
			err = r.verifyRange(content, h.Part, &h.Part.Ranges[n-len(h.Payload)], buf)
		}
		var damaged *BlobError
		var mismatch *MismatchError
		switch {
		case errors.As(err, &damaged), errors.As(err, &mismatch):
			bad = append(bad, err)
		case err != nil:
			return errors.Join(append(bad, err)...)
		}
	}
}

// verifyRange reads a range, and verifies the blob that it belongs to once all its ranges were read.
func (r *Reader) verifyRange(content io.Reader, p *Part, of *BlobRange, buf []byte) error {
	w := r.joiner.begin(p, of)
	if w == nil {
		_, err := io.CopyBuffer(io.Discard, onlyReader{content}, buf)
		return err
	}
	if _, err := io.CopyBuffer(w, content, buf); err != nil {
		return err
	}
	return r.joiner.end(p, of)
}

// verifyBlob reads a blob and verifies it. It computes only the digests that the bundle names.
func (s *blobStatement) verifyBlob(content io.Reader, desc ocispec.Descriptor, buf []byte) error {
	var set blob.Algorithm
	sha3 := desc.Annotations[AnnotationSHA3384]
	if sha3 != "" {
		set |= blob.SHA3384
	}
	if len(s.sha384) > 0 {
		set |= blob.SHA384
	}
	sums := blob.NewSums(set)
	var w io.Writer = sums
	var archive scratch
	if len(s.items) > 0 {
		var err error
		if archive, err = newScratch(s.encrypted); err != nil {
			return err
		}
		defer archive.Close()
		w = io.MultiWriter(sums, archive)
	}
	if _, err := io.CopyBuffer(w, content, buf); err != nil {
		return err
	}
	bad := func(text string) error {
		return &BlobError{Digest: desc.Digest, Title: desc.Annotations[ocispec.AnnotationTitle], Err: errors.New(text)}
	}
	if sha3 != "" && sums.Verify(blob.SHA3384, sha3) != nil {
		return bad("another SHA3-384 than its assertion names")
	}
	for _, want := range s.sha384 {
		if sums.Verify(blob.SHA384, want) != nil {
			return bad("another SHA-384 than the store named")
		}
	}
	if archive == nil {
		return nil
	}
	zip, err := archive.content()
	if err != nil {
		return err
	}
	var errs []error
	for _, item := range s.items {
		errs = append(errs, CheckArchive(item, zip, desc.Size))
	}
	return errors.Join(errs...)
}
