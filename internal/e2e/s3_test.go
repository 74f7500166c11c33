//go:build linux

package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/internal/pgtest"
	"offlinestore/internal/s3test"
	"offlinestore/internal/upstreamtest"
)

// newS3Store exports, pushes and serves a snap whose blobs are in a bucket.
func newS3Store(t *testing.T, settings ...string) (*client, *outside, *inside, *s3test.Proxy) {
	t.Helper()
	proxy := s3test.Start(t).NewProxy(t)
	up := newOrigin(t)
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.proxy(append([]string{"config", "proxy.storage.backend=s3", "proxy.storage.s3.server-url=" + proxy.URL, "proxy.storage.s3.region=" + s3test.Region,
		"proxy.storage.s3.access-key-id=" + s3test.AccessKey, "proxy.storage.s3.secret-access-key=" + s3test.SecretKey,
		"proxy.storage.s3.scanned-container-name=" + s3test.NewBucket(), "proxy.db.connection=" + pgtest.New(t)}, settings...)...)
	in.push(o.export("greeter")...)
	in.serve()
	in.await("greeter", "stable", 1)
	return &client{in.url, o.root, up}, o, in, proxy
}

// TestS3 lets snapd's own code install from a store whose blobs are in S3: through the store with and without its cache, and by a redirect.
func TestS3(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"cache": nil, "no cache": {"proxy.cache.size=0"}, "redirect": {"proxy.storage.s3.redirect=true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _, in, proxy := newS3Store(t, settings...)
			if entries, err := os.ReadDir(filepath.Join(in.data, "blobs", "sha256")); err != nil || len(entries) > 0 {
				t.Errorf("%d blobs are in the folder, %v, want none", len(entries), err)
			}
			for range 2 { // the client compares the digest with the snap-revision
				if got := c.fetch(t, "greeter"); got.Revision != 1 {
					t.Errorf("got revision %d, want 1", got.Revision)
				}
			}
			if out := in.proxy("check", "--blobs"); !strings.Contains(out, "are good") {
				t.Errorf("check --blobs prints %q", out)
			}
			if out := in.proxy("status"); !strings.Contains(out, "s3: running") || strings.Contains(out, s3test.SecretKey) {
				t.Errorf("status prints %q", out)
			}
			proxy.SetFault(func(*http.Request) s3test.Fault { return s3test.Fault{Status: 503, Code: "SlowDown"} })
			if name == "cache" { // has a copy
				c.fetch(t, "greeter")
			}
		})
	}
}
