package upstreamtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// The media types of images, Docker's and OCI's.
const (
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociConfig      = "application/vnd.oci.image.config.v1+json"
	ociLayer       = "application/vnd.oci.image.layer.v1.tar+gzip"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// Registry is a simulated container registry that supports pulls. All its methods may be called while it serves.
type Registry struct {
	Faults
	opts RegistryOptions

	mu        sync.Mutex
	manifests map[string]manifest // by repository and reference
	blobs     map[string]Blob     // by repository and digest
	tokens    map[string]token
	issued    int
	expired   bool
}

// RegistryOptions are the options of NewRegistry. The zero value requires no credentials.
type RegistryOptions struct {
	Username, Password string
	// Basic requires the credentials with each request. Otherwise they buy a token, as in most registries.
	Basic bool
	// TokenUses is the number of requests for which a token is valid; 0 is any number.
	TokenUses int
	// OpenPing answers /v2/ without credentials, although the content requires them.
	OpenPing bool
	// NoReferrers leaves out the referrers API. Tags stand for it then, as in older registries.
	NoReferrers bool
	// CDN is the base URL to which blobs are redirected: another server of Handler, under another name.
	CDN string
}

type manifest struct {
	mediaType string
	raw       []byte
}

type token struct {
	repository string
	uses       int
}

// NewRegistry returns an empty registry.
func NewRegistry(opts RegistryOptions) *Registry {
	return &Registry{opts: opts, manifests: map[string]manifest{}, blobs: map[string]Blob{}, tokens: map[string]token{}}
}

// Image is an image for one platform.
type Image struct {
	// Seed distinguishes the image from others.
	Seed string
	// Arch is its architecture; "" is amd64.
	Arch string
	// Docker gives it Docker's media types.
	Docker bool
	// Layers are its layers; nil makes two small ones.
	Layers []Blob
}

// Descriptor names a blob or manifest.
type Descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	Platform  map[string]string `json:"platform,omitempty"`
	URLs      []string          `json:"urls,omitempty"`
}

// AddImage adds an image to a repository, and returns the digest of its manifest.
func (r *Registry) AddImage(repository string, img Image) (string, error) {
	manifestType, configType, layerType := ociManifest, ociConfig, ociLayer
	if img.Docker {
		manifestType, configType, layerType = dockerManifest, dockerConfig, dockerLayer
	}
	if img.Layers == nil {
		for i := range 2 {
			img.Layers = append(img.Layers, Bytes(MakeLayer(fmt.Sprint("layer ", i, " of ", repository, img.Seed, img.Arch), 10_000)))
		}
	}
	layers := []Descriptor{}
	diffs := []string{}
	for _, l := range img.Layers {
		d, err := r.AddBlob(repository, l)
		if err != nil {
			return "", err
		}
		d.MediaType = layerType
		layers = append(layers, d)
		diff, err := diffID(l)
		if err != nil {
			return "", err
		}
		diffs = append(diffs, cmpOr(diff, d.Digest))
	}
	config, err := r.AddBlob(repository, Bytes(encode(object{
		"architecture": cmpOr(img.Arch, "amd64"), "os": "linux", "config": object{"Labels": object{"seed": img.Seed}},
		"rootfs": object{"type": "layers", "diff_ids": diffs}, "created": "2024-03-01T09:00:00Z",
	})))
	if err != nil {
		return "", err
	}
	config.MediaType = configType
	raw := encode(object{"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": layers})
	return r.AddManifest(repository, manifestType, raw), nil
}

