package bundletest

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
)

// AddImage adds an image with a layer that is derived from the seed, and returns the image's digest. For one platform,
// such as linux/amd64, this is the digest of the manifest; for several platforms, the digest of the index.
func (b *Bundle) AddImage(seed string, platforms ...string) digest.Digest {
	b.tb.Helper()
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for _, p := range platforms {
		desc := b.addManifest(seed, p)
		if len(platforms) == 1 {
			return desc.Digest
		}
		index.Manifests = append(index.Manifests, desc)
	}
	return b.AddManifest(ocispec.MediaTypeImageIndex, b.encode(index)).Digest
}

// AddManifest adds a manifest or an index without changes.
func (b *Bundle) AddManifest(mediaType string, raw []byte) ocispec.Descriptor {
	b.Images = append(b.Images, &bundle.ImageManifest{MediaType: mediaType, Digest: digest.FromBytes(raw), Raw: raw})
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
}

// RemoveManifest removes a manifest, which leaves its index sparse.
func (b *Bundle) RemoveManifest(d digest.Digest) {
	for i, m := range b.Images {
		if m.Digest == d {
			b.Images = append(b.Images[:i:i], b.Images[i+1:]...)
			return
		}
	}
}

// addManifest adds the image for one platform.
func (b *Bundle) addManifest(seed, platform string) ocispec.Descriptor {
	b.tb.Helper()
	system, arch, _ := strings.Cut(platform, "/")
	p := ocispec.Platform{OS: system, Architecture: arch}
	file := make([]byte, 2000)
	rand.NewChaCha8(sha256.Sum256([]byte("layer of " + seed + " for " + platform))).Read(file)
	plain := Pack(b.tb, []File{{tar.Header{Name: "file", Size: int64(len(file)), Mode: 0o644, Typeflag: tar.TypeReg}, file}})
	layer := b.BlobOf(Gzip(b.tb, plain))
	config := b.BlobOf(b.encode(ocispec.Image{Platform: p, RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(plain)}}}))
	desc := b.AddManifest(ocispec.MediaTypeImageManifest, b.encode(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: config.Digest, Size: config.Size},
		Layers: []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: layer.Digest, Size: layer.Size}},
	}))
	desc.Platform = &p
	return desc
}

func (b *Bundle) encode(v any) []byte {
	b.tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		b.tb.Fatal(err)
	}
	return raw
}
