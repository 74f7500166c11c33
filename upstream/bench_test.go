package upstream_test

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// BenchmarkFetch hashes a layer that a registry on this machine serves from a file.
func BenchmarkFetch(b *testing.B) {
	const size = 256 << 20
	path := filepath.Join(b.TempDir(), "layer")
	if err := os.WriteFile(path, bytes.Repeat([]byte("offline\n"), size/8), 0o600); err != nil {
		b.Fatal(err)
	}
	r := upstreamtest.NewRegistry(upstreamtest.RegistryOptions{})
	d, err := r.AddBlob(repo, upstreamtest.File(path))
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.Contains(q.URL.Path, "/blobs/") {
			http.ServeFile(w, q, path) // sendfile, as registries do
			return
		}
		r.Handler().ServeHTTP(w, q)
	}))
	defer s.Close()
	open, err := upstream.OpenRepository(b.Context(), upstream.RegistryConfig{}, strings.TrimPrefix(s.URL, "http://")+"/"+repo, "", "")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		h := sha256.New()
		if err := open.Fetch(b.Context(), upstream.Blob{Name: "layer", URL: open.BlobURL(digest.Digest(d.Digest)), Size: size}, h); err != nil {
			b.Fatal(err)
		}
		if got := digest.NewDigest(digest.SHA256, h).String(); got != d.Digest {
			b.Fatalf("got %s, want %s", got, d.Digest)
		}
	}
}
