package charm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"offlinestore/safeyaml"
)

// Limits of the texts that locate an image.
const (
	// MaxImageBlob is the size limit of the blob of a resource of type oci-image, in bytes. Charmhub's have about 500.
	MaxImageBlob = 64 << 10
	maxReference = 1024
)

// errReference is the only error about an invalid reference. It does not quote the reference, because the blob holds credentials.
var errReference = errors.New("image reference: want registry/path, with a tag or a sha256 digest")

// imageBlob is the blob of an oci-image resource. The order of its fields is the order in the JSON.
type imageBlob struct {
	ImageName string
	Username  string `json:",omitempty"`
	Password  string `json:",omitempty"`
}

// yamlImageBlob is the other form that charm authors attach.
type yamlImageBlob struct {
	RegistryPath string `yaml:"registrypath"`
	Username     string `yaml:"username"`
	Password     string `yaml:"password"`
}

// ParseImageBlob parses the blob of a resource of type oci-image: JSON as Charmhub writes it, or YAML. No error quotes the blob,
// since its credentials must not reach a log.
func ParseImageBlob(b []byte) (ref, username, password string, err error) {
	if len(b) > MaxImageBlob {
		return "", "", "", fmt.Errorf("parse image resource: %d bytes are over the limit of %d", len(b), MaxImageBlob)
	}
	var j imageBlob
	if json.Unmarshal(b, &j) != nil || j.ImageName == "" {
		var y yamlImageBlob
		if _, err := safeyaml.Decode(b, safeyaml.Options{MaxSize: MaxImageBlob}, &y); err != nil || y.RegistryPath == "" {
			return "", "", "", errors.New("parse image resource: neither JSON with ImageName nor YAML with registrypath")
		}
		j = imageBlob{ImageName: y.RegistryPath, Username: y.Username, Password: y.Password}
	}
	if _, _, _, err := SplitReference(j.ImageName); err != nil {
		return "", "", "", fmt.Errorf("parse image resource: %w", err)
	}
	return j.ImageName, j.Username, j.Password, nil
}

// ImageBlob returns the blob of a resource of type oci-image for an image name in the registry on host. The same arguments give
// the same bytes, because Juju gets their digests in advance. Empty credentials are left out.
func ImageBlob(host, name, username, password string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Strings can always be encoded.
	_ = e.Encode(imageBlob{ImageName: host + "/" + name, Username: username, Password: password})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// SplitReference splits the reference of an image into the registry's host, the image's name in this registry, and the digest,
// which is empty if ref has none. If ref has a digest, name has it, too, and no tag. A reference without a host belongs to
// docker.io.
func SplitReference(ref string) (host, name, dgst string, err error) {
	if len(ref) > maxReference {
		return "", "", "", errReference
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", "", "", errReference
	}
	host, name = reference.Domain(named), reference.Path(named)
	if d, ok := named.(reference.Digested); ok {
		if err := validateDigest(d.Digest()); err != nil {
			return "", "", "", err
		}
		return host, name + "@" + d.Digest().String(), d.Digest().String(), nil
	}
	if t, ok := named.(reference.Tagged); ok {
		name += ":" + t.Tag()
	}
	return host, name, "", nil
}

func validateDigest(d digest.Digest) error {
	if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		return fmt.Errorf("digest %.80q: want sha256: and 64 hex digits", string(d))
	}
	return nil
}

// The grammar of references in exports. It is the one of github.com/distribution/reference, with the host spelled out.
const (
	pathPart    = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	namePattern = `(` + pathPart + `(?:/` + pathPart + `)*)(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(?:@(sha256:[0-9a-f]{64}))?`
	hostPart    = `[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`
	hostPattern = `(?:` + hostPart + `(?:\.` + hostPart + `)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?`
	// maxPath is the limit of the path of an image, in bytes.
	maxPath = 255
)

var (
	imageName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + namePattern + `$`) })
	imageSource = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + hostPattern + `/` + namePattern + `$`) })
)

// Validate returns an error if i is invalid.
func (i *Image) Validate() error {
	m := imageName().FindStringSubmatch(i.Name)
	if len(i.Name) > maxReference || m == nil || len(m[1]) > maxPath {
		return fmt.Errorf("image name %.100q: want a path inside a registry, with a tag or a sha256 digest", i.Name)
	}
	if i.Digest != "" {
		if err := validateDigest(digest.Digest(i.Digest)); err != nil {
			return fmt.Errorf("image %s: %w", i.Name, err)
		}
		if m[2] != "" && m[2] != i.Digest {
			return fmt.Errorf("image %s: its digest is %s", i.Name, i.Digest)
		}
	}
	if err := i.validateTags(); err != nil {
		return err
	}
	// A reference has no syntax for credentials, so a valid one has none.
	if m := imageSource().FindStringSubmatch(i.Source); i.Source != "" && (len(i.Source) > maxReference || m == nil || len(m[1]) > maxPath) {
		return fmt.Errorf("image %s: source: %w", i.Name, errReference)
	}
	return nil
}

// Repository returns the path of the image in the registry, without its tag or digest.
func (i *Image) Repository() string {
	name, _, _ := strings.Cut(i.Name, "@")
	// The name contains no port, so a colon begins the tag.
	name, _, _ = strings.Cut(name, ":")
	return name
}

// Tag returns the repository and tag by which people pull the image, or "" if its name has only a digest.
func (i *Image) Tag() string {
	name, _, byDigest := strings.Cut(i.Name, "@")
	if !byDigest && !strings.Contains(name, ":") {
		name += ":latest"
	}
	if !strings.Contains(name, ":") {
		return ""
	}
	return name
}

// Pinned returns the name of the image with its digest in place of a tag, or just its name if the digest is unknown.
func (i *Image) Pinned() string {
	if i.Digest == "" {
		return i.Name
	}
	return i.Repository() + "@" + i.Digest
}

// maxImageTags bounds the further tags of one image. An index of all platforms has three for each of its manifests.
const maxImageTags = 1000

// imageTag is a tag that follows from a digest: its digits after "sha256-", and an ending such as sig, att or sbom.
var imageTag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256-([0-9a-f]{64})\.[a-z]{1,16}$`) })

// TaggedDigest returns the digest that a further tag follows from, or "" if it follows from none.
func TaggedDigest(tag string) digest.Digest {
	m := imageTag().FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return digest.NewDigestFromEncoded(digest.SHA256, m[1])
}

func (i *Image) validateTags() error {
	if n := len(i.Tags); n > maxImageTags {
		return fmt.Errorf("image %s: %d further tags, at most %d", i.Name, n, maxImageTags)
	}
	for tag, d := range i.Tags {
		if TaggedDigest(tag) == "" {
			return fmt.Errorf("image %s: tag %.100q: want sha256-, 64 hex digits and an ending", i.Name, tag)
		}
		if err := validateDigest(digest.Digest(d)); err != nil {
			return fmt.Errorf("image %s: tag %s: %w", i.Name, tag, err)
		}
	}
	return nil
}