// diffID returns the digest of a layer's unpacked content, which runtimes compare, or "" if the layer is no gzip.
func diffID(layer Blob) (string, error) {
	b, err := layer()
	if err != nil {
		return "", err
	}
	defer b.Close()
	z, err := gzip.NewReader(struct{ io.Reader }{b})
	if err != nil {
		return "", nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, z); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// AddIndex adds an index of manifests that the repository has, and returns its digest. The index lists the children with the
// architectures in their configs.
func (r *Registry) AddIndex(repository string, docker bool, children ...string) (string, error) {
	r.mu.Lock()
	entries := []Descriptor{}
	for _, d := range children {
		m, ok := r.manifests[repository+"@"+d]
		if !ok {
			r.mu.Unlock()
			return "", fmt.Errorf("repository %s: no manifest %s", repository, d)
		}
		entry := Descriptor{MediaType: m.mediaType, Digest: d, Size: int64(len(m.raw))}
		if arch := r.architecture(repository, m); arch != "" {
			entry.Platform = map[string]string{"os": "linux", "architecture": arch}
		}
		entries = append(entries, entry)
	}
	r.mu.Unlock()
	mediaType := ociIndex
	if docker {
		mediaType = dockerIndex
	}
	return r.AddManifest(repository, mediaType, encode(object{"schemaVersion": 2, "mediaType": mediaType, "manifests": entries})), nil
}

// architecture returns the architecture in the config of m, or "" for an index.
func (r *Registry) architecture(repository string, m manifest) string {
	var doc struct{ Config Descriptor }
	var config struct{ Architecture string }
	if json.Unmarshal(m.raw, &doc) != nil || r.blobs[repository+"@"+doc.Config.Digest] == nil {
		return ""
	}
	b, err := r.blobs[repository+"@"+doc.Config.Digest]()
	if err != nil {
		return ""
	}
	defer b.Close()
	if json.NewDecoder(b).Decode(&config) != nil {
		return ""
	}
	return config.Architecture
}

// AddManifest adds a manifest unchanged, and returns its digest.
func (r *Registry) AddManifest(repository, mediaType string, raw []byte) string {
	d := fmt.Sprintf("sha256:%x", sha256.Sum256(raw))
	r.Lie(repository, d, mediaType, raw)
	return d
}

// Lie answers requests for another digest or a tag with a manifest.
func (r *Registry) Lie(repository, ref, mediaType string, raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manifests[repository+"@"+ref] = manifest{mediaType, raw}
}

// Tag gives a manifest of the repository a tag.
func (r *Registry) Tag(repository, tag, digest string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.manifests[repository+"@"+digest]
	if !ok {
		return fmt.Errorf("repository %s: no manifest %s", repository, digest)
	}
	r.manifests[repository+"@"+tag] = m
	return nil
}

// AddBlob adds a blob to a repository.
func (r *Registry) AddBlob(repository string, b Blob) (Descriptor, error) {
	rc, err := b()
	if err != nil {
		return Descriptor{}, err
	}
	defer rc.Close()
	h := sha256.New()
	n, err := io.Copy(h, struct{ io.Reader }{rc})
	if err != nil {
		return Descriptor{}, err
	}
	d := Descriptor{Digest: "sha256:" + hex.EncodeToString(h.Sum(nil)), Size: n}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blobs[repository+"@"+d.Digest] = b
	return d, nil
}

// Remove removes a manifest or blob from a repository. Other manifests still name it.
func (r *Registry) Remove(repository, digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.manifests, repository+"@"+digest)
	delete(r.blobs, repository+"@"+digest)
}

// Manifest returns a manifest of the repository, or nil if there is none.
func (r *Registry) Manifest(repository, ref string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.manifests[repository+"@"+ref].raw)
}

// Expire makes the registry refuse its credentials from now on.
func (r *Registry) Expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expired = true
	clear(r.tokens)
}

// MakeLayer returns a layer with one file of size incompressible bytes. The same seed gives the same bytes.
func MakeLayer(seed string, size int64) []byte {
	var b bytes.Buffer
	if err := WriteLayer(&b, seed, size); err != nil {
		panic(err) // a buffer accepts everything
	}
	return b.Bytes()
}

// WriteLayer writes the layer of MakeLayer, for layers that are too large for memory.
func WriteLayer(w io.Writer, seed string, size int64) error {
	z, err := gzip.NewWriterLevel(w, gzip.NoCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	if err := t.WriteHeader(&tar.Header{Name: "payload", Size: size, Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	content, err := Random(seed, size)()
	if err != nil {
		return err
	}
	defer content.Close()
	if _, err := io.Copy(t, struct{ io.Reader }{content}); err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the registry's own objects can always be encoded
	}
	return b
}
