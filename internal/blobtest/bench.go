package blobtest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// bench is a backend during a test.
type bench struct {
	t *testing.T
	*Site
	storage *blob.Storage
}

// Random returns content that is the same in every run.
func Random(seed byte, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8(sha256.Sum256([]byte{seed})).Read(b)
	return b
}

func (b *bench) stage(content []byte) *blob.StagedBlob {
	b.t.Helper()
	s, err := b.storage.Stage(int64(len(content)))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := s.Write(content); err != nil {
		b.t.Fatal(err)
	}
	return s
}

// publish publishes blobs in one batch.
func (b *bench) publish(contents ...[]byte) error {
	b.t.Helper()
	batch := b.storage.NewBatch()
	for _, c := range contents {
		batch.AddBlob(b.stage(c), digest.FromBytes(c))
	}
	return batch.Sync(b.t.Context())
}

func (b *bench) mustPublish(contents ...[]byte) {
	b.t.Helper()
	if err := b.publish(contents...); err != nil {
		b.t.Fatalf("publish: %v", err)
	}
}

func (b *bench) read(dg blob.Digest) ([]byte, error) {
	r, size, err := b.Open(b.t.Context(), dg)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err == nil && int64(len(text)) != size {
		b.t.Errorf("Open() announces %d bytes, and %d come", size, len(text))
	}
	return text, err
}

func (b *bench) serves(contents ...[]byte) {
	b.t.Helper()
	for _, c := range contents {
		if got, err := b.read(digest.FromBytes(c)); err != nil || !bytes.Equal(got, c) {
			b.t.Errorf("a blob of %d bytes does not read as it was written: %v", len(c), err)
		}
	}
}

// lacks fails the test unless a blob is absent for every method.
func (b *bench) lacks(dg blob.Digest) {
	b.t.Helper()
	ctx := b.t.Context()
	_, statErr := b.Stat(ctx, dg)
	_, _, openErr := b.Open(ctx, dg)
	_, moveErr := b.Quarantine(ctx, dg)
	for name, err := range map[string]error{"Stat": statErr, "Open": openErr, "Quarantine": moveErr, "Remove": b.Remove(ctx, blob.Served, dg), "Remove from quarantine": b.Remove(ctx, blob.Damaged, dg)} {
		if !errors.Is(err, blob.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
			b.t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
}

func (b *bench) list(in blob.Section) (all []blob.Digest) {
	b.t.Helper()
	err := b.List(b.t.Context(), in, func(i blob.Info) error {
		if age := time.Since(i.Time); age > time.Minute || age < -time.Minute {
			b.t.Errorf("blob %s was committed at %v", i.Digest, i.Time)
		}
		all = append(all, i.Digest)
		return nil
	})
	if err != nil {
		b.t.Error(err)
	}
	return all
}
