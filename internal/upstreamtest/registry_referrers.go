package upstreamtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// AddReferrer adds a manifest of an artifact that refers to a manifest of the repository, and returns its digest. Without a subject, it refers
// to none.
func (r *Registry) AddReferrer(repository, artifactType, subject string, layer []byte) (string, error) {
	config, err := r.AddBlob(repository, Bytes([]byte("{}")))
	if err != nil {
		return "", err
	}
	content, err := r.AddBlob(repository, Bytes(layer))
	if err != nil {
		return "", err
	}
	config.MediaType, content.MediaType = "application/vnd.oci.empty.v1+json", "application/octet-stream"
	doc := object{
		"schemaVersion": 2, "mediaType": ociManifest, "artifactType": artifactType, "config": config, "layers": []Descriptor{content},
		"annotations": object{"org.example.of": "a test"},
	}
	if subject != "" {
		r.mu.Lock()
		m := r.manifests[repository+"@"+subject]
		r.mu.Unlock()
		doc["subject"] = Descriptor{MediaType: m.mediaType, Digest: subject, Size: int64(len(m.raw))}
	}
	return r.AddManifest(repository, ociManifest, encode(doc)), nil
}

// serveReferrers lists the manifests of a repository that refer to digest.
func (r *Registry) serveReferrers(w http.ResponseWriter, repository, digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	entries := []Descriptor{}
	for _, name := range slices.Sorted(maps.Keys(r.manifests)) {
		m := r.manifests[name]
		var doc struct{ Subject Descriptor }
		d := strings.TrimPrefix(name, repository+"@")
		if d != name && strings.HasPrefix(d, "sha256:") && json.Unmarshal(m.raw, &doc) == nil && doc.Subject.Digest == digest {
			entries = append(entries, Descriptor{MediaType: m.mediaType, Digest: d, Size: int64(len(m.raw))})
		}
	}
	w.Header().Set("Content-Type", ociIndex)
	w.Write(encode(object{"schemaVersion": 2, "mediaType": ociIndex, "manifests": entries}))
}
