package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
)

// expected is what a bundle says of a blob of its payload besides its digest.
type expected struct {
	sha384 []string      // of a charm's resource
	items  []*charm.Item // of a charm's archive
}

func expectations(h *bundle.Head) map[digest.Digest]*expected {
	out := make(map[digest.Digest]*expected, len(h.Payload))
	for _, d := range h.Payload {
		out[d.Digest] = &expected{}
	}
	for _, r := range h.CharmRevisions {
		e := out[r.Blob.Digest]
		e.items = append(e.items, &r.Item)
	}
	for _, r := range h.CharmResources {
		if r.Blob != nil {
			e := out[r.Blob.Digest]
			e.sha384 = append(e.sha384, r.Resource.Download.SHA384)
		}
	}
	return out
}

// verifyPayload reads every blob and names every bad one.
func verifyPayload(ctx context.Context, r *bundle.Reader, h *bundle.Head, progress *cli.Progress) error {
	var bad []error
	want := expectations(h)
	buf := make([]byte, 256<<10)
	for {
		desc, content, err := r.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(bad...)
		}
		if err != nil {
			return errors.Join(append(bad, err)...)
		}
		err = want[desc.Digest].verify(blob.NewMeter(ctx, content, progress.Add), desc, buf)
		var damaged *bundle.BlobError
		var mismatch *bundle.MismatchError
		switch {
		case errors.As(err, &damaged), errors.As(err, &mismatch):
			bad = append(bad, err)
		case err != nil:
			return errors.Join(append(bad, err)...)
		}
	}
}

// verify reads a blob. It hashes only in the ways that the bundle names a digest for.
func (e *expected) verify(content io.Reader, desc ocispec.Descriptor, buf []byte) error {
	var set blob.Algorithm
	sha3 := desc.Annotations[bundle.AnnotationSHA3384]
	if sha3 != "" {
		set |= blob.SHA3384
	}
	if len(e.sha384) > 0 {
		set |= blob.SHA384
	}
	sums := blob.NewSums(set)
	var w io.Writer = sums
	var archive *os.File
	if len(e.items) > 0 {
		f, err := os.CreateTemp("", "store-admin-verify-")
		if err != nil {
			return err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		archive, w = f, io.MultiWriter(sums, f)
	}
	if _, err := io.CopyBuffer(w, content, buf); err != nil {
		return err
	}
	bad := func(text string) error {
		return &bundle.BlobError{Digest: desc.Digest, Title: desc.Annotations[ocispec.AnnotationTitle], Err: errors.New(text)}
	}
	if sha3 != "" && sums.Verify(blob.SHA3384, sha3) != nil {
		return bad("another SHA3-384 than its assertion names")
	}
	for _, want := range e.sha384 {
		if sums.Verify(blob.SHA384, want) != nil {
			return bad("another SHA-384 than the store named")
		}
	}
	var errs []error
	for _, item := range e.items {
		errs = append(errs, bundle.CheckArchive(item, archive, desc.Size))
	}
	return errors.Join(errs...)
}
