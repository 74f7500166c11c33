package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Increment is the signer's statement about the site that a bundle is for, and about the blobs that are left out.
type Increment struct {
	// Receiver is the exporter's name for the site.
	Receiver string `json:"receiver"`
	// Basis is the reason why the receiver should have the blobs that are left out. It is empty if none are.
	Basis Basis `json:"basis,omitempty"`
	// Receipt is the digest of the receipt that the exporter relied on, if there is one.
	Receipt digest.Digest `json:"receipt,omitempty"`
	// Previous is the bundle that was made for the receiver before this one, if there is one.
	Previous *Carried `json:"previous,omitempty"`
	// Carried are the bundles that carried the expected blobs, as far as the exporter knows them.
	Carried []Carried `json:"carried,omitempty"`
}

// Carried is an earlier bundle for a receiver.
type Carried struct {
	// Bundle is the digest of its bundle index, and Created the time of its signature.
	Bundle   digest.Digest `json:"bundle"`
	Created  time.Time     `json:"created"`
	Sequence uint64        `json:"sequence"`
	// File is the name of its file, without a folder.
	File string `json:"file"`
	// Blobs are positions in Expects, in ascending order.
	Blobs []int `json:"blobs,omitempty"`
}

// Basis is a reason to leave out blobs.
type Basis string

// The bases of an increment.
const (
	// Receipt means that the receiver has signed that it has the blobs.
	Receipt Basis = "receipt"
	// Assumption means that earlier bundles carried the blobs, and that nobody has confirmed that they arrived.
	Assumption Basis = "assumption"
)

// maxReceiver bounds the name of a receiver, in bytes.
const maxReceiver = 64

// ErrReceiver reports a name that no receiver can have.
var ErrReceiver = errors.New("want 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit")

// ValidateReceiver returns ErrReceiver for a name that no receiver can have.
func ValidateReceiver(name string) error {
	other := func(c rune) bool {
		return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("._-", c))
	}
	if name == "" || len(name) > maxReceiver || strings.ContainsFunc(name, other) || strings.ContainsAny(name[:1], "._-") {
		return ErrReceiver
	}
	return nil
}

const (
	// maxCarriedFile bounds the name of a file, in bytes.
	maxCarriedFile = 255
	// MaxCarried bounds the bundles that an increment names.
	MaxCarried = 4096
)

// validateIncrement validates the parts of a predicate that are about blobs which are left out.
func (p *Predicate) validateIncrement() error {
	for i, d := range p.Expects {
		if !isDigest(d) {
			return fmt.Errorf("expects: %.80q is no digest", d)
		}
		if i > 0 && p.Expects[i-1] >= d {
			return fmt.Errorf("expects: %s is not in its place", d)
		}
	}
	in := p.Increment
	if in == nil {
		if len(p.Expects) > 0 {
			return errors.New("expects: blobs are left out, and no receiver is named")
		}
		return nil
	}
	switch {
	case ValidateReceiver(in.Receiver) != nil:
		return fmt.Errorf("increment: receiver %.80q: %w", in.Receiver, ErrReceiver)
	case (len(p.Expects) > 0) != (in.Basis != "") || !slices.Contains([]Basis{"", Receipt, Assumption}, in.Basis):
		return errors.New("increment: basis: want receipt or assumption if blobs are expected, and none if not")
	case in.Receipt != "" && !isDigest(in.Receipt):
		return fmt.Errorf("increment: receipt: %.80q is no digest", in.Receipt)
	case len(in.Carried) > MaxCarried:
		return limit("bundles that carried the expected blobs", int64(len(in.Carried)), MaxCarried)
	}
	if in.Previous != nil {
		if err := in.Previous.validate(0); err != nil {
			return fmt.Errorf("increment: previous: %w", err)
		}
	}
	for i := range in.Carried {
		if err := in.Carried[i].validate(len(p.Expects)); err != nil {
			return fmt.Errorf("increment: carried: %w", err)
		}
	}
	return nil
}

// isDigest reports whether d is a digest of the kind that the format has. Algorithm would panic for a text that is none.
func isDigest(d digest.Digest) bool { return d.Validate() == nil && d.Algorithm() == digest.SHA256 }

// validate validates a bundle that carried some of the expected blobs.
func (c *Carried) validate(expected int) error {
	switch {
	case !isDigest(c.Bundle):
		return fmt.Errorf("%.80q is no digest", c.Bundle)
	case c.Created.Year() < 1970 || c.Created.Year() > 9999:
		return fmt.Errorf("%s has no time from the year 1970 to 9999", c.Bundle)
	case c.Sequence > math.MaxInt64:
		return fmt.Errorf("%s has a sequence of more than %d", c.Bundle, math.MaxInt64)
	case len(c.File) > maxCarriedFile:
		return limit("bytes of the name of a file", int64(len(c.File)), maxCarriedFile)
	}
	for i, b := range c.Blobs {
		if b < 0 || b >= expected || i > 0 && c.Blobs[i-1] >= b {
			return fmt.Errorf("%s carried blob %d: want positions in expects, in order", c.Bundle, b)
		}
	}
	return nil
}

// splitExpected separates the payload from the blobs that are left out.
func splitExpected(payload []ocispec.Descriptor, expects []digest.Digest) (here, expected []ocispec.Descriptor, err error) {
	if len(expects) == 0 {
		return payload, nil, nil
	}
	for _, d := range payload {
		if _, left := slices.BinarySearch(expects, d.Digest); left {
			expected = append(expected, d)
		} else {
			here = append(here, d)
		}
	}
	if len(expected) != len(expects) {
		return nil, nil, corrupt("signed statement: expects: %d blobs, of which %d belong to the payload", len(expects), len(expected))
	}
	return here, expected, nil
}

// Reliance knows the blobs that a receiver has.
type Reliance interface {
	// Has reports whether the receiver has a blob.
	Has(digest.Digest) bool
	// Increment describes a bundle that leaves out these blobs, in ascending order.
	Increment(expects []digest.Digest) *Increment
}

// LeaveOut makes the bundle an increment: without the large blobs that the receiver has.
func (d *Builder) LeaveOut(r Reliance) { d.reliance = r }

// maxExpected bounds the blobs that a bundle leaves out, because the statement lists them.
const maxExpected = 60_000

// leftOut returns the blobs of the payload that the receiver has: the largest ones if there are too many for a statement.
func leftOut(payload []ocispec.Descriptor, r Reliance) []digest.Digest {
	has := slices.DeleteFunc(slices.Clone(payload), func(desc ocispec.Descriptor) bool { return !r.Has(desc.Digest) })
	if len(has) > maxExpected {
		slices.SortStableFunc(has, func(a, b ocispec.Descriptor) int { return cmp.Compare(b.Size, a.Size) })
		has = has[:maxExpected]
	}
	var left []digest.Digest
	for _, desc := range has {
		left = append(left, desc.Digest)
	}
	slices.Sort(left)
	return left
}
