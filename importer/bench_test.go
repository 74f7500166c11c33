package importer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
)

// layers returns a bundle of one image with four layers of the size.
func layers(tb testing.TB, size int64) *bundletest.Bundle {
	tb.Helper()
	b := bundletest.New(tb, 1)
	b.AddCharm("bulk", charm.Release{Base: bundletest.Base("22.04"), Channel: "latest/stable", Revision: 1, Resources: []charm.ResourceRef{{Name: "image", Revision: 1}}})
	b.AddCharmRevision("bulk", 1, *bundletest.Base("22.04"))
	config := b.BlobOf([]byte("{}\n"))
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: config.Digest, Size: config.Size}}
	for i := range 4 {
		l := b.Blob(fmt.Sprint("layer", i), size)
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: l.Digest, Size: l.Size})
	}
	raw, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	b.AddImageResource("bulk", "image", 1, b.AddManifest(m.MediaType, raw).Digest)
	return b
}

// BenchmarkPushLayers pushes a gigabyte of image layers, which no assertion names.
func BenchmarkPushLayers(b *testing.B) {
	const size = 256 << 20
	for _, c := range []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None} {
		b.Run(string(c), func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "bundle")
			layers(b, size).WriteFile(file, c)
			b.SetBytes(4 * size)
			for b.Loop() {
				b.StopTimer()
				s := newSite(b)
				b.StartTimer()
				if _, err := s.pushDir(file); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := os.RemoveAll(filepath.Join(s.blobs, "sha256")); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
