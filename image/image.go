// Package image describes container images that belong to no charm: repositories with their images and tags, as a bundle carries them.
package image

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
)

// Limits of one repository.
const (
	// MaxName bounds the name of a repository, in bytes. The name of its item in a bundle is a little longer.
	MaxName = 200
	// MaxImages bounds the images, and MaxTags the tags.
	MaxImages = 1000
	MaxTags   = 1000
	// maxPlatforms bounds the platforms of one image.
	maxPlatforms = 512
)

// charmFolder begins the names of the images of Charmhub, which belong to charms.
const charmFolder = "charm/"

// Repository is a repository of images that belong to no charm.
type Repository struct {
	// FurtherTags are the tags by which tools find signatures of the images and the like: sha256-HEX.sig.
	FurtherTags map[string]string `json:"further-tags,omitempty"`
	// Images are sorted by their digests.
	Images []Image `json:"images"`
	// Name is the path inside the registry of the air-gapped side.
	Name string `json:"name"`
}

// Image is one image of a repository.
type Image struct {
	// Digest is the one of the image's index or manifest.
	Digest string `json:"digest"`
	// Platforms are the parts that came along, in the form os/architecture[/variant], sorted. They are for people.
	Platforms []string `json:"platforms,omitempty"`
	// Source is a name of the image upstream, by which the exporter was asked for it.
	Source string `json:"source"`
	// Tags map the tags of the image to the names upstream that they were asked for by. An image without tags is pulled by its digest.
	Tags map[string]string `json:"tags,omitempty"`
}

var (
	validTag      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$`) })
	validPlatform = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}/[a-z0-9][a-z0-9._-]{0,31}(?:/[a-z0-9][a-z0-9._-]{0,31})?$`)
	})
)

// ValidateName returns an error if name is not the name of a repository.
func ValidateName(name string) error {
	switch {
	case len(name) > MaxName, strings.ContainsAny(name, ":@"), (&charm.Image{Name: name}).Validate() != nil:
		return fmt.Errorf("repository %.100q: want a path inside a registry, of at most %d bytes, such as library/postgres", name, MaxName)
	case strings.HasPrefix(name+"/", charmFolder):
		return fmt.Errorf("repository %.100q: names below %s belong to images of charms", name, charmFolder)
	}
	return nil
}

// IsPlatform reports whether a text has the form of a platform.
func IsPlatform(text string) bool { return validPlatform().MatchString(text) }

// ValidateTag returns an error if tag is not a tag of an image. Tags that follow from a digest belong to signatures and the like.
func ValidateTag(tag string) error {
	if !validTag().MatchString(tag) {
		return fmt.Errorf("tag %.140q: want at most 128 letters, digits, _, . and -, beginning with neither . nor -", tag)
	}
	if charm.TaggedDigest(tag) != "" {
		return fmt.Errorf("tag %s: it is one of a signature or the like, which come along with their images", tag)
	}
	return nil
}

// Validate returns an error if r is invalid.
func (r *Repository) Validate() error {
	if err := ValidateName(r.Name); err != nil {
		return err
	}
	if n := len(r.Images); n == 0 || n > MaxImages {
		return fmt.Errorf("repository %s: %d images, want 1 to %d", r.Name, n, MaxImages)
	}
	tags := make(map[string]bool)
	for i := range r.Images {
		if i > 0 && r.Images[i-1].Digest >= r.Images[i].Digest {
			return fmt.Errorf("repository %s: its images are not sorted by their digests, or one is there twice", r.Name)
		}
		if err := r.Images[i].validate(); err != nil {
			return fmt.Errorf("repository %s: %w", r.Name, err)
		}
		for tag := range r.Images[i].Tags {
			if tags[tag] {
				return fmt.Errorf("repository %s: two images have the tag %s", r.Name, tag)
			}
			tags[tag] = true
		}
	}
	if n := len(tags); n > MaxTags {
		return fmt.Errorf("repository %s: %d tags, at most %d", r.Name, n, MaxTags)
	}
	return (&charm.Image{Name: r.Name, Tags: r.FurtherTags}).Validate()
}

