package s3_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/internal/blobtest"
	"offlinestore/internal/s3test"
)

// TestTLS checks that only known authorities are believed, and that a proxy that ends TLS can't change content either.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	proxy, roots := server.NewTLSProxy(t)
	s := &site{t: t, server: server, proxy: proxy, name: s3test.NewBucket()}
	options := s.options(proxy.URL)
	var err error
	if s.Bucket, err = options.Open(); err != nil {
		t.Fatal(err)
	}
	var down *blob.UnavailableError
	if err := s.Prepare(t.Context()); !errors.As(err, &down) {
		t.Fatalf("Prepare() with an unknown authority = %v, want an UnavailableError", err)
	}
	options.CACerts = roots
	if s.Bucket, err = options.Open(); err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{small, large} {
		c := blobtest.Random(1, size)
		proxy.SetFault(func(r *http.Request) s3test.Fault {
			if r.Method == http.MethodPut {
				return s3test.Fault{FlipRequest: 50_000}
			}
			return s3test.Fault{}
		})
		if err := s.publish(c, digest.FromBytes(c)); !errors.As(err, &down) {
			t.Errorf("%d bytes, changed on the way: publish = %v, want an UnavailableError", size, err)
		}
		proxy.SetFault(nil)
		s.lacks(digest.FromBytes(c))
		s.mustPublish(c)
		s.serves(c)
	}
}
