package s3

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
)

const (
	// partSize is the smallest size of a part in bytes. A smaller blob takes one request.
	partSize = 16 << 20
	// maxParts is the largest number of parts that an object store takes.
	maxParts = 10_000
	// publishAtOnce bounds the blobs that a batch uploads at once.
	publishAtOnce = 4
)

// partSizeOf returns the size of the parts of a blob. It depends on nothing else, so that another process can go on with an upload.
func partSizeOf(size int64) int64 {
	const unit = 1 << 20
	return max(partSize, (size/maxParts+unit)/unit*unit)
}

// Publish implements [blob.Backend]. A blob that could not be uploaded leaves its parts behind, from which a later attempt goes on.
func (b *Bucket) Publish(ctx context.Context, blobs []blob.Publication) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(publishAtOnce)
	for _, p := range blobs {
		group.Go(func() error {
			if err := b.put(ctx, p, p.Size(), p.Digest); err != nil {
				return fmt.Errorf("publish blob %s: %w", p.Digest, err)
			}
			return p.Discard()
		})
	}
	return group.Wait()
}

// put uploads a blob and verifies its content on the way.
func (b *Bucket) put(ctx context.Context, r io.ReaderAt, size int64, dg blob.Digest) error {
	name, err := key(blob.Served, dg)
	if err != nil {
		return err
	}
	if size > partSize {
		u := &upload{b: b, r: r, key: name, digest: dg, size: size}
		return u.run(ctx)
	}
	// The object store compares the digest before the object appears.
	sum, err := hashPart(r, 0, size, sha256.New())
	if err != nil {
		return err
	}
	if sum != dg.Encoded() {
		return wrongContent(dg, sum)
	}
	_, err = b.core.PutObject(ctx, b.name, name, io.NewSectionReader(r, 0, size), size, "", sum, minio.PutObjectOptions{
		ContentType: contentType, DisableContentSha256: true,
	})
	return b.unavailable(err)
}

const contentType = "application/octet-stream"

func wrongContent(dg blob.Digest, sum string) error {
	return &blob.CorruptError{Digest: dg, Got: blob.Digest("sha256:" + sum), Err: blob.ErrWrongDigest}
}

// hashPart returns the digest of a part in hex, and writes the part to the others, too.
func hashPart(r io.ReaderAt, off, size int64, h hash.Hash, others ...io.Writer) (string, error) {
	w := io.MultiWriter(append(others, h)...)
	n, err := io.CopyBuffer(w, struct{ io.Reader }{io.NewSectionReader(r, off, size)}, make([]byte, 256<<10))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// upload uploads a large blob in parts. The object appears with the last request, which is sent after the digest of the whole content was
// compared. The object store compares the digest of each part.
type upload struct {
	b      *Bucket
	r      io.ReaderAt
	key    string
	digest blob.Digest
	size   int64
	// id is the object store's name for the upload. known has the parts that an earlier process has uploaded, by their numbers.
	id    string
	known map[int]minio.ObjectPart
	parts []minio.CompletePart
}

// run uploads the blob. If another process goes on with the same upload, that one may end it first, or the answer to its end may be lost. Then
// the object is there; if it is not, run begins an upload of its own.
func (u *upload) run(ctx context.Context) error {
	err := u.try(ctx, true)
	if !isGone(err) {
		return u.b.unavailable(err)
	}
	if u.isThere(ctx) {
		return nil
	}
	return u.b.unavailable(u.try(ctx, false))
}

// isGone reports whether an error may mean that an upload, or a part of it, is not there any more.
func isGone(err error) bool {
	code := ""
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		code = answer.Code
	}
	return code == minio.NoSuchUpload || code == minio.InvalidPart || code == minio.InternalError
}

// isThere reports whether the object has the tag that these parts make. An object of the same size may be damaged.
func (u *upload) isThere(ctx context.Context) bool {
	all := md5.New()
	for _, p := range u.parts {
		sum, err := hex.DecodeString(strings.Trim(p.ETag, `"`))
		if err != nil || len(sum) != md5.Size {
			return false
		}
		all.Write(sum)
	}
	o, err := u.b.core.StatObject(ctx, u.b.name, u.key, minio.StatObjectOptions{})
	return err == nil && o.Size == u.size && strings.Trim(o.ETag, `"`) == fmt.Sprintf("%x-%d", all.Sum(nil), len(u.parts))
}

