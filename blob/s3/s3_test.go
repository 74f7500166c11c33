package s3_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"offlinestore/blob"
	"offlinestore/blob/s3"
	"offlinestore/internal/blobtest"
	"offlinestore/internal/s3test"
)

// site is a bucket behind a proxy that makes faults.
type site struct {
	*s3.Bucket
	t      *testing.T
	server *s3test.Server
	proxy  *s3test.Proxy
	name   string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, server: s3test.Start(t), name: s3test.NewBucket()}
	s.proxy = s.server.NewProxy(t)
	var err error
	if s.Bucket, err = s.options(s.proxy.URL).Open(); err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) options(url string) s3.Options {
	return s3.Options{URL: url, Region: s3test.Region, PathStyle: true, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey, Bucket: s.name}
}

// raw returns a client that goes around the code to be tested.
func (s *site) raw() *minio.Client {
	c, err := minio.New(s.server.URL[len("http://"):], &minio.Options{Creds: credentials.NewStaticV4(s3test.AccessKey, s3test.SecretKey, ""), Region: s3test.Region})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *site) overwrite(dg blob.Digest, content []byte) {
	s.t.Helper()
	_, err := s.raw().PutObject(s.t.Context(), s.name, "sha256/"+dg.Encoded(), bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestBucketConforms(t *testing.T) {
	t.Parallel()
	blobtest.Conform(t, func(t *testing.T) *blobtest.Site {
		s := newSite(t)
		return &blobtest.Site{Backend: s, Overwrite: s.overwrite, Break: func() func() {
			s.proxy.SetFault(func(r *http.Request) s3test.Fault {
				if r.Method == http.MethodPut || r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
					return s3test.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
				}
				return s3test.Fault{}
			})
			return func() { s.proxy.SetFault(nil) }
		}}
	})
}
