package main

import (
	"context"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

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
		desc, blob, err := r.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(bad...)
		}
		if err != nil {
			return errors.Join(append(bad, err)...)
		}
		err = want[desc.Digest].check(io.TeeReader(blob, progressWriter{ctx, progress}), desc, buf)
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

// check reads a blob, which is hashed only as far as somebody says what should come of it.
func (e *expected) check(blob io.Reader, desc ocispec.Descriptor, buf []byte) error {
	var writers []io.Writer
	sums := make(map[string]hash.Hash)
	sum := func(name string, wanted bool, h hash.Hash) {
		if wanted {
			sums[name] = h
			writers = append(writers, h)
		}
	}
	sum("SHA3-384", desc.Annotations[bundle.AnnotationSHA3384] != "", sha3.New384())
	sum("SHA-384", len(e.sha384) > 0, sha512.New384())
	var archive *os.File
	if len(e.items) > 0 {
		f, err := os.CreateTemp("", "store-admin-verify-")
		if err != nil {
			return err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		archive, writers = f, append(writers, f)
	}
	if _, err := io.CopyBuffer(io.MultiWriter(writers...), struct{ io.Reader }{blob}, buf); err != nil {
		return err
	}
	bad := func(text string) error {
		return &bundle.BlobError{Digest: desc.Digest, Title: desc.Annotations[ocispec.AnnotationTitle], Err: errors.New(text)}
	}
	if h := sums["SHA3-384"]; h != nil && hex.EncodeToString(h.Sum(nil)) != desc.Annotations[bundle.AnnotationSHA3384] {
		return bad("another SHA3-384 than its assertion names")
	}
	for _, want := range e.sha384 {
		if hex.EncodeToString(sums["SHA-384"].Sum(nil)) != want {
			return bad("another SHA-384 than the store named")
		}
	}
	var errs []error
	for _, item := range e.items {
		errs = append(errs, bundle.CheckArchive(item, archive, desc.Size))
	}
	return errors.Join(errs...)
}

// progressWriter counts, and stops when the user wants to.
type progressWriter struct {
	ctx context.Context
	p   *cli.Progress
}

func (w progressWriter) Write(b []byte) (int, error) {
	w.p.Add(int64(len(b)))
	return len(b), context.Cause(w.ctx)
}
