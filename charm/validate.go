package charm

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"offlinestore/channel"
	"offlinestore/strictjson"
)

// Limits for input from any source.
const (
	MaxNameLength = 100
	MaxYAMLSize   = 4 << 20 // bytes of each YAML file of a charm or charm bundle
	MaxReadmeSize = MaxYAMLSize
	MaxRevision   = 1<<31 - 1
	MaxSnapHints  = 64 // of one revision
	// MaxBundleImages is the number of images that a charm bundle may name.
	MaxBundleImages = 1000
	// All is the architecture of a charm that runs on every one. It never occurs in an export.
	All = "all"
)

var (
	// A part of only digits would be parsed as the revision, in ch:name-5.
	validName     = regexp.MustCompile(`^[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*$`)
	validID       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`) })
	validResource = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	validSystem   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`) })
	validVersion  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,31}$`) })
	validArch     = regexp.MustCompile(`^[a-z0-9]{2,16}$`)
	validHex      = regexp.MustCompile(`^[0-9a-f]*$`)
)

// ValidateName returns an error if name is invalid for a charm or charm bundle by the rules of Juju and Charmhub.
func ValidateName(name string) error {
	if len(name) > MaxNameLength || !validName.MatchString(name) {
		return fmt.Errorf("charm name %.110q: want lower-case letters, digits and single dashes, a letter first and in each part, at most %d", name, MaxNameLength)
	}
	return nil
}

// ValidateID returns an error if id is invalid as the store's ID of a charm or charm bundle.
func ValidateID(id string) error {
	if !validID().MatchString(id) {
		return fmt.Errorf("charm ID %.70q: want up to 64 letters, digits, - and _", id)
	}
	return nil
}

// ValidateResourceName returns an error if name is invalid for a resource. The name is part of the resource's URL.
func ValidateResourceName(name string) error {
	if len(name) > MaxNameLength || !validResource.MatchString(name) {
		return fmt.Errorf("resource name %.110q: want letters, digits, dashes, dots and underscores, at most %d", name, MaxNameLength)
	}
	return nil
}

// ValidateArchitecture returns an error unless arch is a single architecture in Debian's naming.
func ValidateArchitecture(arch string) error {
	if !validArch.MatchString(arch) || arch == All {
		return fmt.Errorf("architecture %.40q: want a Debian architecture such as amd64 or arm64", arch)
	}
	return nil
}

// Validate returns an error unless b is concrete: a system, its release and one architecture.
func (b Base) Validate() error {
	if err := b.validateSystem(); err != nil {
		return err
	}
	return ValidateArchitecture(b.Architecture)
}

func (b Base) validateSystem() error {
	if !validSystem().MatchString(b.Name) || b.Name == All || !validVersion().MatchString(b.Channel) || b.Channel == NotApplicable || b.Channel == All {
		return fmt.Errorf("base %.40q@%.40q: want a system and its release, such as ubuntu@22.04", b.Name, b.Channel)
	}
	return nil
}

var errTime = errors.New("want a time in RFC 3339")

// ValidateTime returns an error unless s is empty or a time in RFC 3339, as Juju requires for each time that it reads.
func ValidateTime(s string) error {
	if s != "" && !strictjson.IsTime(s) {
		return fmt.Errorf("%.40q: %w", s, errTime)
	}
	return nil
}

// validateResourceTime validates a time like ValidateTime, and also accepts one without a zone. Charmhub sends such times for
// resources, and Juju does not read them.
func validateResourceTime(s string) error {
	if err := ValidateTime(s); err == nil {
		return nil
	}
	return ValidateTime(s + "Z")
}

func validateRevision(n, least int) error {
	if n < least || n > MaxRevision {
		return fmt.Errorf("revision %d: out of range", n)
	}
	return nil
}

func validateType(t string) error {
	if t != TypeCharm && t != TypeBundle {
		return fmt.Errorf("unknown type %.40q: want %s or %s", t, TypeCharm, TypeBundle)
	}
	return nil
}

// validateMedia returns an error if a picture has a size that no client could read.
func validateMedia(media []Media) error {
	for _, m := range media {
		for _, size := range []*int{m.Height, m.Width} {
			if size != nil && (*size < 0 || *size > MaxRevision) {
				return fmt.Errorf("media: size %d: out of range", *size)
			}
		}
	}
	return nil
}

func validateTrack(track string) error {
	if track == "" {
		return nil
	}
	if err := channel.ValidateTrack(track); err != nil {
		return fmt.Errorf("default %w", err)
	}
	return nil
}

// validate returns an error if d is invalid: digests must be hex of their length, and no URL of a store may cross the gap.
func (d *Download) validate() error {
	if d.URL != "" {
		return fmt.Errorf("download: the URL %.60q, where none belongs", d.URL)
	}
	if d.Size < 0 {
		return fmt.Errorf("download: size %d: out of range", d.Size)
	}
	for _, h := range []struct {
		name, hex string
		length    int
	}{
		{"sha-256", d.SHA256, 64},
		{"sha-384", d.SHA384, 96},
		{"sha-512", d.SHA512, 128},
		{"sha3-384", d.SHA3384, 96},
	} {
		if h.hex != "" && (len(h.hex) != h.length || !validHex.MatchString(h.hex)) {
			return fmt.Errorf("download: hash-%s %.140q: want %d hex digits in lower case", h.name, h.hex, h.length)
		}
	}
	return nil
}

// hashed reports whether d has any digest.
func (d *Download) hashed() bool { return d.SHA256+d.SHA384+d.SHA512+d.SHA3384 != "" }

func validateFilename(name string) error {
	if len(name) > 255 || name == "." || name == ".." || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }) {
		return fmt.Errorf("file name %.60q: want a plain name", name)
	}
	return nil
}
