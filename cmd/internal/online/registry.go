package online

import (
	"net/http"
	"regexp"

	"github.com/opencontainers/go-digest"

	"offlinestore/edge"
	"offlinestore/upstream"
)

// content is the path of a manifest or a blob in the API of registries (OCI distribution).
var content = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs)/([^/]+)$`)

// withRegistry adds the images of the edge to its API.
func withRegistry(e *edge.Edge) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := content.FindStringSubmatch(r.URL.Path)
		switch {
		case r.URL.Path == "/v2/":
			w.WriteHeader(http.StatusOK)
		case m == nil:
			e.Handler().ServeHTTP(w, r)
		case m[2] == "manifests" && !e.PullManifest(w, r, m[1], m[3]), m[2] == "blobs" && !e.PullBlob(w, r, m[1], digest.Digest(m[3])):
			http.NotFound(w, r)
		}
	})
}

// Registry returns the configuration of clients of the edge's images.
func (s *Store) Registry() upstream.RegistryConfig {
	return upstream.RegistryConfig{UserAgent: userAgent(), HTTP: s.HTTP(), Retries: -1, PlainHTTP: func(h string) bool { return h == host }}
}
