package s3

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// List implements [blob.Backend].
func (b *Bucket) List(ctx context.Context, from blob.Section, fn func(blob.Info) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing
	prefix := string(from) + "/"
	for o := range b.core.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return b.unavailable(o.Err)
		}
		dg := digest.NewDigestFromEncoded(digest.SHA256, strings.TrimPrefix(o.Key, prefix))
		if blob.CheckDigest(dg) != nil {
			continue // somebody else's
		}
		if err := fn(blob.Info{Digest: dg, Size: o.Size, Time: o.LastModified}); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// maxUploads is the number of unfinished uploads in an answer of the object store.
const maxUploads = 1000

// eachUpload calls fn for each unfinished upload whose key begins with prefix.
func (b *Bucket) eachUpload(ctx context.Context, prefix string, fn func(minio.ObjectMultipartInfo) error) error {
	var key, id string
	for {
		page, err := b.core.ListMultipartUploads(ctx, b.name, prefix, key, id, "", maxUploads)
		if err != nil {
			return b.unavailable(err)
		}
		for _, u := range page.Uploads {
			if err := fn(u); err != nil {
				return err
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == key && page.NextUploadIDMarker == id {
			return nil
		}
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// CleanStaging implements [blob.Backend]. It removes unfinished uploads.
func (b *Bucket) CleanStaging(ctx context.Context, before time.Time) error {
	return b.eachUpload(ctx, string(blob.Served)+"/", func(u minio.ObjectMultipartInfo) error {
		if !u.Initiated.Before(before) {
			return nil
		}
		return b.abort(ctx, u.Key, u.UploadID)
	})
}

// abort removes an unfinished upload, which may be gone.
func (b *Bucket) abort(ctx context.Context, key, id string) error {
	err := b.core.AbortMultipartUpload(ctx, b.name, key, id)
	if minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
		return nil
	}
	return b.unavailable(err)
}

// Quarantine implements [blob.Backend]. It reads the blob once more: damage on the way here is no damage of the object. In that case the
// error is [blob.ErrIntact].
func (b *Bucket) Quarantine(ctx context.Context, dg blob.Digest) (string, error) {
	from, err := key(blob.Served, dg)
	if err != nil {
		return "", err
	}
	if err := b.requireDamage(ctx, dg); err != nil {
		return "", err
	}
	to, err := key(blob.Damaged, dg)
	if err != nil {
		return "", err
	}
	source := minio.CopySrcOptions{Bucket: b.name, Object: from}
	if _, err := b.core.ComposeObject(ctx, minio.CopyDestOptions{Bucket: b.name, Object: to}, source); err != nil {
		return "", b.objectError(dg, err)
	}
	if err := b.core.RemoveObject(ctx, b.name, from, minio.RemoveObjectOptions{}); err != nil {
		return "", b.objectError(dg, err)
	}
	return "s3://" + b.name + "/" + to, nil
}

// requireDamage returns an error unless the blob is there and is damaged.
func (b *Bucket) requireDamage(ctx context.Context, dg blob.Digest) error {
	r, size, err := b.Open(ctx, dg)
	if err != nil {
		return err
	}
	defer r.Close()
	err = blob.Copy(io.Discard, r, dg, size)
	var corrupt *blob.CorruptError
	switch {
	case err == nil:
		return blob.ErrIntact
	case errors.As(err, &corrupt):
		return nil
	}
	return err
}
