package charm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// Limits of what says where an image is.
const (
	// MaxImageBlob is the largest blob of a resource of type oci-image, in bytes; Charmhub's have about 500.
	MaxImageBlob = 64 << 10
	maxReference = 1024
)

// anyRegistry stands for the registry of the air-gapped side, whose name is not known where an image's name is checked.
const anyRegistry = "registry.invalid"

// errReference is all that is said of a reference that cannot be parsed: the blob it comes from holds credentials, so it is not quoted.
var errReference = errors.New("image reference: want registry/path, with a tag or a sha256 digest")

// imageBlob is the blob of an oci-image resource. Its order is that of the bytes.
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

// ParseImageBlob reads the blob of a resource of type oci-image: JSON as Charmhub writes it, or YAML. No error quotes the blob,
// since its credentials belong into no log.
func ParseImageBlob(b []byte) (ref, username, password string, err error) {
	if len(b) > MaxImageBlob {
		return "", "", "", fmt.Errorf("parse image resource: %d bytes are over the limit of %d", len(b), MaxImageBlob)
	}
	var j imageBlob
	if json.Unmarshal(b, &j) != nil || j.ImageName == "" {
		var y yamlImageBlob
		if decodeYAML(b, MaxImageBlob, &y) != nil || y.RegistryPath == "" {
			return "", "", "", errors.New("parse image resource: neither JSON with ImageName nor YAML with registrypath")
		}
		j = imageBlob{ImageName: y.RegistryPath, Username: y.Username, Password: y.Password}
	}
	if _, _, _, err := SplitReference(j.ImageName); err != nil {
		return "", "", "", fmt.Errorf("parse image resource: %w", err)
	}
	return j.ImageName, j.Username, j.Password, nil
}

// ImageBlob is the blob of a resource of type oci-image that says where name is: in the registry on host. The same arguments make the
// same bytes, whose digests Juju is told beforehand. Credentials are left out where there are none.
func ImageBlob(host, name, username, password string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Strings can always be encoded.
	_ = e.Encode(imageBlob{ImageName: host + "/" + name, Username: username, Password: password})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// SplitReference splits the reference of an image into the registry's host, the image's name inside of it, and the digest, which is
// empty where ref has none. Where ref has a digest, name has it too, and no tag. A reference without a host is one of docker.io.
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

// Validate says what is wrong with i.
func (i *Image) Validate() error {
	named, err := reference.ParseNamed(anyRegistry + "/" + i.Name)
	if len(i.Name) > maxReference || err != nil {
		return fmt.Errorf("image name %.100q: want a path inside a registry, with a tag or a sha256 digest", i.Name)
	}
	if i.Digest != "" {
		if err := validateDigest(digest.Digest(i.Digest)); err != nil {
			return fmt.Errorf("image %s: %w", i.Name, err)
		}
	}
	if d, ok := named.(reference.Digested); ok {
		if err := validateDigest(d.Digest()); err != nil {
			return fmt.Errorf("image %s: %w", i.Name, err)
		}
		if i.Digest != "" && d.Digest().String() != i.Digest {
			return fmt.Errorf("image %s: its digest is %s", i.Name, i.Digest)
		}
	}
	// A reference has no place for credentials, so one that parses has none.
	if i.Source != "" {
		if _, _, _, err := SplitReference(i.Source); err != nil {
			return fmt.Errorf("image %s: source: %w", i.Name, err)
		}
	}
	return nil
}

// Repository is the path of the image inside the registry, without its tag or digest.
func (i *Image) Repository() string {
	name, _, _ := strings.Cut(i.Name, "@")
	// There is no port in it, so a colon begins the tag.
	name, _, _ = strings.Cut(name, ":")
	return name
}
