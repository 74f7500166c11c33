package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The folders of a bundle for inspection.
const (
	headFolder     = "index/"
	snapsFolder    = "snaps/"
	charmsFolder   = "charms/"
	resourceFolder = "resources/"
	imagesFolder   = "images/"
)

// sumsFile lists the SHA-256 of all other files.
const sumsFile = "SHA256SUMS"

// fileTree places the files of a bundle in a folder for inspection: its large blobs under their own names, its images as an OCI layout, and
// its head as another one. All of it follows from the head.
type fileTree struct {
	// paths maps the names of the blobs of the payload in other framings to their paths.
	paths map[string]string
	// derived are the small files besides the head: the files of the layout of images that are no payload, and SHA256SUMS.
	derived map[string][]byte

	names fileNames
}

// newFileTree places the files of a bundle.
func newFileTree(s *SignedBundle) (*fileTree, error) {
	var index ocispec.Index
	if err := json.Unmarshal(s.top.bundleRaw, &index); err != nil {
		return nil, err
	}
	items := make([]item, len(index.Manifests))
	for i, desc := range index.Manifests {
		var err error
		if items[i], err = parseItem(desc, s.data[desc.Digest]); err != nil {
			return nil, err
		}
	}
	t := &fileTree{paths: make(map[string]string), derived: make(map[string][]byte)}
	t.addImages(items, s.data)
	for i := range items {
		if err := t.addItem(&items[i], s.data); err != nil {
			return nil, err
		}
	}
	t.derived[sumsFile] = t.sums(s)
	return t, nil
}

// addImages makes the layout of the images. The small blobs of an image are in the head, too, because the layout must be complete by itself.
func (t *fileTree) addImages(items []item, data map[digest.Digest][]byte) {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for i := range items {
		image := items[i].image
		if image == nil {
			continue
		}
		index.Manifests = append(index.Manifests, items[i].desc)
		t.derived[imagesFolder+blobName(image.Digest)] = image.Raw
		for _, b := range image.Blobs {
			name := blobName(b.Digest)
			if small, ok := data[b.Digest]; ok {
				t.derived[imagesFolder+name] = small
			} else if b.Digest == digest.FromBytes(emptyConfig) {
				t.derived[imagesFolder+name] = emptyConfig
			} else {
				t.paths[name] = imagesFolder + name
			}
		}
	}
	if len(index.Manifests) > 0 {
		t.derived[imagesFolder+layoutFile] = layoutContent
		t.derived[imagesFolder+indexFile] = encode(index)
	}
}

// addItem places the large blobs of an item that is no image. A blob of several items has the name that the first one gives it.
func (t *fileTree) addItem(it *item, data map[digest.Digest][]byte) error {
	for _, l := range it.manifest.Layers {
		name := blobName(l.Digest)
		if _, placed := t.paths[name]; placed || isSmall(l.MediaType) {
			continue
		}
		folder, title, err := fileTitle(it, l, data)
		if err != nil {
			return err
		}
		if t.paths[name], err = t.names.add(folder, title, l.Digest); err != nil {
			return err
		}
	}
	return nil
}

// fileTitle returns the folder and the name of a large blob.
func fileTitle(it *item, l ocispec.Descriptor, data map[digest.Digest][]byte) (folder, name string, err error) {
	title := l.Annotations[ocispec.AnnotationTitle]
	switch l.MediaType {
	case MediaCharmBlob:
		return charmsFolder, title, nil
	case MediaCharmResourceBlob:
		r, err := parseCharmResource(it.desc, &it.manifest, data)
		if err != nil {
			return "", "", err
		}
		if end := extension(r.Resource.Filename); validTitle("x" + end) {
			title += end
		}
		return resourceFolder, title, nil
	case MediaSnapBlob:
		r, err := parseRevision(it.desc, &it.manifest, data)
		if err != nil {
			return "", "", err
		}
		return snapsFolder, fmt.Sprintf("%s_%s%s", strings.TrimSuffix(title, snapExtension), architectureName(r.Revision.Architectures), snapExtension), nil
	}
	return snapsFolder, title, nil
}

// snapExtension ends the name of a snap.
const snapExtension = ".snap"

// architectureName returns the part of a snap's name that tells its architectures.
func architectureName(archs []string) string {
	switch len(archs) {
	case 0:
		return "all"
	case 1:
		return archs[0]
	}
	return "multi"
}

// sums returns the content of SHA256SUMS.
func (t *fileTree) sums(s *SignedBundle) []byte {
	sums := map[string]digest.Digest{
		headFolder + layoutFile: digest.FromBytes(layoutContent),
		headFolder + indexFile:  digest.FromBytes(s.top.index),
	}
	for _, l := range s.small() {
		sums[headFolder+blobName(l.Descriptor.Digest)] = l.Descriptor.Digest
	}
	for name, content := range t.derived {
		sums[name] = digest.FromBytes(content)
	}
	for _, desc := range s.tree.payload {
		sums[t.paths[blobName(desc.Digest)]] = desc.Digest
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s  %s\n", sums[name].Encoded(), name)
	}
	return b.Bytes()
}
