package bundle_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := assertiontest.PrivateKey("other")
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[string]crypto.Signer{"Ed25519": testKey(), "ECDSA P-256": ec, "RSA-4096": rsaKey} {
		c := sample(t)
		s, err := c.builder(t).Seal(t.Context(), c.predicate, key)
		if err != nil {
			t.Fatal(err)
		}
		public, err := bundle.NewPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := bundle.ParsePublicKey(public.PEM())
		if err != nil {
			t.Fatal(err)
		}
		r, err := bundle.NewReader("test", bytes.NewReader(c.pack(t, s, bundle.None)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := receive(t.Context(), r, []bundle.PublicKey{parsed})
		if err != nil {
			t.Fatal(err)
		}
		if got.key.Algorithm() != want || got.key.ID() != public.ID() {
			t.Errorf("signed by %s %s, want %s %s", got.key.Algorithm(), got.key.ID(), want, public.ID())
		}
		if _, _, err := r.VerifyUnsafe(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestWeakKeys(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{p384, rsa2048} {
		c := sample(t)
		if _, err := c.builder(t).Seal(t.Context(), c.predicate, key); err == nil {
			t.Errorf("sealed with %T", key)
		}
	}
}

// TestSealTime shows that Seal signs the time to the second and in UTC, and refuses a missing or invalid one.
func TestSealTime(t *testing.T) {
	t.Parallel()
	c := sample(t)
	c.predicate.Created = time.Date(2026, 11, 20, 11, 15, 0, 999, time.FixedZone("CET", 3600))
	got, err := receiveBytes(t, c.pack(t, c.seal(t), bundle.None))
	if err != nil {
		t.Fatal(err)
	}
	if want := sample(t).predicate.Created; got.predicate.Created != want {
		t.Errorf("signed at %s, want %s", got.predicate.Created, want)
	}
	if _, err := c.builder(t).Seal(t.Context(), bundle.Predicate{}, testKey()); err == nil {
		t.Error("sealed without a time")
	}
	// RFC 3339 has four digits for the year.
	for _, year := range []int{0, -1, 10_000, 19_391} {
		if _, err := c.builder(t).Seal(t.Context(), bundle.Predicate{Created: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}, testKey()); err == nil {
			t.Errorf("sealed in the year %d", year)
		}
	}
}

// TestWriteTarErrors gives a writer blobs that do not match their digests.
func TestWriteTarErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]func(digest.Digest, []byte) ([]byte, error){
		"short":   func(_ digest.Digest, b []byte) ([]byte, error) { return b[:len(b)-1], nil },
		"long":    func(_ digest.Digest, b []byte) ([]byte, error) { return append(slices.Clone(b), 0), nil },
		"altered": func(_ digest.Digest, b []byte) ([]byte, error) { b = slices.Clone(b); b[0] ^= 1; return b, nil },
		"missing": func(digest.Digest, []byte) ([]byte, error) { return nil, os.ErrNotExist },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sample(t)
			open := func(d digest.Digest) (io.ReadCloser, error) {
				b, err := damage(d, c.blobs[d])
				return io.NopCloser(bytes.NewReader(b)), err
			}
			err := c.seal(t).WriteTar(t.Context(), io.Discard, bundle.Gzip, open, nil)
			var corrupt *blob.CorruptError
			if !errors.As(err, &corrupt) && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("got %v", err)
			}
		})
	}
}

type fullDisk struct{ left int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteTarToFullDisk(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	for _, f := range framings {
		for left := 0; left < len(c.pack(t, s, f)); left += 7919 {
			if err := s.WriteTar(t.Context(), &fullDisk{left}, f, c.openBlob, nil); !errors.Is(err, errFull) {
				t.Fatalf("%s: full after %d bytes: got %v", f, left, err)
			}
		}
	}
}

func TestWriteTarProgressAndCancel(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	var sum, want int64
	if err := s.WriteTar(t.Context(), io.Discard, bundle.None, c.openBlob, func(n int64) { sum += n }); err != nil {
		t.Fatal(err)
	}
	for _, d := range s.Payload() {
		want += d.Size
	}
	if sum != want {
		t.Errorf("progress of %d bytes, want %d", sum, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WriteTar(ctx, io.Discard, bundle.None, c.openBlob, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: got %v", err)
	}
	if err := s.WriteTar(t.Context(), io.Discard, "lzma", c.openBlob, nil); err == nil {
		t.Error("wrote with a compression that there is not")
	}
}

// TestWriteLayoutChecks shows that a layout is not finished if a blob of the payload is missing or damaged.
func TestWriteLayoutChecks(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"missing": os.Remove,
		"shorter": func(path string) error { return os.Truncate(path, 1) },
		"altered": func(path string) error { return os.WriteFile(path, make([]byte, 512), 0o644) },
	} {
		c := sample(t)
		s := c.seal(t)
		dir := t.TempDir()
		c.writeLayout(t, dir, s)
		if err := os.Remove(filepath.Join(dir, "index.json")); err != nil {
			t.Fatal(err)
		}
		if err := damage(filepath.Join(dir, "blobs", "sha256", c.revisions[1].Blob.Digest.Encoded())); err != nil {
			t.Fatal(err)
		}
		blobs, err := blob.Open(filepath.Join(dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WriteLayout(t.Context(), dir, blobs, nil, nil); err == nil {
			t.Errorf("%s: the layout was written", name)
		}
		if _, err := os.Stat(filepath.Join(dir, "index.json")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: index.json: %v", name, err)
		}
	}
}
