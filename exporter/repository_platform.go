package exporter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
	oci "offlinestore/image"
	"offlinestore/upstream"
)

// maxImageConfig bounds the config of an image that planning reads, in bytes. Real ones have a few kilobytes.
const maxImageConfig = 4 << 20

// dockerConfig is the media type of the configs of images in Docker's format.
const dockerConfig = "application/vnd.docker.container.image.v1+json"

// platformsOf returns the platforms of an image that the export takes: the ones that its index lists, or the one in the config of a single
// manifest. An artifact that is no image of a program has none. It refuses a single manifest for another architecture than the request names.
func (p *imagePlanner) platformsOf(i *RepositoryImage) ([]string, error) {
	root := i.image.manifests[0]
	if len(root.Listed) == 0 {
		return p.platformOf(i, root)
	}
	taken := make(map[digest.Digest]bool)
	for _, m := range i.image.manifests {
		taken[m.Digest] = true
	}
	var out []string
	for _, m := range i.image.manifests {
		for _, d := range m.Listed {
			if d.Platform != nil && taken[d.Digest] {
				out = addPlatform(out, d.Platform)
			}
		}
	}
	return out, nil
}

// platformOf returns the platform of a single manifest.
func (p *imagePlanner) platformOf(i *RepositoryImage, m *bundle.ImageManifest) ([]string, error) {
	config := m.Blobs[0]
	if config.MediaType != ocispec.MediaTypeImageConfig && config.MediaType != dockerConfig || config.Size > maxImageConfig {
		return nil, nil
	}
	var b bytes.Buffer
	restart := func() error { b.Reset(); return nil }
	err := i.image.repo.Fetch(p.ctx, upstream.Blob{Name: "config", URL: i.image.repo.BlobURL(config.Digest), Size: config.Size, Restart: restart}, &b)
	if err != nil {
		return nil, err
	}
	if digest.FromBytes(b.Bytes()) != config.Digest {
		return nil, errors.New("its config has another digest")
	}
	var platform ocispec.Platform
	if json.Unmarshal(b.Bytes(), &platform) != nil || platform.Architecture == "" {
		return nil, nil
	}
	archs := p.architecturesOf(i.request)
	if archs != nil && !slices.ContainsFunc(archs, func(a string) bool { return oci.Architecture(a) == platform.Architecture }) {
		return nil, fmt.Errorf("%w for %s: it is for %.20q", ErrNoPlatform, strings.Join(archs, ", "), platform.Architecture)
	}
	return addPlatform(nil, &platform), nil
}

// addPlatform adds a platform to a sorted list, unless a bundle could not hold it.
func addPlatform(list []string, p *ocispec.Platform) []string {
	name := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		name += "/" + p.Variant
	}
	at, found := slices.BinarySearch(list, name)
	if found || !oci.IsPlatform(name) || p.Architecture == "unknown" {
		return list
	}
	return slices.Insert(list, at, name)
}
