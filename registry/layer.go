package registry

import (
	"context"
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

// rawManifest is a manifest that is sent unchanged.
type rawManifest struct {
	text      []byte
	mediaType string
}

// RawManifest returns the text of the manifest.
func (m rawManifest) RawManifest() ([]byte, error) { return m.text, nil }

// MediaType returns the media type that the original registry gave the manifest.
func (m rawManifest) MediaType() (types.MediaType, error) { return types.MediaType(m.mediaType), nil }

// mountable lets the registry take the blob from another of its repositories, if we know that one has it.
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
	ctx      context.Context
	blobs    *blob.Storage
	progress func(int64)

	mu     sync.Mutex
	body   *body // the reading in progress
	copied int64
}

var errCompressed = errors.New("what is inside a layer is not looked at")

// Digest returns the address of the blob.
func (l *layer) Digest() (v1.Hash, error) { return v1.NewHash(l.ImageBlob.Digest.String()) }

// Size returns the size of the blob.
func (l *layer) Size() (int64, error) { return l.ImageBlob.Size, nil }

// MediaType returns a type that the library uploads. An upload itself has no type.
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// DiffID returns an error, since it is not known.
func (l *layer) DiffID() (v1.Hash, error) { return v1.Hash{}, errCompressed }

// Uncompressed returns an error, since the content is not known to be compressed.
func (l *layer) Uncompressed() (io.ReadCloser, error) { return nil, errCompressed }

// Compressed opens the blob, and verifies it while it is read. If the library sends it again, the count begins anew.
func (l *layer) Compressed() (io.ReadCloser, error) {
	f, _, err := l.blobs.Open(l.ctx, l.ImageBlob.Digest)
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

// Read counts the bytes, unless a later attempt has begun.
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
