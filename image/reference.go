package image

import (
	"cmp"
	"errors"
	"strings"

	"github.com/distribution/reference"

	"offlinestore/charm"
)

// Reference names an image in a registry.
type Reference struct {
	Host, Path string
	// Tag is empty for an image that is named by its digest alone.
	Tag string
	// Digest is empty for an image that is named by its tag alone.
	Digest string
}

// ParseReference parses the name of an image upstream: registry/path, with a tag, a digest, or both. Without them, the tag is latest, and
// without a registry it is docker.io. An error does not quote the text, which might have a password.
func ParseReference(text string) (Reference, error) {
	host, name, dgst, err := charm.SplitReference(text)
	if err != nil {
		return Reference{}, err
	}
	r := Reference{Host: host, Digest: dgst}
	r.Path, _, _ = strings.Cut(name, "@")
	r.Path, _, _ = strings.Cut(r.Path, ":") // a path has no colon
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return Reference{}, errors.New("image reference: want registry/path, with a tag or a sha256 digest")
	}
	if t, ok := named.(reference.Tagged); ok {
		r.Tag = t.Tag()
	}
	if r.Tag == "" && r.Digest == "" {
		r.Tag = "latest"
	}
	return r, nil
}

// Repository returns the registry and the path.
func (r Reference) Repository() string { return r.Host + "/" + r.Path }

// Pull returns the name by which the image is fetched: its digest, if it has one, else its tag.
func (r Reference) Pull() string {
	if r.Digest != "" {
		return r.Repository() + "@" + r.Digest
	}
	return r.Repository() + ":" + r.Tag
}

// String returns the whole name.
func (r Reference) String() string {
	s := r.Repository()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// Inside returns the name that an image gets inside: as, in the form path or path:tag, or the path and the tag upstream. An image that is named by
// its digest alone has no tag inside, unless as has one.
func (r Reference) Inside(as string) (Name, error) {
	if as == "" {
		n := Name{r.Path, r.Tag}
		err := ValidateName(n.Path)
		if err == nil && n.Tag != "" {
			err = ValidateTag(n.Tag)
		}
		return n, err
	}
	n, err := ParseName(as)
	n.Tag = cmp.Or(n.Tag, r.Tag)
	return n, err
}

// Name is the name that an image gets inside: the path of a repository, and maybe a tag.
type Name struct{ Path, Tag string }

// String returns path:tag, or the path of a name without a tag.
func (n Name) String() string {
	if n.Tag == "" {
		return n.Path
	}
	return n.Path + ":" + n.Tag
}

// ParseName parses the name that an image gets inside: PATH or PATH:TAG.
func ParseName(text string) (Name, error) {
	var n Name
	var tagged bool
	n.Path, n.Tag, tagged = strings.Cut(text, ":")
	if err := ValidateName(n.Path); err != nil {
		return n, err
	}
	if tagged {
		return n, ValidateTag(n.Tag)
	}
	return n, nil
}
