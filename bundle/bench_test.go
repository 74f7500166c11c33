package bundle_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// benchContent returns a bundle of one blob of 64 MiB that can't be compressed.
func benchContent(b *testing.B) (*content, *bundle.SignedBundle) {
	b.Helper()
	c := tiny(b)
	blob := c.blob(64<<20, "bench")
	c.revisions[0].Blob, c.revisions[0].Revision.Download = blob, download(blob)
	return c, c.seal(b)
}

func BenchmarkWriteTar(b *testing.B) {
	c, s := benchContent(b)
	open := func(d digest.Digest) (io.ReadCloser, error) {
		return struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(c.blobs[d]), io.NopCloser(nil)}, nil
	}
	for _, f := range framings {
		b.Run(string(f), func(b *testing.B) {
			b.SetBytes(s.TarSize())
			for b.Loop() {
				if err := s.WriteTar(b.Context(), io.Discard, f, open, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	c, s := benchContent(b)
	for _, f := range framings {
		b.Run(string(f), func(b *testing.B) {
			packed := c.pack(b, s, f)
			b.SetBytes(int64(len(packed)))
			for b.Loop() {
				if err := discard(bytes.NewReader(packed)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
