package s3test

import (
	"testing"

	"offlinestore/blob"
	"offlinestore/blob/s3"
)

// Open returns an empty bucket of the server, or of a proxy in front of it, at a URL.
func Open(tb testing.TB, url string) *s3.Bucket {
	tb.Helper()
	b, err := s3.Options{URL: url, Region: Region, PathStyle: true, AccessKey: AccessKey, SecretKey: SecretKey, Bucket: NewBucket()}.Open()
	if err == nil {
		err = b.Prepare(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Copy publishes the blobs of a folder in a bucket.
func Copy(tb testing.TB, from *blob.Dir, to blob.Backend) {
	tb.Helper()
	staging, err := blob.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	batch := staging.StorageIn(blob.Places{Backend: to}).NewBatch()
	err = from.List(func(i blob.Info) error {
		r, err := from.OpenBlob(i.Digest)
		if err != nil {
			return err
		}
		defer r.Close()
		s, err := staging.Stage(i.Size)
		if err != nil {
			return err
		}
		batch.AddBlob(s, i.Digest)
		return blob.Copy(s, r, i.Digest, i.Size)
	})
	if err == nil {
		err = batch.Sync(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
}
