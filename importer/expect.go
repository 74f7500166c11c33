package importer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/charm"
)

var errSHA384 = errors.New("another SHA-384 than the store named")

// expectation holds the bundle's statements about a payload blob besides its digest.
type expectation struct {
	sha3      string // SHA3-384 in hex from an assertion; empty if none has it
	verifiers []verifier
}

// verifier verifies the content of a blob. It returns a *[bundle.MismatchError] or a *[bundle.BlobError] if the content is bad. Any other
// error means that it could not read the blob.
type verifier func(ctx context.Context, r io.ReaderAt, size int64) error

// expectations returns the expectations of all blobs of an import.
func expectations(in *catalog.Import) map[blob.Digest]*expectation {
	out := make(map[blob.Digest]*expectation, len(in.Blobs))
	for _, b := range in.Blobs {
		if out[b.Digest] == nil {
			out[b.Digest] = &expectation{}
		}
		if b.SHA3384 != "" {
			out[b.Digest].sha3 = b.SHA3384
		}
	}
	for i := range in.CharmRevisions {
		r := &in.CharmRevisions[i]
		out[r.Blob].verifiers = append(out[r.Blob].verifiers, archiveVerifier(&r.Item))
	}
	seen := make(map[string]bool)
	for i := range in.CharmResources {
		r := &in.CharmResources[i]
		if sum := r.Resource.Download.SHA384; r.Blob != "" && sum != "" && !seen[sum+r.Blob.String()] {
			seen[sum+r.Blob.String()] = true
			out[r.Blob].verifiers = append(out[r.Blob].verifiers, resourceVerifier(r))
		}
	}
	return out
}

// resourceVerifier compares the SHA-384 of a file, by which Juju knows it, with the one that the store named.
func resourceVerifier(res *catalog.ImportedCharmResource) verifier {
	return func(ctx context.Context, r io.ReaderAt, size int64) error {
		sums := blob.NewSums(blob.SHA384)
		if _, err := io.CopyBuffer(sums, blob.NewMeter(ctx, io.NewSectionReader(r, 0, size), nil), make([]byte, 256<<10)); err != nil {
			return err
		}
		if sums.Verify(blob.SHA384, res.Resource.Download.SHA384) != nil {
			title := fmt.Sprintf("%s.%s_%d", res.Charm, res.Resource.Name, res.Resource.Revision)
			return &bundle.BlobError{Digest: res.Blob, Title: title, Err: errSHA384}
		}
		return nil
	}
}

// archiveVerifier compares the archive of a charm or bundle with the metadata that the store is going to serve for it.
func archiveVerifier(item *charm.Item) verifier {
	return func(_ context.Context, r io.ReaderAt, size int64) error { return bundle.CheckArchive(item, r, size) }
}
