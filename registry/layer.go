package registry

import (
	"errors"
	"io"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// rawManifest is a manifest that is sent as it is.
type rawManifest struct {
	text      []byte
	mediaType string
}

// RawManifest is its text.
func (m rawManifest) RawManifest() ([]byte, error) { return m.text, nil }

// MediaType is what the registry that it came from called it.
func (m rawManifest) MediaType() (types.MediaType, error) { return types.MediaType(m.mediaType), nil }

// mountable lets the registry take the blob from another repository that we know to have it.
func (c *copier) mountable(repo name.Repository, l *layer) v1.Layer {
	from, ok := c.where[l.ImageBlob.Digest]
	if !ok || from == repo {
		return l
	}
	return &remote.MountableLayer{Layer: l, Reference: from.Digest(l.ImageBlob.Digest.String())}
}

// layer is a config or a layer that the library uploads.
type layer struct {
	catalog.ImageBlob
	blobs    *blob.Dir
	progress func(int64)

	mu     sync.Mutex
	body   *body // the one that is being sent
	copied int64
}

var errCompressed = errors.New("what is inside a layer is not looked at")

// Digest is the address of the blob.
func (l *layer) Digest() (v1.Hash, error) { return v1.NewHash(l.ImageBlob.Digest.String()) }

// Size is that of the blob.
func (l *layer) Size() (int64, error) { return l.ImageBlob.Size, nil }

// MediaType is any that the library uploads: an upload doesn't have one.
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// DiffID is not known.
func (l *layer) DiffID() (v1.Hash, error) { return v1.Hash{}, errCompressed }

// Uncompressed is not known.
func (l *layer) Uncompressed() (io.ReadCloser, error) { return nil, errCompressed }

// Compressed opens the blob, verifying it on the way. When the library sends it again, it is counted from its beginning.
func (l *layer) Compressed() (io.ReadCloser, error) {
	f, err := l.blobs.OpenBlob(l.ImageBlob.Digest)
	if err != nil {
		return nil, err
	}
	b := &body{blob.NewVerifyReader(f, l.ImageBlob.Digest, l.ImageBlob.Size), f, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress(-l.copied)
	l.body, l.copied = b, 0
	return b, nil
}

func (l *layer) sent() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copied
}

// body is one reading of a layer.
type body struct {
	io.Reader
	io.Closer
	l *layer
}

// Read counts, unless a later try has begun.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.l.mu.Lock()
	defer b.l.mu.Unlock()
	if b.l.body == b {
		b.l.copied += int64(n)
		b.l.progress(int64(n))
	}
	return n, err
}