// try sends the parts and completes the upload. goOn looks for an upload that is there.
func (u *upload) try(ctx context.Context, goOn bool) error {
	if err := u.begin(ctx, goOn); err != nil {
		return err
	}
	err := u.sendParts(ctx)
	var corrupt *blob.CorruptError
	if errors.As(err, &corrupt) {
		return errors.Join(err, u.b.abort(ctx, u.key, u.id))
	}
	if err == nil {
		err = u.complete(ctx)
	}
	return err
}

// begin finds an upload to go on with, or begins one.
func (u *upload) begin(ctx context.Context, goOn bool) (err error) {
	u.id, u.known = "", nil
	if goOn {
		u.id, err = u.b.findUpload(ctx, u.key)
	}
	if err != nil {
		return err
	}
	if u.id != "" {
		u.known, err = u.b.listParts(ctx, u.key, u.id)
		return err
	}
	u.id, err = u.b.core.NewMultipartUpload(ctx, u.b.name, u.key, minio.PutObjectOptions{ContentType: contentType})
	return err
}

// findUpload returns the newest unfinished upload of an object, or "".
func (b *Bucket) findUpload(ctx context.Context, key string) (id string, err error) {
	var newest minio.ObjectMultipartInfo
	err = b.eachUpload(ctx, key, func(u minio.ObjectMultipartInfo) error {
		if u.Key == key && (newest.UploadID == "" || u.Initiated.After(newest.Initiated)) {
			newest = u
		}
		return nil
	})
	return newest.UploadID, err
}

// listParts returns the parts of an unfinished upload.
func (b *Bucket) listParts(ctx context.Context, key, id string) (map[int]minio.ObjectPart, error) {
	parts := make(map[int]minio.ObjectPart)
	for after := 0; ; {
		page, err := b.core.ListObjectParts(ctx, b.name, key, id, after, maxUploads)
		if err != nil {
			return nil, err
		}
		for _, p := range page.ObjectParts {
			parts[p.PartNumber] = p
		}
		if !page.IsTruncated || page.NextPartNumberMarker <= after {
			return parts, nil
		}
		after = page.NextPartNumberMarker
	}
}

// sendParts hashes the content, and uploads the parts that are not there yet.
func (u *upload) sendParts(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	each, whole := partSizeOf(u.size), sha256.New()
	u.parts = make([]minio.CompletePart, (u.size+each-1)/each)
	err := func() error {
		for i := range u.parts {
			off := int64(i) * each
			if err := u.sendPart(ctx, group, i+1, off, min(each, u.size-off), whole); err != nil {
				return err
			}
		}
		return nil
	}()
	if werr := group.Wait(); werr != nil {
		return werr // the first of all
	}
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(whole.Sum(nil)); got != u.digest.Encoded() {
		return wrongContent(u.digest, got)
	}
	return nil
}

// sendPart hashes a part, and uploads it in the background unless it is there. The tags of parts are their MD5, unless the object store
// encrypts them; then they differ, and the part is sent again.
func (u *upload) sendPart(ctx context.Context, group *errgroup.Group, number int, off, size int64, whole hash.Hash) error {
	others := []io.Writer{whole}
	known, isKnown := u.known[number]
	tag := md5.New()
	if isKnown = isKnown && known.Size == size; isKnown {
		others = append(others, tag)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	sum, err := hashPart(u.r, off, size, sha256.New(), others...)
	if err != nil {
		return err
	}
	if isKnown && strings.Trim(known.ETag, `"`) == hex.EncodeToString(tag.Sum(nil)) {
		u.parts[number-1] = minio.CompletePart{PartNumber: number, ETag: known.ETag}
		return nil
	}
	select {
	case u.b.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	group.Go(func() error {
		defer func() { <-u.b.slots }()
		p, err := u.b.core.PutObjectPart(ctx, u.b.name, u.key, u.id, number, io.NewSectionReader(u.r, off, size), size,
			minio.PutObjectPartOptions{Sha256Hex: sum, DisableContentSha256: true})
		u.parts[number-1] = minio.CompletePart{PartNumber: number, ETag: p.ETag}
		return u.b.unavailable(err)
	})
	return nil
}

// complete makes the object appear, and compares its size.
func (u *upload) complete(ctx context.Context) error {
	if _, err := u.b.core.CompleteMultipartUpload(ctx, u.b.name, u.key, u.id, u.parts, minio.PutObjectOptions{}); err != nil {
		return err
	}
	info, err := u.b.Stat(ctx, u.digest)
	if err == nil && info.Size != u.size {
		err = fmt.Errorf("the object has %d bytes, want %d", info.Size, u.size)
	}
	return err
}