func (i *Image) validate() error {
	if d := digest.Digest(i.Digest); d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		return fmt.Errorf("digest %.80q: want sha256: and 64 hex digits", i.Digest)
	}
	if err := validateSource(i.Source); err != nil {
		return fmt.Errorf("image %s: %w", i.Digest, err)
	}
	if n := len(i.Platforms); n > maxPlatforms {
		return fmt.Errorf("image %s: %d platforms, at most %d", i.Digest, n, maxPlatforms)
	}
	for _, p := range i.Platforms {
		if !IsPlatform(p) {
			return fmt.Errorf("image %s: platform %.100q: want os/architecture, or os/architecture/variant", i.Digest, p)
		}
	}
	for tag, source := range i.Tags {
		if err := cmp.Or(ValidateTag(tag), validateSource(source)); err != nil {
			return fmt.Errorf("image %s: %w", i.Digest, err)
		}
	}
	if !isSorted(i.Platforms) {
		return fmt.Errorf("image %s: its platforms are not sorted, or one is there twice", i.Digest)
	}
	return nil
}

// validateSource returns an error if a text is not the name of an image upstream. A valid one has no credentials.
func validateSource(source string) error {
	if source == "" {
		return errors.New("it has no source")
	}
	return (&charm.Image{Name: "x", Source: source}).Validate()
}

// isSorted reports whether a list is sorted and has each element once.
func isSorted(list []string) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1] >= list[i] {
			return false
		}
	}
	return true
}

// Tags returns the digests of the images by their tags.
func (r *Repository) Tags() map[string]string {
	out := make(map[string]string)
	for _, i := range r.Images {
		for tag := range i.Tags {
			out[tag] = i.Digest
		}
	}
	return out
}

// Names returns the names by which clients pull the images: each tag, and the digests of images without tags.
func (r *Repository) Names() (names []string) {
	for tag := range r.Tags() {
		names = append(names, r.Name+":"+tag)
	}
	slices.Sort(names)
	for _, i := range r.Images {
		if len(i.Tags) == 0 {
			names = append(names, r.Name+"@"+i.Digest)
		}
	}
	return names
}

// Add adds an image. An image that is there gains the tags and the platforms. It returns an error if another image has one of the tags.
func (r *Repository) Add(i Image) error {
	tags := r.Tags()
	for tag := range i.Tags {
		if d := tags[tag]; d != "" && d != i.Digest {
			return fmt.Errorf("two images are to be %s:%s: %s and %s", r.Name, tag, d, i.Digest)
		}
	}
	at, found := slices.BinarySearchFunc(r.Images, i.Digest, func(have Image, d string) int { return cmp.Compare(have.Digest, d) })
	if !found {
		r.Images = slices.Insert(r.Images, at, i)
		return nil
	}
	have := &r.Images[at]
	have.Platforms = slices.Concat(have.Platforms, i.Platforms)
	slices.Sort(have.Platforms)
	have.Platforms = slices.Compact(have.Platforms)
	if have.Tags == nil && len(i.Tags) > 0 {
		have.Tags = make(map[string]string)
	}
	maps.Copy(have.Tags, i.Tags)
	return nil
}

// AddFurtherTags adds the tags of signatures of an image and the like.
func (r *Repository) AddFurtherTags(tags map[string]string) {
	if r.FurtherTags == nil && len(tags) > 0 {
		r.FurtherTags = make(map[string]string)
	}
	maps.Copy(r.FurtherTags, tags)
}

// Referred returns the images in the form that charms have. The first one has the further tags of all.
func (r *Repository) Referred() []charm.Image {
	out := make([]charm.Image, len(r.Images))
	for n, i := range r.Images {
		out[n] = charm.Image{Name: r.Name + "@" + i.Digest, Digest: i.Digest, Source: i.Source}
	}
	if len(out) > 0 {
		out[0].Tags = r.FurtherTags
	}
	return out
}
