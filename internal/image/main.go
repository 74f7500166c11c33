// Command image packs snap-store-proxy into an OCI image: an archive of an image layout, which docker, podman, skopeo and containerd load. The
// image has the program alone, without a shell, and runs it without root. The same inputs make the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The user of the image has no name elsewhere. The number is the usual one of images that do without root.
const (
	userID   = 65532
	dataDir  = "/var/lib/snap-store-proxy"
	program  = "/usr/bin/snap-store-proxy"
	imageTag = "latest"
)

// build describes an image to build.
type build struct {
	program, licence, version, arch string
	created                         time.Time
}

func main() {
	b := build{}
	var output, epoch string
	flag.StringVar(&b.program, "program", "bin/snap-store-proxy", "the `file` of the program, built without cgo")
	flag.StringVar(&b.licence, "licence", "LICENSE", "the `file` of the licence")
	flag.StringVar(&b.version, "version", "", "`version` of the program")
	flag.StringVar(&b.arch, "arch", runtime.GOARCH, "`architecture` of the program")
	flag.StringVar(&output, "output", "dist/snap-store-proxy-image.tar", "the `file` to write")
	flag.StringVar(&epoch, "epoch", os.Getenv("SOURCE_DATE_EPOCH"), "the time of the image, in `seconds`")
	flag.Parse()
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if epoch != "" && err != nil {
		fatal(fmt.Errorf("-epoch: %w", err))
	}
	b.created = time.Unix(seconds, 0).UTC()
	digest, err := b.write(output)
	if err != nil {
		fatal(err)
	}
	fmt.Printf("%s: %s (%s)\n", output, digest, b.arch)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "image:", err)
	os.Exit(1)
}

// write writes the image into an archive, and returns the digest of its manifest.
func (b *build) write(output string) (v1.Hash, error) {
	img, err := b.image()
	if err != nil {
		return v1.Hash{}, err
	}
	dir, err := os.MkdirTemp("", "image-")
	if err != nil {
		return v1.Hash{}, err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	err = path.AppendImage(img, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: b.arch}),
		layout.WithAnnotations(map[string]string{ocispec.AnnotationRefName: imageTag, "io.containerd.image.name": "snap-store-proxy:" + imageTag}))
	if err != nil {
		return v1.Hash{}, err
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return v1.Hash{}, err
	}
	if err := packFolder(dir, output); err != nil {
		return v1.Hash{}, err
	}
	return img.Digest()
}

// image returns the image.
func (b *build) image() (v1.Image, error) {
	layer, err := b.layer()
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: b.created}, CreatedBy: "make image"}})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created, config.OS, config.Architecture = v1.Time{Time: b.created}, "linux", b.arch
	config.Config = v1.Config{
		User: fmt.Sprintf("%d:%d", userID, userID), WorkingDir: "/", Env: []string{"PATH=/usr/bin", "HOME=" + dataDir},
		Entrypoint: []string{program, "--data-dir", dataDir}, Cmd: []string{"serve"}, Volumes: map[string]struct{}{dataDir: {}},
		Labels: map[string]string{ocispec.AnnotationTitle: "snap-store-proxy", ocispec.AnnotationVersion: b.version,
			ocispec.AnnotationDescription: "An air-gapped store for snaps, charms and images"},
	}
	return mutate.ConfigFile(img, config)
}
