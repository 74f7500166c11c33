// Package canonical reads the files of the original store-admin, the closed product, as values of its own.
package canonical

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/charm"
)

// maxWarnings bounds the warnings about one file.
const maxWarnings = 200

// Reader reads the files of the original store-admin.
type Reader struct {
	// StoreBlob reads size bytes from r and keeps them under the digest that identify returns. It calls identify when all is
	// read, and keeps nothing if identify fails.
	StoreBlob func(r io.Reader, size int64, identify func(io.ReaderAt) (blob.Digest, error)) error
	// CharmID returns the ID under which the store knows a charm, empty if it knows none of that name.
	CharmID func(name string) (string, error)
	// Trust holds the roots of the assertions.
	Trust *assertion.Trust
	// Now is the time of the host. No file was made later.
	Now time.Time
}

// Export is the content of one file. Nobody has signed it, but its parts agree with each other.
type Export struct {
	// Created is the time when the file was made, as far as its name and the times in it tell.
	Created    time.Time
	Charms     []charm.Listing
	Revisions  []Revision
	Resources  []Resource
	Assertions []*assertion.Assertion
	// Warnings are messages for the operator.
	Warnings []string
}

// Revision is one revision of a charm or charm bundle, and its archive.
type Revision struct {
	charm.Item
	Blob blob.Digest
}

// Resource is one revision of a resource. Blob is empty for an image, and for a file that was never uploaded.
type Resource struct {
	charm.ResourceItem
	Blob blob.Digest
}

// FormatError reports that a file is damaged, or is none of the original store-admin.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return e.Err.Error() }

// Is reports whether target is [bundle.ErrCorrupt], because an unsigned file is corrupt in the same sense as a bundle.
func (e *FormatError) Is(target error) bool { return target == bundle.ErrCorrupt }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

func formatErrorf(format string, args ...any) error {
	return &FormatError{fmt.Errorf(format, args...)}
}

// ReadExport reads a whole charms-export-….tar.gz, as "export charms" and "export bundle" of the original store-admin write it.
// It makes up missing parts, as the original would, and warns of them. It drops the credentials of image registries.
// The file has size bytes, or 0 if that is unknown. ReadExport reports each byte that it reads to progress, which may be nil.
func (r *Reader) ReadExport(ctx context.Context, name string, in io.Reader, size int64, progress func(int64)) (*Export, error) {
	p := &parser{Reader: r, out: &Export{}, names: make(map[string]bool)}
	if err := p.read(newSource(ctx, in, size, progress)); err != nil {
		return nil, err
	}
	if err := p.build(name); err != nil {
		return nil, err
	}
	return p.out, nil
}

var stamp = regexp.MustCompile(`-([0-9]{8}T[0-9]{6})\.(?:tar\.gz|tgz)$`)

// Stamp returns the time that the original store-admin puts at the end of a file's name, in UTC.
func Stamp(name string) (time.Time, bool) {
	m := stamp.FindStringSubmatch(name)
	if m == nil {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102T150405", m[1])
	return t, err == nil
}

// build makes an export of the groups.
func (p *parser) build(name string) error {
	if err := p.parseBundleYAML(); err != nil {
		return err
	}
	if len(p.groups) == 0 {
		return formatErrorf("no charm in it")
	}
	created, ok := Stamp(name)
	if !ok {
		created = p.newest
	}
	if created.After(p.Now) || created.IsZero() {
		created = p.Now
	}
	p.out.Created = created
	slices.SortStableFunc(p.groups, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	for _, g := range p.groups {
		if err := p.buildCharm(g); err != nil {
			return fmt.Errorf("charm %s: %w", g.name, err)
		}
	}
	return p.validate()
}

// validate applies the rules that a signed bundle keeps.
func (p *parser) validate() error {
	for i := range p.out.Charms {
		if err := p.out.Charms[i].Validate(); err != nil {
			return &FormatError{err}
		}
	}
	for i := range p.out.Revisions {
		if err := p.out.Revisions[i].Validate(); err != nil {
			return &FormatError{err}
		}
	}
	for i := range p.out.Resources {
		if err := p.out.Resources[i].Validate(); err != nil {
			return &FormatError{err}
		}
	}
	return nil
}

func (p *parser) warn(format string, args ...any) {
	if len(p.out.Warnings) < maxWarnings {
		p.out.Warnings = append(p.out.Warnings, fmt.Sprintf(format, args...))
	}
}
