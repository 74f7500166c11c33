package importer

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
)

// Unsigned is a file of the original store-admin, read whole and held against itself: nobody has signed it.
type Unsigned struct {
	// Verified is what Apply takes.
	*Verified
	// Created is when the file was made, as far as it says.
	Created time.Time
	// Warnings are for the operator's eyes.
	Warnings []string
}

// Content says what is in the file.
func (u *Unsigned) Content() Content { return contentOf(u.record) }

// errOriginal says what is wrong with a file of the original store-admin.
type errOriginal struct{ error }

func (e errOriginal) Is(target error) bool { return target == bundle.ErrCorrupt }

func (e errOriginal) Unwrap() error { return e.error }

func badOriginal(format string, args ...any) error { return errOriginal{fmt.Errorf(format, args...)} }

// ReadUnsigned reads what "export charms" and "export bundle" of the original store-admin write: a charms-export-….tar.gz. What it
// lacks is made up as the original would, with a warning; credentials of image registries in it are dropped. Whether an unsigned
// file is to be believed is for the operator to say before this is called. progress, which may be nil, is told of each byte read.
func (im *Importer) ReadUnsigned(ctx context.Context, name string, r io.Reader, progress func(int64)) (*Unsigned, error) {
	u, err := im.readUnsigned(ctx, name, r, progress)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return u, nil
}

func (im *Importer) readUnsigned(ctx context.Context, name string, r io.Reader, progress func(int64)) (*Unsigned, error) {
	in := &catalog.Import{Name: name, Signer: catalog.Unsigned, PushChannelMap: im.PushChannelMap}
	s, err := im.stage(ctx, in)
	if err != nil {
		return nil, err
	}
	o := &original{s: s, in: in, now: im.Now().UTC().Truncate(time.Second), names: make(map[string]bool)}
	sum := blob.NewSums(blob.SHA256)
	err = o.read(io.TeeReader(blob.NewMeter(ctx, r, progress), sum))
	in.Bundle = sum.Digest()
	if err == nil {
		err = o.build(name)
	}
	if err != nil {
		return nil, errors.Join(err, s.committed(), s.batch.Discard())
	}
	v, err := s.Wait()
	if err != nil {
		return nil, err
	}
	return &Unsigned{Verified: v, Created: in.SignedAt, Warnings: o.warnings}, nil
}

// PlanVerified says what Apply would change.
func (im *Importer) PlanVerified(ctx context.Context, v *Verified) (*catalog.Report, error) {
	return im.Store.Plan(ctx, v.record)
}

// IsOriginalExport says whether r, from its beginning, looks like a file of the original store-admin. It reads no more than it
// needs to. An error says that r could not be read.
func IsOriginalExport(r io.Reader) (bool, error) {
	read := &failing{r: r}
	z, err := gzip.NewReader(bufio.NewReader(read))
	if err != nil {
		return false, read.err
	}
	t := tar.NewReader(io.LimitReader(z, 1<<20))
	for range 8 {
		h, err := t.Next()
		if err != nil {
			return false, read.err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		base := path.Base(h.Name)
		return base == bundleYAML || strings.HasSuffix(base, nestedSuffix) || archiveName.MatchString(base), nil
	}
	return false, nil
}

// failing remembers an error that is not the end.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// stampOf is the time that the original store-admin puts at the end of a file's name, in UTC.
func stampOf(name string) (time.Time, bool) {
	m := stamp.FindStringSubmatch(name)
	if m == nil {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102T150405", m[1])
	return t, err == nil
}

var stamp = regexp.MustCompile(`-([0-9]{8}T[0-9]{6})\.(?:tar\.gz|tgz)$`)

// build makes an import of what was read.
func (o *original) build(name string) error {
	if err := o.readBundleYAML(); err != nil {
		return err
	}
	if len(o.groups) == 0 {
		return badOriginal("no charm in it")
	}
	created, ok := stampOf(name)
	if !ok {
		created = o.newest
	}
	if created.After(o.now) || created.IsZero() {
		created = o.now
	}
	o.in.SignedAt = created
	slices.SortStableFunc(o.groups, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	for _, g := range o.groups {
		if err := o.buildCharm(g); err != nil {
			return fmt.Errorf("charm %s: %w", g.name, err)
		}
	}
	return o.validate()
}

// validate holds what was made up to the rules that a signed bundle keeps.
func (o *original) validate() error {
	for i := range o.in.Charms {
		if err := o.in.Charms[i].Validate(); err != nil {
			return errOriginal{err}
		}
	}
	for i := range o.in.CharmRevisions {
		if err := o.in.CharmRevisions[i].Validate(); err != nil {
			return errOriginal{err}
		}
	}
	for i := range o.in.CharmResources {
		if err := o.in.CharmResources[i].Validate(); err != nil {
			return errOriginal{err}
		}
	}
	return nil
}

func (o *original) warn(format string, args ...any) {
	if len(o.warnings) < maxWarnings {
		o.warnings = append(o.warnings, fmt.Sprintf(format, args...))
	}
}
