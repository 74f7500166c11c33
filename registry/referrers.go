package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// referrersOf returns the manifests that refer to a manifest, by its digest.
func referrersOf(c *catalog.Snapshot) map[digest.Digest][]digest.Digest {
	out := make(map[digest.Digest][]digest.Digest)
	for i := range c.Images {
		if m := &c.Images[i]; m.Subject != "" {
			out[m.Subject] = append(out[m.Subject], m.Digest)
		}
	}
	return out
}

// addReferrers makes each repository serve the manifests that refer to its own, and the referrers of these in turn.
func (ix *index) addReferrers(c *catalog.Snapshot, trees map[digest.Digest]*tree) {
	for _, t := range c.ImageTags {
		repo := ix.repositories[t.Repository]
		if repo == nil || !repo.hasManifest(t.Subject()) || repo.tags[t.Tag] != "" {
			continue
		}
		if ix.addTree(repo, t.Tag, t.Digest, trees) {
			repo.tags[t.Tag] = t.Digest
		}
	}
	if len(ix.referrers) == 0 {
		return
	}
	for name, repo := range ix.repositories {
		for i := 0; i < len(repo.trees); i++ { // it grows
			for d := range repo.trees[i].manifests {
				for _, r := range ix.referrers[d] {
					ix.addTree(repo, name+"@"+r.String(), r, trees)
				}
			}
		}
	}
}

// referrerList sends the list of the manifests in a repository that refer to one, which need not be here.
func (r *Registry) referrerList(w http.ResponseWriter, req *http.Request, ix *index, repo *repository, ref string) {
	subject := digest.Digest(ref)
	if blob.CheckDigest(subject) != nil {
		fail(w, req, http.StatusBadRequest, codeDigestInvalid, "not a sha256 digest")
		return
	}
	list := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
	query := req.URL.Query()
	filter := query["artifactType"]
	for _, d := range ix.referrers[subject] {
		if !repo.hasManifest(d) {
			continue
		}
		desc, err := r.describe(req.Context(), ix.images[d])
		if err != nil {
			r.failBlob(w, req, d, codeManifestUnknown, err)
			return
		}
		if len(filter) == 0 || slices.Contains(filter, desc.ArtifactType) {
			list.Manifests = append(list.Manifests, desc)
		}
	}
	if len(filter) > 0 {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	writeAs(w, req, http.StatusOK, ocispec.MediaTypeImageIndex, list)
}

// describe returns the descriptor of a manifest for the list of referrers.
func (r *Registry) describe(ctx context.Context, m *catalog.Image) (ocispec.Descriptor, error) {
	out := ocispec.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size}
	raw, err := readManifest(ctx, r.cfg.Blobs, m)
	if err != nil {
		return out, err
	}
	var doc struct {
		ArtifactType string             `json:"artifactType"`
		Config       ocispec.Descriptor `json:"config"`
		Annotations  map[string]string  `json:"annotations"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return out, fmt.Errorf("read manifest %s: %w", m.Digest, err)
	}
	out.ArtifactType, out.Annotations = cmp.Or(doc.ArtifactType, doc.Config.MediaType), doc.Annotations
	return out, nil
}

// readManifest returns the text of a manifest, verified.
func readManifest(ctx context.Context, blobs *blob.Storage, m *catalog.Image) ([]byte, error) {
	if m.Size > maxManifest {
		return nil, fmt.Errorf("manifest %s: %d bytes, want at most %d", m.Digest, m.Size, maxManifest)
	}
	f, _, err := blobs.Open(ctx, m.Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(blob.NewVerifyReader(f, m.Digest, m.Size))
}
