// Package s3 keeps blobs in a bucket of an S3-compatible object store, as a [blob.Backend].
//
// A blob is the object sha256/<hex>, and one in quarantine is quarantine/<hex>. An object appears with the last request of its upload, which
// is sent only after the whole content was read and has its digest. The requests before it leave an unfinished upload, from which a later
// one goes on, and which [Bucket.CleanStaging] removes.
package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"offlinestore/blob"
)

// Options describe a bucket and the access to it.
type Options struct {
	// URL is the one of the object store, without a path.
	URL    string
	Region string
	// PathStyle puts the name of the bucket into the path of URLs, and not before the host.
	PathStyle bool
	AccessKey string
	SecretKey string
	Bucket    string
	// CACerts are the authorities to believe; nil means the system's.
	CACerts *x509.CertPool
}

const (
	// attempts is the number of times that a request is sent, with growing pauses. An object store asks for that when it is busy.
	attempts = 6
	// requestsAtOnce bounds the requests of a Bucket with a body, or several of them.
	requestsAtOnce = 8
)

// Bucket is a bucket of an object store. It is safe for concurrent use.
type Bucket struct {
	core  *minio.Core
	name  string
	place string
	// slots holds the uploads of parts at once.
	slots chan struct{}
	// region is needed to make the bucket.
	region string
}

// Open returns the bucket. It sends no request.
func (o Options) Open() (*Bucket, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("the URL of an object store is like https://s3.example.internal, without a path")
	}
	lookup := minio.BucketLookupDNS
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
		Secure: u.Scheme == "https", Region: o.Region, BucketLookup: lookup,
		Transport: newTransport(o.CACerts), MaxRetries: attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	core.SetAppInfo("offlinestore", "1")
	place := fmt.Sprintf("bucket %s at %s", o.Bucket, u.Host)
	return &Bucket{core: core, name: o.Bucket, place: place, slots: make(chan struct{}, requestsAtOnce), region: o.Region}, nil
}

// String names the bucket and its host.
func (b *Bucket) String() string { return b.place }

// ErrNoBucket reports a bucket that does not exist.
var ErrNoBucket = errors.New("there is no such bucket")

// Prepare implements [blob.Backend].
func (b *Bucket) Prepare(ctx context.Context) error {
	err := b.Check(ctx)
	if !errors.Is(err, ErrNoBucket) {
		return err
	}
	err = b.core.MakeBucket(ctx, b.name, minio.MakeBucketOptions{Region: b.region})
	if minio.ToErrorResponse(err).Code == minio.BucketAlreadyOwnedByYou {
		return nil // another server was faster
	}
	return b.unavailable(err)
}

// Check returns an error unless the bucket exists and the keys open it. A missing one is an ErrNoBucket.
func (b *Bucket) Check(ctx context.Context) error {
	ok, err := b.core.BucketExists(ctx, b.name)
	if err == nil && !ok {
		err = ErrNoBucket
	}
	return b.unavailable(err)
}

// key returns the name of a blob's object.
func key(in blob.Section, dg blob.Digest) (string, error) {
	if err := blob.CheckDigest(dg); err != nil {
		return "", err
	}
	return string(in) + "/" + dg.Encoded(), nil
}

// unavailable wraps an error that tells nothing about a blob.
func (b *Bucket) unavailable(err error) error {
	var already *blob.UnavailableError
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &already) {
		return err
	}
	return &blob.UnavailableError{Storage: b.place, Err: err}
}

// objectError wraps an error about a blob. Of all answers, only "no such key" means that the blob is not there.
func (b *Bucket) objectError(dg blob.Digest, err error) error {
	if err == nil {
		return nil
	}
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return fmt.Errorf("blob %s: %w", dg, blob.ErrNotFound)
	}
	return fmt.Errorf("blob %s: %w", dg, b.unavailable(err))
}

// Stat implements [blob.Backend].
func (b *Bucket) Stat(ctx context.Context, dg blob.Digest) (blob.Info, error) {
	return b.stat(ctx, blob.Served, dg)
}

func (b *Bucket) stat(ctx context.Context, in blob.Section, dg blob.Digest) (blob.Info, error) {
	name, err := key(in, dg)
	if err != nil {
		return blob.Info{}, err
	}
	o, err := b.core.StatObject(ctx, b.name, name, minio.StatObjectOptions{})
	if err != nil {
		return blob.Info{}, b.objectError(dg, err)
	}
	return blob.Info{Digest: dg, Size: o.Size, Time: o.LastModified}, nil
}

// Remove implements [blob.Backend]. An object store does not tell whether it has removed anything.
func (b *Bucket) Remove(ctx context.Context, from blob.Section, dg blob.Digest) error {
	name, err := key(from, dg)
	if err != nil {
		return err
	}
	if _, err := b.stat(ctx, from, dg); err != nil {
		return err
	}
	return b.objectError(dg, b.core.RemoveObject(ctx, b.name, name, minio.RemoveObjectOptions{}))
}

// maxPresigned is the longest time that an object store accepts for a presigned URL.
const maxPresigned = 7 * 24 * time.Hour

// Presign returns a URL by which anybody can read a blob for a time, with GET or HEAD.
func (b *Bucket) Presign(ctx context.Context, method string, dg blob.Digest, valid time.Duration, answer url.Values) (*url.URL, error) {
	name, err := key(blob.Served, dg)
	if err != nil {
		return nil, err
	}
	u, err := b.core.Presign(ctx, method, b.name, name, min(valid, maxPresigned), answer)
	return u, b.unavailable(err)
}
